"""Where the photos of a dataset lie: in folders, and in archives that are read in place."""

from __future__ import annotations

import logging
import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from captioner.errors import DatasetError
from captioner.images import Photo
from captioner.images.archives import list_archive
from captioner.images.names import SUFFIXES, is_hidden, is_photo, suffix
from captioner.images.walking import walk

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A file: its path below the folder or archive it was found in, and its whole path."""

    path: str
    whole: str
    file: Photo


class PhotoIndex:
    """Photos, looked up as a dataset names them.

    folder: of the captions, which names with ".." are seen from.
    """

    def __init__(self, found: Iterable[Found], folder: Path | None = None) -> None:
        self._folder = folder
        self._by_name: dict[str, dict[str, Found]] = defaultdict(dict)
        for photo in found:
            self._by_name[_file_name(photo.path)][photo.whole] = photo

    def match(self, names: Collection[str]) -> dict[str, Photo]:
        """The photos of those names that have one.

        A path counts: "a/1.jpg" is not "b/1.jpg". Only a name whose path leads to no photo is
        looked up by its file name alone, among the photos that no path leads to; if it has no
        suffix, such as ".jpg", or the suffix of another case, by the rest of its name.

        Raises DatasetError where two photos answer to a name, or two names to a photo.
        """
        found = {name: self._at(name) or self._outside(name) for name in names}
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

    def _outside(self, name: str) -> Found | None:
        """The photo at an absolute path, or at one that leads out of the folder of the captions."""
        path = name if os.sep == "\\" else name.replace("\\", "/")
        if not (os.path.isabs(path) or (self._folder and ".." in path.split("/"))):
            return None
        whole = os.path.normpath(os.path.join(self._folder or "", path))
        try:
            is_there = is_photo(whole) and os.path.isfile(whole)
        except ValueError:  # a null character in the path
            return None
        shown = _composed(os.path.abspath(whole).replace("\\", "/"))
        return Found(name, shown, Photo.at(whole)) if is_there else None

    def _called(self, name: str, taken: Collection[str]) -> Found | None:
        path = _normal(name)
        same_name = list(self._by_name.get(_file_name(path), {}).values()) or self._alike(path)
        return _only(name, [photo for photo in same_name if photo.whole not in taken])

    def _alike(self, path: str) -> list[Found]:
        """Photos whose file names are the same but for a suffix that is not told, or for capitals
        in the suffix; in the same folder, if there are any."""
        alike = self._by_stem.get(_without_suffix(_file_name(path)), [])
        folder = posixpath.dirname(path)
        return [own for own in alike if posixpath.dirname(own.path) == folder] or alike

    @cached_property
    def _by_stem(self) -> dict[tuple[str, str], list[Found]]:
        found: dict[tuple[str, str], list[Found]] = defaultdict(list)
        for photo in (photo for photos in self._by_name.values() for photo in photos.values()):
            stem, suffix = _without_suffix(_file_name(photo.path))
            found[stem, suffix].append(photo)
            found[stem, ""].append(photo)
        return found


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


def find_photos(images: Iterable[Path], folder: Path | None = None) -> PhotoIndex:
    """The photos in folders (searched through, links followed) and uncompressed archives.

    folder: of the captions, see `PhotoIndex`.

    Raises DatasetError where one does not exist, is neither, or is compressed.
    """
    return PhotoIndex(find_files(images), folder)


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


def _without_suffix(file_name: str) -> tuple[str, str]:
    """A photo's file name without its suffix, and that in small letters; "" where it has none."""
    own = suffix(file_name)
    return (file_name[: -len(own)], own) if own in SUFFIXES else (file_name, "")


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
