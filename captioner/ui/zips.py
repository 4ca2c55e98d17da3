"""The photos in what a visitor dropped: files, and zip files, which are read in place."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from captioner.errors import CaptionerError, ImageError, OptionError
from captioner.images import ImageSource
from captioner.ui.uploads import Upload

MOST_PHOTOS = 500
MOST_UNPACKED = 2**30  # bytes of all photos of one zip file
MOST_CONTENTS = 16 * 2**20  # bytes of a table of contents, some 200,000 names
_MB = 10**6


@dataclass(frozen=True)
class Photo:
    """A photo that can be read, or the reason why it can't.

    name: as the visitor knows it. path: of the file on this computer. archive: instead, the zip
    file that holds it as `member`; it is closed when nobody needs it any more.
    """

    name: str
    path: str = ""
    archive: zipfile.ZipFile | None = None
    member: zipfile.ZipInfo | None = None
    error: CaptionerError | None = None

    @property
    def unpacked_bytes(self) -> int:
        """What it takes of memory before it is decoded."""
        return self.member.file_size if self.member else 0

    def source(self) -> ImageSource:
        """What `open_image` takes. Raises CaptionerError, which calls the photo by its name."""
        if self.error:
            raise self.error
        if self.archive is None or self.member is None:
            return self.path
        try:
            return self.archive.read(self.member)
        except Exception as error:
            raise ImageError("{} is cut short or damaged.", self.name) from error


def photos_in(uploads: Iterable[Upload], most_bytes: int) -> list[Photo]:
    """The photos of all uploads in their order, and those of zip files where these stand.

    Nothing is unpacked yet. Of too many, the last entry says so. most_bytes: of one photo.
    """
    photos: list[Photo] = []
    for upload in uploads:
        is_zip = upload.name.lower().endswith(".zip") or zipfile.is_zipfile(upload.path)
        photos += _zipped(upload, most_bytes) if is_zip else [Photo(upload.name, upload.path)]
    if len(photos) > MOST_PHOTOS:
        reason = OptionError(
            "Only the first {} photos are taken; the command `captioner folder` takes any number.",
            MOST_PHOTOS,
        )
        photos[MOST_PHOTOS:] = [Photo("…", error=reason)]
    return photos


def _zipped(upload: Upload, most_bytes: int) -> list[Photo]:
    name = upload.name
    try:
        archive = _Archive(upload.path)
    except _TooLongError:
        return [Photo(name, error=ImageError("{} holds too many files.", name))]
    except Exception:  # damaged archives raise almost anything
        return [Photo(name, error=ImageError("{} is a damaged zip file.", name))]
    members = [member for member in archive.infolist() if _is_visible(member)]
    if not members:
        return [Photo(name, error=ImageError("{} holds no photos.", name))]
    return list(_within_limits(name, archive, members, most_bytes))


class _TooLongError(Exception):
    pass


class _File(io.FileIO):
    """Gives no more than so many bytes at once, as long as there is such a limit."""

    most: int | None = MOST_CONTENTS

    def read(self, size: int | None = -1, /) -> bytes | None:  # type: ignore[override]
        if self.most is not None and size is not None and size > self.most:
            raise _TooLongError
        return super().read(size)


class _Archive(zipfile.ZipFile):
    """A zip file whose table of contents is read once, as a whole, if it is not too long."""

    def __init__(self, path: str) -> None:
        self._file = _File(path)
        super().__init__(self._file)
        self._file.most = None

    def close(self) -> None:
        super().close()
        self._file.close()


def _within_limits(
    name: str, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], most_bytes: int
) -> Iterator[Photo]:
    """The sizes that a zip file declares can be relied on: reading stops there."""
    total = 0
    for member in members[: MOST_PHOTOS + 1]:
        total += member.file_size
        if total > MOST_UNPACKED:
            limit = MOST_UNPACKED // _MB
            yield Photo(name, error=ImageError("{} unpacks to more than {} MB.", name, limit))
            return
        error = _refusal(member, most_bytes)
        yield Photo(member_name(member), archive=archive, member=member, error=error)


def _refusal(member: zipfile.ZipInfo, most_bytes: int) -> ImageError | None:
    name = member_name(member)
    if name.lower().endswith(".zip"):
        return ImageError("{} is a zip file inside a zip file, which is not opened.", name)
    if member.flag_bits & 1:
        return ImageError("{} is encrypted.", name)
    if member.file_size > most_bytes:
        return ImageError("{} unpacks to more than {} MB.", name, most_bytes // _MB)
    return None


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
