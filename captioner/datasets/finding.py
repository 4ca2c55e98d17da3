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
from typing import BinaryIO, cast

from captioner.errors import DatasetError
from captioner.messages import reason

PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
)

_LOCAL_HEADER = 30  # bytes of it before the member's name (APPNOTE.TXT 4.3.7)


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
                    "{} could be '{}' or '{}': file names that come twice are told apart by their "
                    "folders.",
                    photo.whole,
                    owners[photo.whole],
                    name,
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
            "'{}' could be {} or {}: give its path, or name the folders with the right photos in "
            "`images`.",
            name,
            photos[0].whole,
            photos[1].whole,
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
        if os.path.isdir(place):
            files: Iterable[tuple[str, Photo]] = _walk(place)
        elif os.path.isfile(place):
            files = ((member.name, member) for member in _members(place))
        else:
            raise DatasetError("There is no photo folder or archive {}.", place)
        whole = unicodedata.normalize("NFC", os.path.abspath(place).replace("\\", "/"))
        for name, file in files:
            path = _normal(name)
            if Path(path).suffix.lower() in suffixes and not _is_hidden(path):
                yield Found(path, f"{whole}/{path}", file)


def photo_places(root: Path) -> list[Path]:
    """Where photos usually lie below a dataset's root: its tar archives, else the root itself."""
    archives = sorted(root.glob("*.tar")) if os.path.isdir(root) else []
    return archives or [root]


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder by their path in it."""
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(f for f in folders if f[0] != "." and not _leads_up(root, folder, f))
        for name in sorted(files):
            path = Path(folder, name)
            yield path.relative_to(root).as_posix(), path


def _leads_up(root: Path, folder: str, name: str) -> bool:
    """Whether a link in a folder leads back to one that was passed on the way from the root, or to
    one above it: a walk without end."""
    path = os.path.join(folder, name)
    if not os.path.islink(path):
        return False
    there = os.path.realpath(path)
    below = len(Path(folder).relative_to(root).parts)
    passed = (Path(folder), *Path(folder).parents[:below])
    return any(f"{os.path.realpath(here)}/".startswith(f"{there}/") for here in passed)


def _is_hidden(path: str) -> bool:
    """Whether a file is what some program left behind, such as macOS its `._photo.jpg`."""
    return _file_name(path).startswith(".") or path.startswith("__MACOSX/")


def _members(archive: Path) -> list[ArchiveMember]:
    """The files in an archive. Raises DatasetError where it is damaged or compressed."""
    try:
        listed = _zip_members if zipfile.is_zipfile(archive) else _tar_members
        members = list(listed(archive))
        size = archive.stat().st_size
        if outside := next((m for m in members if m.offset + m.size > size), None):
            raise ValueError(f"it is too short for {outside.name}")
    except DatasetError:
        raise
    except Exception as error:  # damaged tables of contents raise almost anything
        raise DatasetError(
            "{} is not a readable, uncompressed tar or zip archive ({}).", archive, reason(error)
        ) from None
    return members


def _tar_members(archive: Path) -> Iterator[ArchiveMember]:
    with tarfile.open(archive, "r:") as tar:
        for info in tar:
            if info.size < 0:  # it would lead back, and round and round
                raise ValueError(f"{info.name} has an impossible size")
            if info.isfile():
                yield ArchiveMember(archive, info.name, info.offset_data, info.size)
        file = cast(BinaryIO, tar.fileobj)
        file.seek(tar.offset)
        # The reader takes for the end whatever is no header, such as what a wrong size leads to.
        if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise ValueError("it ends in the middle")


def _zip_members(archive: Path) -> Iterator[ArchiveMember]:
    """The members of a zip archive whose bytes lie in it as they are, as COCO's photos do."""
    with zipfile.ZipFile(archive) as content, archive.open("rb") as file:
        for info in content.infolist():
            if info.is_dir():
                continue
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise DatasetError(
                    "{} is compressed and cannot be read in place; unpack it and name the folder.",
                    archive,
                )
            # The local header repeats the name and may hold other extras than the directory's.
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER)
            if header[:4] != b"PK\3\4":
                raise ValueError(f"{info.filename} is not where its table of contents says")
            name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
            offset = info.header_offset + _LOCAL_HEADER + name + extra
            yield ArchiveMember(archive, info.filename, offset, info.file_size)


def _normal(path: str) -> str:
    """A path as it is compared: with forward slashes, composed letters, no "." or leading ".."."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    while parts and parts[0] == "..":
        del parts[0]
    return unicodedata.normalize("NFC", "/".join(parts))


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]
