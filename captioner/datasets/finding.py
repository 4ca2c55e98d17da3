"""Where the photos of a dataset lie: in folders, and in archives that are read in place."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from captioner.errors import DatasetError
from captioner.images import Photo
from captioner.images.archives import list_archive
from captioner.images.names import SUFFIXES, is_hidden
from captioner.images.walking import walk

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A file: its path below the folder or archive it was found in, and its whole path."""

    path: str
    whole: str
    file: Photo


class PhotoIndex:
    """Photos, looked up as a dataset names them."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._by_name: dict[str, dict[str, Found]] = defaultdict(dict)
        for photo in found:
            self._by_name[_file_name(photo.path)][photo.whole] = photo

    def match(self, names: Collection[str]) -> dict[str, Photo]:
        """The photos of those names that have one.

        A path counts: "a/1.jpg" is not "b/1.jpg". Only a name whose path leads to no photo is
        looked up by its file name alone, among the photos that no path leads to.

        Raises DatasetError where two photos answer to a name, or two names to a photo.
        """
        found = {name: self._at(name) for name in names}
        taken = {photo.whole for photo in found.values() if photo}
        owners: dict[str, str] = {}
        for name in (name for name, photo in found.items() if not photo):
            photo = self._called(name, taken)
            if photo and owners.setdefault(photo.whole, name) != name:
                raise DatasetError(
                    "{} could be '{}' or '{}': file names that come twice are told apart by their "
                    "folders.",
                    photo.whole,
                    owners[photo.whole],
                    name,
                )
            found[name] = photo
        return {name: photo.file for name, photo in found.items() if photo}

    def _at(self, name: str) -> Found | None:
        """The photo to which a path leads: one in a source, else one whose path ends so."""
        path = _normal(name)
        same_name = self._by_name.get(_file_name(path), {}).values()
        below = [photo for photo in same_name if photo.path == path]
        if below or "/" not in path:
            return _only(name, below)
        return _only(name, [p for p in same_name if f"/{p.whole}".endswith(f"/{path}")])

    def _called(self, name: str, taken: Collection[str]) -> Found | None:
        same_name = self._by_name.get(_file_name(_normal(name)), {}).values()
        return _only(name, [photo for photo in same_name if photo.whole not in taken])


def _only(name: str, photos: list[Found]) -> Found | None:
    if len(photos) > 1:
        raise DatasetError(
            "'{}' could be {} or {}: give its path, or name the folders with the right photos in "
            "`images`.",
            name,
            photos[0].whole,
            photos[1].whole,
        )
    return photos[0] if photos else None


def find_photos(images: Iterable[Path]) -> PhotoIndex:
    """The photos in folders (searched through, links followed) and uncompressed archives.

    Raises DatasetError where one does not exist, is neither, or is compressed.
    """
    return PhotoIndex(find_files(images))


def find_files(images: Iterable[Path], suffixes: Collection[str] = SUFFIXES) -> Iterator[Found]:
    """The files with such suffixes, in lower case, as `find_photos` finds photos."""
    for source in images:
        if os.path.isdir(source):
            files = _walked(source, suffixes)
        elif os.path.isfile(source):
            files = _archived(source, suffixes)
        else:
            raise DatasetError("There is no photo folder or archive {}.", source)
        whole = _composed(os.path.abspath(source).replace("\\", "/"))
        for name, file in files:
            path = _composed(name)
            yield Found(path, f"{whole}/{path}", file)


def images_below(root: Path) -> list[Path]:
    """Where photos usually lie below a dataset's root: its tar archives, else the root itself; and
    its zip archives, apart from those without photos and those that are unpacked beside.

    Raises DatasetError where a zip archive is damaged.
    """
    found = root.glob("*") if os.path.isdir(root) else ()
    files = sorted(file for file in found if not is_hidden(file.name))
    tars = [file for file in files if file.suffix.lower() == ".tar"]
    zips = [file for file in files if file.suffix.lower() == ".zip" and _adds_photos(file)]
    return [*(tars or [root]), *zips]


def _adds_photos(archive: Path) -> bool:
    """Whether a zip archive has photos that can be read in place and do not lie beside it."""
    listing = list_archive(str(archive))
    if listing.error:
        raise DatasetError.of(listing.error)
    if not listing.members:
        return False
    first = next(iter(listing.members))
    if any((folder / first).exists() for folder in (archive.parent, archive.with_suffix(""))):
        return False
    if not listing.is_stored:
        log.warning(_compressed(archive))
        return False
    return True


def _walked(root: Path, suffixes: Collection[str]) -> Iterator[tuple[str, Photo]]:
    """The files below a folder by their path in it."""
    for folder in walk(str(root), suffixes, log.warning):
        for name in folder.files:
            yield folder.below(name), Photo.at(folder.beside(name))


def _archived(archive: Path, suffixes: Collection[str]) -> Iterator[tuple[str, Photo]]:
    """The files in an archive by their path in it.

    Raises DatasetError where it is damaged, or they are compressed: they are read again and again.
    """
    path = str(archive)
    listing = list_archive(path, suffixes)
    if listing.error:
        raise DatasetError.of(listing.error)
    if not listing.is_stored:
        raise _compressed(archive)
    for name, member in listing.members.items():
        yield name, Photo(f"{archive.name}/{member.name}", path, member)


def _compressed(archive: Path) -> DatasetError:
    return DatasetError(
        "{} is compressed and cannot be read in place; unpack it and name the folder.", archive
    )


def _normal(path: str) -> str:
    """A path as it is compared: with forward slashes, composed letters, no "." or leading ".."."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    while parts and parts[0] == "..":
        del parts[0]
    return _composed("/".join(parts))


def _composed(path: str) -> str:
    """The same letters however a computer spells them: é as one sign, not as e and an accent."""
    return unicodedata.normalize("NFC", path)


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
