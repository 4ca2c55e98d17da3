"""Karpathy's dataset_*.json (Karpathy and Fei-Fei, CVPR 2015): photos with sentences and a split.

{"images": [{"filepath": "val2014", "filename": "1.jpg", "split": "restval",
             "sentences": [{"raw": "A dog.", "tokens": ["a", "dog"]}]}]}
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from captioner.datasets.files import read_json
from captioner.datasets.layouts import Layout, Options
from captioner.datasets.records import Dataset, match_photos, without_nulls
from captioner.datasets.splits import split_called
from captioner.errors import DatasetError
from captioner.messages import Message

_SENTENCES = re.compile(r'"(sentences|sentids)"\s*:')


def read_karpathy(path: Path, options: Options) -> Dataset:
    """Read one file; photos of "restval" train, as is usual."""
    return match_photos(*read_sentences(path, options.skip), options.photos(path.parent))


def read_sentences(path: Path, skip: bool = False) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Captions and split by photo, without looking for the photos. skip: whether a null stands for
    an empty caption.

    Raises DatasetError, naming the file and the entry, where it is missing or malformed.
    """
    content = read_json(path)
    entries = content.get("images") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise DatasetError("{} is not one of Karpathy's files: it has no list 'images'.", path)
    captions: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    for number, entry in enumerate(entries):
        try:
            name, split, found = _entry(entry)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise DatasetError(
                "{}, images[{}]: expected filename, split (train, restval, val or test) and "
                "sentences with raw text or tokens.",
                path,
                number,
            ) from None
        if splits.setdefault(name, split) != split:
            raise DatasetError("{}, images[{}]: {} is in two splits.", path, number, name)
        texts = without_nulls(found, Message("{}, images[{}]", path, number), skip)
        captions.setdefault(name, []).extend(texts)
    if not any(captions.values()):
        raise DatasetError("{} holds no captions.", path)
    return captions, splits


def _entry(entry: Any) -> tuple[str, str, list[str | None]]:
    """Name, split and captions. Raises what a malformed entry makes Python raise."""
    folder, name = entry.get("filepath", ""), entry["filename"]
    split = split_called(entry["split"])
    if split is None or not isinstance(name, str) or not isinstance(folder, str):
        raise ValueError
    return f"{folder}/{name}".lstrip("/"), split, [_text(s) for s in entry["sentences"]]


def _text(sentence: Any) -> str | None:
    text = sentence["raw"] if "raw" in sentence else " ".join(sentence["tokens"])
    if not isinstance(text, str | None):
        raise ValueError
    return text


KARPATHY = Layout(
    "karpathy",
    read_karpathy,
    suffixes=(".json",),
    is_file=lambda suffix, head: not head.startswith("[") and _SENTENCES.search(head) is not None,
    says_splits=True,
)
