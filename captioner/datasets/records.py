"""The one record type of every caption dataset, and where its photos lie."""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from captioner.errors import DatasetError


@dataclass(frozen=True)
class TarMember:
    """A file inside an uncompressed tar archive, found again without reading the archive."""

    archive: Path
    name: str
    offset: int
    size: int

    def read(self) -> bytes:
        """The file's bytes. Raises OSError where the archive is gone."""
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


Photo = Path | TarMember


@dataclass(frozen=True)
class Record:
    """A photo with its captions; `split` is "train", "val", "test" or "held_out"."""

    photo: Photo
    captions: tuple[str, ...]
    split: str

    @property
    def name(self) -> str:
        """The photo's file name."""
        return self.photo.name


@dataclass(frozen=True)
class Dataset:
    """Records whose photos exist, and the names of captioned photos that do not."""

    records: tuple[Record, ...]
    missing: tuple[str, ...] = ()

    def split(self, name: str) -> Dataset:
        """Only the records of one split."""
        return Dataset(tuple(r for r in self.records if r.split == name), self.missing)

    def hold_out(self, names: Collection[str]) -> Dataset:
        """The same photos, those of these names in a split "held_out" of their own."""
        records = (replace(r, split="held_out") if r.name in names else r for r in self.records)
        return Dataset(tuple(records), self.missing)


def read_names(path: Path) -> frozenset[str]:
    """Photo names from a text file, one a line. Raises DatasetError where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as UTF-8 text ({error}).") from None
    return frozenset(name for line in lines if (name := line.strip()))


PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
)


def find_photos(places: Iterable[Path]) -> dict[str, Photo]:
    """Photos by file name, from folders (searched through) and uncompressed tar archives.

    Raises DatasetError where a place does not exist or is neither.
    """
    photos: dict[str, Photo] = {}
    for place in places:
        if place.is_dir():
            files = (p for p in sorted(place.rglob("*")) if p.suffix.lower() in PHOTO_SUFFIXES)
            photos.update((p.name, p) for p in files)
        elif place.is_file():
            photos.update((m.name, m) for m in _members(place))
        else:
            raise DatasetError(f"There is no photo folder or tar archive {place}.")
    return photos


def photo_places(root: Path) -> list[Path]:
    """Where photos usually lie below a dataset's root: its tar archives, else the root itself."""
    return sorted(root.glob("*.tar")) or [root]


def join(
    captions: Mapping[str, list[str]], splits: Mapping[str, str], photos: Mapping[str, Photo]
) -> Dataset:
    """Match captions, splits and photos by file name; a photo without a split is left out."""
    named = [name for name in captions if name in splits]
    records = tuple(
        Record(photos[name], tuple(captions[name]), splits[name])
        for name in named
        if name in photos
    )
    return Dataset(records, tuple(name for name in named if name not in photos))


def _members(archive: Path) -> list[TarMember]:
    try:
        with tarfile.open(archive, "r:") as tar:
            return [
                TarMember(archive, Path(m.name).name, m.offset_data, m.size)
                for m in tar
                if m.isfile() and Path(m.name).suffix.lower() in PHOTO_SUFFIXES
            ]
    except (tarfile.TarError, OSError) as error:
        raise DatasetError(
            f"{archive} is not a readable, uncompressed tar archive ({error})."
        ) from None
