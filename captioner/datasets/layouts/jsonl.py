"""A table of captions as JSON Lines, or as one JSON list."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from captioner.datasets.finding import images_below
from captioner.datasets.layouts import Layout
from captioner.datasets.records import Dataset
from captioner.datasets.splits import VAL_SHARE
from captioner.datasets.tables import json_rows, match_rows


def read_jsonl(
    path: Path,
    images: Iterable[Path] | None = None,
    split: str = "",
    val_share: float = VAL_SHARE,
) -> Dataset:
    """Read a file with a JSON object a line, or with one JSON list of them; else as `read_csv`."""
    return match_rows(json_rows(path), path, images or images_below(path.parent), split, val_share)


JSONL = Layout(
    "jsonl",
    lambda path, options: read_jsonl(path, options.images, options.split, options.val_share),
    suffixes=(".jsonl", ".ndjson", ".json"),
    is_file=lambda suffix, head: suffix != ".json" or head.startswith("["),
)
