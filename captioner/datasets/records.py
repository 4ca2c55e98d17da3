"""`Record`, a photo with its captions, and `Dataset`, those whose photos exist: of every layout."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from captioner.datasets.files import read_lines
from captioner.datasets.finding import PhotoIndex
from captioner.errors import DatasetError
from captioner.images import Photo
from captioner.messages import Message


@dataclass(frozen=True, slots=True)
class Record:
    """A photo with its captions.

    split: "train", "val", "test" or "held_out".
    path: what the dataset calls the photo, where that is more than its file name.
    weight: how often the photo comes in an epoch of training.
    """

    photo: Photo
    captions: tuple[str, ...]
    split: str
    path: str = ""
    weight: float = 1.0

    @property
    def name(self) -> str:
        """What the dataset calls the photo: its file name, or its path in the dataset."""
        return self.path or self.photo.file_name


@dataclass(frozen=True)
class Dataset:
    """Records whose photos exist.

    missing: the names of captioned photos that do not exist.
    empty: the name of a photo for each of its captions that was left out for being empty.
    unlisted: how many captions were left out since their photos are not listed.
    """

    records: tuple[Record, ...]
    missing: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    unlisted: int = 0

    def split(self, name: str) -> Dataset:
        """Only the records of one split."""
        return replace(self, records=tuple(r for r in self.records if r.split == name))

    def hold_out(self, names: Collection[str]) -> Dataset:
        """The same photos, those of these names in a split "held_out" of their own.

        A photo is named as the dataset does, or by its file name alone. Raises DatasetError where
        a file name alone means two photos.
        """
        held = self._named(names)
        records = (replace(r, split="held_out") if r.name in held else r for r in self.records)
        return replace(self, records=tuple(records))

    def _named(self, names: Collection[str]) -> frozenset[str]:
        whole = frozenset(r.name for r in self.records if r.name in names)
        by_file_name: dict[str, str] = {}
        for name in (r.name for r in self.records if r.name not in whole):
            file_name = PurePosixPath(name).name
            if file_name in names and by_file_name.setdefault(file_name, name) != name:
                raise DatasetError(
                    "'{}' could be {} or {}: give its path.",
                    file_name,
                    by_file_name[file_name],
                    name,
                )
        return whole.union(by_file_name.values())


def read_names(path: Path) -> frozenset[str]:
    """Photo names from a text file, one a line. Raises DatasetError where it cannot be read."""
    return frozenset(name for line in read_lines(path) if (name := line.strip()))


def without_nulls(texts: Iterable[Any], where: Message | str, skip: bool) -> list[Any]:
    """Captions as a file has them, each null an empty one. Raises DatasetError, unless `skip`."""
    captions = list(texts)
    if None in captions and not skip:
        raise DatasetError(
            "{}: a caption is null; `skip = true` in a recipe, or --skip, leaves such out.", where
        )
    return ["" if text is None else text for text in captions]


def match_photos(
    captions: Mapping[str, Iterable[str]], splits: Mapping[str, str], photos: PhotoIndex
) -> Dataset:
    """Match captions, splits and photos by name; a photo without a split is left out.

    Raises DatasetError where a name could mean several photos.
    """
    kept: dict[str, tuple[str, ...]] = {}
    empty: list[str] = []
    for name in (name for name in captions if name in splits):
        stripped = [caption.strip() for caption in captions[name]]
        kept[name] = tuple(caption for caption in stripped if caption)
        empty += [name] * stripped.count("")
    found = photos.match(kept)
    records = tuple(
        Record(found[name], texts, splits[name], name)
        for name, texts in kept.items()
        if name in found and texts
    )
    return Dataset(records, tuple(name for name in kept if name not in found), tuple(empty))
