"""Every layout that caption datasets come in, by name, and by what a folder or file looks like."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from captioner.datasets.coco import read_coco
from captioner.datasets.coco_cn import read_coco_cn
from captioner.datasets.finding import find_files, photo_places
from captioner.datasets.flickr8k import read_flickr8k
from captioner.datasets.flickr30k import read_flickr30k
from captioner.datasets.imagefolder import has_metadata, read_imagefolder
from captioner.datasets.karpathy import read_karpathy
from captioner.datasets.records import Dataset
from captioner.datasets.sidecar import read_sidecar
from captioner.datasets.splits import VAL_SHARE
from captioner.datasets.tables import is_csv, read_csv, read_jsonl
from captioner.errors import DatasetError
from captioner.messages import reason


@dataclass(frozen=True)
class Options:
    """What a reader may be told; see `read_dataset`."""

    images: tuple[Path, ...] | None
    split: str
    val_share: float
    language: str


_READERS: dict[str, Callable[[Path, Options], Dataset]] = {
    "coco": lambda path, o: read_coco(path, o.images, o.split, o.val_share),
    "coco-cn": lambda path, o: read_coco_cn(path, o.images),
    "csv": lambda path, o: read_csv(path, o.images, o.split, o.val_share),
    "flickr30k": lambda path, o: read_flickr30k(path, o.images, o.split, o.val_share),
    "flickr8k": lambda path, o: read_flickr8k(path, o.images, o.language),
    "imagefolder": lambda path, o: read_imagefolder(path, o.images, o.split, o.val_share),
    "jsonl": lambda path, o: read_jsonl(path, o.images, o.split, o.val_share),
    "karpathy": lambda path, o: read_karpathy(path, o.images),
    "sidecar": lambda path, o: read_sidecar(path, o.images, o.split, o.val_share),
}

FORMATS = tuple(_READERS)
_SAY_THEIR_SPLITS = frozenset(("coco-cn", "flickr8k", "karpathy"))

_FOLDERS = {
    "Flickr8k.token.txt": "flickr8k",
    "flickr8kzhc.caption.txt": "flickr8k",
    "results_20130124.token": "flickr30k",
    "imageid.human-written-caption.txt": "coco-cn",
}
_SUFFIXES = {".json": "coco", ".csv": "csv", ".tsv": "csv"}
_HEAD = 65536  # bytes of a file that tell what it is


def read_dataset(
    path: Path,
    format: str | None = None,
    images: Iterable[Path] | None = None,
    *,
    split: str = "",
    val_share: float = VAL_SHARE,
    language: str = "en",
) -> Dataset:
    """Read a caption dataset of any layout; docs/datasets.md shows them all.

    path: its folder or its captions file.
    format: one of FORMATS; recognised where not given.
    images: folders or archives with the photos; found beside the captions where not given.
    split: the split of all its photos, where the dataset does not say it.
    val_share: else the share of them that evaluates, chosen by a hash of their names.
    language: of the captions, where the layout has several.

    Raises DatasetError, naming file and line, where something is missing or malformed.
    """
    if format is None:
        format, path = recognise(path)
    if format not in _READERS:
        raise DatasetError("Format '{}' is unknown; there is: {}.", format, ", ".join(FORMATS))
    if split and format in _SAY_THEIR_SPLITS:
        raise DatasetError("{} says each photo's split itself: leave `split` out.", path)
    places = tuple(images) if images else None
    return _READERS[format](path, Options(places, split, val_share, language))


def recognise(path: Path) -> tuple[str, Path]:
    """The format of a dataset, and its captions file or folder: `path`, or the one file in it.

    Raises DatasetError where it looks like none, or like several.
    """
    if not os.path.exists(path):
        raise DatasetError("{} does not exist.", path)
    if os.path.isdir(path):
        return _recognise_folder(path)
    if path.name in _FOLDERS:
        return _FOLDERS[path.name], path.parent
    # A file that only its name speaks for is read all the same: its reader says what is wrong.
    if format := _file_format(path) or _SUFFIXES.get(path.suffix.lower()):
        return format, path
    raise DatasetError("{} is in no known format; there is: {}.", path, ", ".join(FORMATS))


def _recognise_folder(path: Path) -> tuple[str, Path]:
    for name, format in _FOLDERS.items():
        if os.path.isfile(path / name):
            return format, path
    if has_metadata(path):
        return "imagefolder", path
    # Other .txt files may be captions beside photos, and many.
    listed = (f for f in _listed(path) if f.suffix != ".txt" or f.name == "captions.txt")
    files = [(found, file) for file in listed if (found := _file_format(file))]
    if len(files) > 1:
        names = ", ".join(file.name for _, file in files)
        raise DatasetError("{} holds several caption files: name one of {}.", path, names)
    if files:
        return files[0]
    if any(True for _ in find_files(photo_places(path), (".txt",))):
        return "sidecar", path
    raise DatasetError("{} holds no captions in a known format: {}.", path, ", ".join(FORMATS))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DatasetError("{} cannot be read ({}).", folder, reason(error)) from None


def _file_format(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix not in (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt") or not os.path.isfile(
        path
    ):
        return None
    head = _head(path)
    if suffix in (".csv", ".tsv", ".txt"):
        return "csv" if is_csv(head) else None
    if suffix != ".json" or head.startswith("["):
        return "jsonl"
    if re.search(r'"(sentences|sentids)"\s*:', head):
        return "karpathy"
    return "coco" if re.search(r'"(images|annotations)"\s*:', head) else None


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD).decode("utf-8-sig", "replace").lstrip()
    except OSError as error:
        raise DatasetError("{} cannot be read ({}).", path, reason(error)) from None
