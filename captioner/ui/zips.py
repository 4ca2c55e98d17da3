"""The photos in what a visitor dropped: files, and zip files, which are read in place."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from captioner.errors import CaptionerError, ImageError, OptionError
from captioner.images import ImageSource

MOST_PHOTOS = 500
MOST_UNPACKED = 2**30  # bytes of all photos of one zip file
_MB = 10**6


@dataclass(frozen=True)
class Photo:
    """A photo that can be read, or the reason why it can't.

    name: as the visitor knows it. path: of the file on this computer, or of the zip file that
    holds it as `member`.
    """

    name: str
    path: str
    member: zipfile.ZipInfo | None = None
    error: CaptionerError | None = None

    def source(self) -> ImageSource:
        """What `open_image` takes. Raises CaptionerError, which calls the photo by its name."""
        if self.error:
            raise self.error
        return self.path if self.member is None else _unpacked(self.path, self.member, self.name)


def photos_in(uploads: Iterable[Mapping[str, Any]], most_bytes: int) -> list[Photo]:
    """The photos of all uploads in their order, and those of zip files where these stand.

    Nothing is unpacked yet. Of too many, the last entry says so. most_bytes: of one photo.
    """
    photos: list[Photo] = []
    for upload in uploads:
        path = upload["path"]
        name = upload.get("orig_name") or PurePosixPath(path).name
        is_zip = name.lower().endswith(".zip") or zipfile.is_zipfile(path)
        photos += _zipped(path, name, most_bytes) if is_zip else [Photo(name, path)]
    if len(photos) > MOST_PHOTOS:
        reason = OptionError(
            f"Only the first {MOST_PHOTOS} photos are taken; the command `captioner folder` "
            "takes any number."
        )
        photos[MOST_PHOTOS:] = [Photo("…", "", error=reason)]
    return photos


def _zipped(path: str, name: str, most_bytes: int) -> list[Photo]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _is_visible(member)]
    except Exception:  # damaged archives raise almost anything
        return [Photo(name, path, error=ImageError(f"{name} is a damaged zip file."))]
    if not members:
        return [Photo(name, path, error=ImageError(f"{name} holds no photos."))]
    return list(_within_limits(path, name, members, most_bytes))


def _within_limits(
    path: str, name: str, members: list[zipfile.ZipInfo], most_bytes: int
) -> Iterator[Photo]:
    """The sizes that a zip file declares can be relied on: reading stops there."""
    total = 0
    for member in members[: MOST_PHOTOS + 1]:
        total += member.file_size
        if total > MOST_UNPACKED:
            limit = MOST_UNPACKED // _MB
            yield Photo(name, path, error=ImageError(f"{name} unpacks to more than {limit} MB."))
            return
        error = _refusal(member, most_bytes)
        yield Photo(member_name(member), path, member, error)


def _refusal(member: zipfile.ZipInfo, most_bytes: int) -> ImageError | None:
    name = member_name(member)
    if name.lower().endswith(".zip"):
        return ImageError(f"{name} is a zip file inside a zip file, which is not opened.")
    if member.flag_bits & 1:
        return ImageError(f"{name} is encrypted.")
    if member.file_size > most_bytes:
        return ImageError(f"{name} unpacks to more than {most_bytes // _MB} MB.")
    return None


def _unpacked(path: str, member: zipfile.ZipInfo, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(member)
    except Exception as error:
        raise ImageError(f"{name} is cut short or damaged.") from error


def member_name(member: zipfile.ZipInfo) -> str:
    """A file's name in a zip file, with no way out of the folder it might be unpacked to."""
    return safe_name(member.filename)


def safe_name(name: str) -> str:
    """A relative path with forward slashes that stays below the folder it is put in."""
    parts = PurePosixPath(name.replace("\\", "/").replace(":", "_")).parts
    return "/".join(part for part in parts if part not in ("/", "//", "..")) or "photo"


def _is_visible(member: zipfile.ZipInfo) -> bool:
    """Not a folder, nor what computers put into zip files for themselves."""
    parts = PurePosixPath(member.filename).parts
    hidden = any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)
    return not member.is_dir() and not hidden
