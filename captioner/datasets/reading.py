"""Reading a dataset of any layout, named or recognised by what its folder or file looks like."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from captioner.datasets.layouts import LAYOUTS, Layout, Options
from captioner.datasets.records import Dataset
from captioner.datasets.splits import VAL_SHARE
from captioner.errors import DatasetError
from captioner.files import encoding_of
from captioner.messages import reason
from captioner.speed.memory import without_collection

FORMATS = tuple(LAYOUTS)
_HEAD = 65536  # bytes of a file that tell what it is


def read_dataset(
    path: Path,
    format: str | None = None,
    images: Iterable[Path] | None = None,
    *,
    split: str = "",
    val_share: float = VAL_SHARE,
    language: str = "en",
    skip: bool = False,
) -> Dataset:
    """Read a caption dataset of any layout; docs/datasets.md shows them all.

    path: its folder or its captions file.
    format: one of FORMATS; recognised where not given.
    images: folders or archives with the photos; found beside the captions where not given.
    split: the split of all its photos, where the dataset does not say it.
    val_share: else the share of them that evaluates, chosen by a hash of their names.
    language: of the captions, where the layout has several.
    skip: whether captions that are null or of photos that are not listed are left out and counted.

    Raises DatasetError, naming file and line, where something is missing or malformed.
    """
    if format is None:
        format, path = recognise(path)
    if format not in LAYOUTS:
        raise DatasetError("Format '{}' is unknown; there is: {}.", format, ", ".join(FORMATS))
    layout = LAYOUTS[format]
    if split and layout.says_splits:
        raise DatasetError("{} says each photo's split itself: leave `split` out.", path)
    with without_collection():
        return layout.read(path, Options(tuple(images or ()), split, val_share, language, skip))


def recognise(path: Path) -> tuple[str, Path]:
    """The format of a dataset, and its captions file or folder: `path`, or the one file in it.

    Raises DatasetError where it looks like none, or like several.
    """
    if not os.path.exists(path):
        raise DatasetError("{} does not exist.", path)
    if os.path.isdir(path):
        return _recognise_folder(path)
    for name, layout in LAYOUTS.items():
        if path.name in layout.files:
            return name, path.parent
    # A file that only its name speaks for is read all the same: its reader says what is wrong.
    if format := _file_format(path) or _format_by_suffix(path):
        return format, path
    raise DatasetError("{} is in no known format; there is: {}.", path, ", ".join(FORMATS))


def _recognise_folder(path: Path) -> tuple[str, Path]:
    if format := _folder_format(path, last=False):
        return format, path
    # Other .txt files may be captions beside photos, and many.
    listed = (f for f in _listed(path) if f.suffix != ".txt" or f.name == "captions.txt")
    files = [(found, file) for file in listed if (found := _file_format(file))]
    if len(files) > 1:
        names = ", ".join(file.name for _, file in files)
        raise DatasetError("{} holds several caption files: name one of {}.", path, names)
    if files:
        return files[0]
    if format := _folder_format(path, last=True):
        return format, path
    raise DatasetError("{} holds no captions in a known format: {}.", path, ", ".join(FORMATS))


def _folder_format(folder: Path, *, last: bool) -> str | None:
    layouts = [layout for layout in LAYOUTS.values() if layout.is_last == last]
    for layout in layouts:
        if any(os.path.isfile(folder / name) for name in layout.files):
            return layout.name
    return next((layout.name for layout in layouts if layout.is_folder(folder)), None)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DatasetError("{} cannot be read ({}).", folder, reason(error)) from None


def _file_format(path: Path) -> str | None:
    layouts = _by_suffix(path)
    if not layouts or not os.path.isfile(path):
        return None
    head = _head(path)
    fitting = (layout.name for layout in layouts if layout.is_file(path.suffix.lower(), head))
    return next(fitting, None)


def _format_by_suffix(path: Path) -> str | None:
    """The first layout whose captions file may have such a suffix; a .txt file may be anything."""
    layouts = _by_suffix(path) if path.suffix.lower() != ".txt" else []
    return layouts[0].name if layouts else None


def _by_suffix(path: Path) -> list[Layout]:
    return [layout for layout in LAYOUTS.values() if path.suffix.lower() in layout.suffixes]


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return head.decode(encoding_of(head), "replace").lstrip()
    except OSError as error:
        raise DatasetError("{} cannot be read ({}).", path, reason(error)) from None
