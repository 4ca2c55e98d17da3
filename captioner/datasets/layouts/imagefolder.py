"""Hugging Face's `imagefolder`: photos with metadata.jsonl or metadata.csv beside them.

train/metadata.jsonl    {"file_name": "1.jpg", "text": "A dog."}
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from captioner.datasets.finding import photo_places
from captioner.datasets.layouts import Layout
from captioner.datasets.records import Dataset
from captioner.datasets.splits import VAL_SHARE, split_called
from captioner.datasets.tables import Row, csv_rows, join_rows, json_rows
from captioner.errors import DatasetError

_NAMES = ("metadata.jsonl", "metadata.csv")


def read_imagefolder(
    root: Path,
    images: Iterable[Path] | None = None,
    split: str = "",
    val_share: float = VAL_SHARE,
) -> Dataset:
    """Read all metadata files below a folder; a folder called train, validation or test is a split.

    images: folders or archives with the photos; found below `root` where not given.
    split, val_share: as for `share_out`, where neither folders nor rows say the split.

    Raises DatasetError, naming the file and the line, where one is malformed or there is none.
    """
    rows = (row for path in _metadata(root) for row in _rows(root, path))
    return join_rows(rows, root, images or photo_places(root), split, val_share)


def _has_metadata(root: Path) -> bool:
    return any(True for name in _NAMES for _ in root.rglob(name))


def _metadata(root: Path) -> list[Path]:
    found = (sorted(root.rglob(name)) for name in _NAMES if os.path.isdir(root))
    files = next(filter(None, found), [])
    if not files:
        raise DatasetError("{} has no metadata.jsonl or metadata.csv.", root)
    return files


def _rows(root: Path, path: Path) -> Iterator[Row]:
    """The rows of one file, with photos named from the root, and the split of its folder."""
    folder = PurePosixPath(path.parent.relative_to(root).as_posix())
    splits = [split for part in folder.parts if (split := split_called(part))]
    for row in json_rows(path) if path.suffix == ".jsonl" else csv_rows(path):
        split = row.split or (splits[-1] if splits else None)
        yield replace(row, image=str(folder / row.image), split=split)


IMAGEFOLDER = Layout(
    "imagefolder",
    lambda path, options: read_imagefolder(path, options.images, options.split, options.val_share),
    is_folder=_has_metadata,
)
