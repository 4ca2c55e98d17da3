"""Hugging Face's `imagefolder`: photos with metadata.jsonl or metadata.csv beside them.

train/metadata.jsonl    {"file_name": "1.jpg", "text": "A dog."}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from captioner.datasets.layouts import Layout, Options
from captioner.datasets.layouts.tables import Row, csv_rows, json_rows, match_rows
from captioner.datasets.records import Dataset
from captioner.datasets.splits import split_called
from captioner.errors import DatasetError
from captioner.images.walking import walk

_NAMES = ("metadata.jsonl", "metadata.csv")


def read_imagefolder(root: Path, options: Options) -> Dataset:
    """Read all metadata files below a folder; one called train, validation or test is a split."""
    files = _metadata(root)
    if not files:
        raise DatasetError("{} has no metadata.jsonl or metadata.csv.", root)
    rows = (row for path in files for row in _rows(root, path, options.skip))
    return match_rows(rows, root, root, options)


def _metadata(root: Path) -> list[Path]:
    """All files of the first of the names that there are any of, in natural order."""
    found: dict[str, list[Path]] = {name: [] for name in _NAMES}
    for folder in walk(str(root), {Path(name).suffix for name in _NAMES}):
        for name in found.keys() & folder.files:
            found[name].append(Path(folder.beside(name)))
    return next(filter(None, found.values()), [])


def _rows(root: Path, path: Path, skip: bool) -> Iterator[Row]:
    """The rows of one file, with photos named from the root, and the split of its folder."""
    folder = PurePosixPath(path.parent.relative_to(root).as_posix())
    splits = [split for part in folder.parts if (split := split_called(part))]
    for row in json_rows(path, skip) if path.suffix == ".jsonl" else csv_rows(path):
        split = row.split or (splits[-1] if splits else None)
        yield replace(row, image=str(folder / row.image), split=split)


IMAGEFOLDER = Layout(
    "imagefolder",
    read_imagefolder,
    is_folder=lambda folder: bool(_metadata(folder)),
)
