"""Flickr8k in its original text layout (Hodosh, Young and Hockenmaier 2013).

Flickr8k.token.txt            name.jpg#0<TAB>caption
Flickr_8k.trainImages.txt     one name a line; devImages and testImages likewise
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from captioner.datasets.records import Dataset, find_photos, join, photo_places
from captioner.errors import DatasetError

_TOKENS = "Flickr8k.token.txt"
_SPLITS = {"train": "trainImages", "val": "devImages", "test": "testImages"}


def read_flickr8k(root: Path, images: Iterable[Path] | None = None) -> Dataset:
    """Read the folder that holds the token file, the split lists and the photos.

    images: folders or tar archives with the photos; found below `root` where not given.

    Raises DatasetError, naming file and line, where something is missing or malformed.
    """
    captions = read_token_file(root / _TOKENS)
    splits: dict[str, str] = {}
    for split, part in _SPLITS.items():
        path = root / f"Flickr_8k.{part}.txt"
        if path.is_file():
            names = (line.strip() for line in _lines(path))
            splits.update((name, split) for name in names if name)
    if not splits:
        raise DatasetError(f"{root} has no split list such as Flickr_8k.trainImages.txt.")
    return join(captions, splits, find_photos(images or photo_places(root)))


def read_token_file(path: Path) -> dict[str, list[str]]:
    """Captions by photo name, from lines such as `name.jpg#0<TAB>A dog runs .`

    Raises DatasetError with file and line where a line has another form, and where there is none.
    """
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        name, mark, index = key.partition("#")
        if not (tab and mark and name and index.isdigit() and caption.strip()):
            raise DatasetError(f"{path}, line {number}: expected name.jpg#0<TAB>caption.")
        captions.setdefault(name, []).append(caption.strip())
    if not captions:
        raise DatasetError(f"{path} holds no captions.")
    return captions


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as UTF-8 text ({error}).") from None
