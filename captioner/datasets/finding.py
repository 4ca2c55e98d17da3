"""Where the photos of a dataset lie: in folders, and in archives that are read in place."""

from __future__ import annotations

import os
import tarfile
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from captioner.errors import DatasetError

PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
)


@dataclass(frozen=True)
class ArchiveMember:
    """A file that lies uncompressed inside a tar or zip archive.

    name: its path inside the archive. offset, size: in bytes, so that it is found again without
    reading the archive.
    """

    archive: Path
    name: str
    offset: int
    size: int

    def read(self) -> bytes:
        """The file's bytes. Raises OSError where the archive is gone."""
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


Photo = Path | ArchiveMember


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
                    f"{photo.whole} could be '{owners[photo.whole]}' or '{name}': file names that "
                    "come twice are told apart by their folders."
                )
            found[name] = photo
        return {name: photo.file for name, photo in found.items() if photo}

    def _at(self, name: str) -> Found | None:
        """The photo to which a path leads: one below a place, else one whose path ends so."""
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
            f"'{name}' could be {photos[0].whole} or {photos[1].whole}: give its path, or name the "
            "folders with the right photos in `images`."
        )
    return photos[0] if photos else None


def find_photos(places: Iterable[Path]) -> PhotoIndex:
    """The photos in folders (searched through, links followed) and uncompressed archives.

    Raises DatasetError where a place does not exist, is neither, or is compressed.
    """
    return PhotoIndex(find_files(places, PHOTO_SUFFIXES))


def find_files(places: Iterable[Path], suffixes: Collection[str]) -> Iterator[Found]:
    """The files with such suffixes, in lower case, as `find_photos` finds photos."""
    for place in places:
        if place.is_dir():
            files: Iterable[tuple[str, Photo]] = _walk(place)
        elif place.is_file():
            files = ((member.name, member) for member in _members(place))
        else:
            raise DatasetError(f"There is no photo folder or archive {place}.")
        whole = unicodedata.normalize("NFC", os.path.abspath(place).replace("\\", "/"))
        for name, file in files:
            path = _normal(name)
            if Path(path).suffix.lower() in suffixes and not _is_hidden(path):
                yield Found(path, f"{whole}/{path}", file)


def photo_places(root: Path) -> list[Path]:
    """Where photos usually lie below a dataset's root: its tar archives, else the root itself."""
    return sorted(root.glob("*.tar")) or [root]


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder by their path in it."""
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(f for f in folders if f[0] != "." and not _leads_up(folder, f))
        for name in sorted(files):
            path = Path(folder, name)
            yield path.relative_to(root).as_posix(), path


def _leads_up(folder: str, name: str) -> bool:
    """Whether a link in a folder leads back to the folder or one above: a walk without end."""
    path = os.path.join(folder, name)
    if not os.path.islink(path):
        return False
    here, there = os.path.realpath(folder), os.path.realpath(path)
    return f"{here}/".startswith(f"{there}/")


def _is_hidden(path: str) -> bool:
    """Whether a file is what some program left behind, such as macOS its `._photo.jpg`."""
    return _file_name(path).startswith(".") or path.startswith("__MACOSX/")


def _members(archive: Path) -> list[ArchiveMember]:
    try:
        if zipfile.is_zipfile(archive):
            return _zip_members(archive)
        with tarfile.open(archive, "r:") as tar:
            files = (m for m in tar if m.isfile())
            return [ArchiveMember(archive, m.name, m.offset_data, m.size) for m in files]
    except (tarfile.TarError, zipfile.BadZipFile, OSError) as error:
        raise DatasetError(
            f"{archive} is not a readable, uncompressed tar or zip archive ({error})."
        ) from None


def _zip_members(archive: Path) -> list[ArchiveMember]:
    """The members of a zip archive whose bytes lie in it as they are, as COCO's photos do."""
    members = []
    with zipfile.ZipFile(archive) as content, archive.open("rb") as file:
        for info in content.infolist():
            if info.is_dir():
                continue
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise DatasetError(
                    f"{archive} is compressed and cannot be read in place; unpack it and name the "
                    "folder."
                )
            # The local header repeats the name and may hold other extras than the directory's.
            file.seek(info.header_offset + 26)
            name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
            offset = info.header_offset + 30 + name + extra
            members.append(ArchiveMember(archive, info.filename, offset, info.file_size))
    return members


def _normal(path: str) -> str:
    """A path as it is compared: with forward slashes, composed letters, no "." or leading ".."."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    while parts and parts[0] == "..":
        del parts[0]
    return unicodedata.normalize("NFC", "/".join(parts))


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
