"""Photos with a text file beside each: dog.jpg and dog.txt, one caption a line.

kohya's tools call it dog.caption; where both are there, dog.txt counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from captioner.datasets.files import decode, read_text
from captioner.datasets.finding import Found, PhotoIndex, find_files, images_below
from captioner.datasets.layouts import Layout, Options
from captioner.datasets.records import Dataset, match_photos
from captioner.errors import DatasetError, ImageError

_TEXTS = (".caption", ".txt")  # the last one counts


def read_sidecar(root: Path, options: Options) -> Dataset:
    """Read the text files beside photos, and leave photos without one out.

    dog.jpg has its captions in dog.jpg.txt if there is that, as where dog.png lies beside it, else
    in dog.txt. A text without a photo counts as a missing photo.
    """
    images = options.images or images_below(root)
    texts = {_stem(found): found for found in find_files(images, _TEXTS)}
    if not texts:
        raise DatasetError("{} has no .txt or .caption file beside a photo.", root)
    photos = _beside(texts, find_files(images))
    captions = {
        photos[stem].path if stem in photos else found.path: _captions(found)
        for stem, found in texts.items()
    }
    return match_photos(captions, options.splits(captions), PhotoIndex(photos.values()))


def _beside(texts: Mapping[str, Found], found: Iterable[Found]) -> dict[str, Found]:
    """The photo of each text, by the text's path without its suffix."""
    photos: dict[str, Found] = {}
    by_path: dict[str, Found] = {}
    for photo in found:
        stem = photo.whole if photo.whole in texts else _stem(photo)
        if stem in texts:
            first = photos.setdefault(stem, photo)
            if first.whole != photo.whole:
                raise DatasetError(
                    "{} lies beside two photos: {}, {}.",
                    texts[stem].whole,
                    first.path,
                    photo.path,
                )
            first = by_path.setdefault(photo.path, photo)
            if first.whole != photo.whole:
                raise DatasetError(
                    "{} and {} have the same name; name the folder above both instead.",
                    first.whole,
                    photo.whole,
                )
    return photos


def _stem(found: Found) -> str:
    return found.whole[: -len(Path(found.path).suffix)]


def _captions(found: Found) -> list[str]:
    """A caption a line; blank lines are none, but a blank file is an empty caption."""
    if found.file.member:
        try:
            text = decode(found.file.read(), found.whole)
        except ImageError as error:
            raise DatasetError.of(error) from None
    else:
        text = read_text(Path(found.file.path))
    return [line for line in text.splitlines() if line.strip()] or [""]


def _has_texts(folder: Path) -> bool:
    return any(True for _ in find_files(images_below(folder), _TEXTS))


SIDECAR = Layout(
    "sidecar",
    read_sidecar,
    is_folder=_has_texts,
    is_last=True,
)
