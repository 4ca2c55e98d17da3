"""Whether a run that goes on has the captions that it began with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from captioner.datasets import Record
from captioner.errors import TrainingError
from captioner.files import MB, raising, read_json
from captioner.training.checkpoint import write_text


def keep_captions(path: Path, records: Iterable[Record]) -> None:
    """Remember the captions of all photos. Raises TrainingError where that cannot be written."""
    write_text(path, json.dumps(_digests(records)))


def check_captions(path: Path, records: Iterable[Record]) -> None:
    """Compare the captions of all photos, and their splits, with those that were kept.

    Raises TrainingError, naming the first photo that differs, is new or is no longer there.
    """
    with raising(TrainingError):
        before = read_json(path, most=1000 * MB)
    if not isinstance(before, dict):
        raise TrainingError(
            "{} is not what a training wrote; delete it to go on with the captions as they are.",
            path,
        )
    now = _digests(records)
    changed = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    if changed:
        raise TrainingError(
            "{} was begun with other captions of {} ({} photos differ): restore them, choose "
            "another folder with --out, or delete {} to go on with these.",
            path.parent,
            changed[0],
            len(changed),
            path,
        )


def _digests(records: Iterable[Record]) -> dict[str, list[str]]:
    """By photo; of two datasets that name a photo alike, one after the other."""
    digests: dict[str, list[str]] = {}
    for record in records:
        content = json.dumps([record.split, record.captions]).encode()
        digests.setdefault(record.name, []).append(hashlib.sha256(content).hexdigest()[:12])
    return digests
