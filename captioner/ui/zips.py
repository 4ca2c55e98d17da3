"""The photos in what a visitor dropped: files, and zip files, which are read in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from captioner.errors import CaptionerError, ImageError, OptionError
from captioner.images import Photo
from captioner.images.archives import LongContentsError, Member, is_zip, list_archive
from captioner.images.names import SUFFIXES, safe_path
from captioner.ui.uploads import Upload

MOST_PHOTOS = 500
MOST_UNPACKED = 2**30  # bytes of all photos of one zip file
MOST_CONTENTS = 16 * 2**20  # bytes of a table of contents, some 200,000 names
_MB = 10**6


@dataclass(frozen=True)
class Refusal:
    """What the page does not open, by the name that the visitor knows, and the reason why."""

    name: str
    error: CaptionerError


def photos_in(uploads: Iterable[Upload], most_bytes: int) -> list[Photo | Refusal]:
    """The photos of all uploads in their order, and those of zip files where these stand.

    Nothing is unpacked yet. Of too many, the last entry says so. most_bytes: of one photo.
    """
    photos: list[Photo | Refusal] = []
    for upload in uploads:
        if is_zip(upload.path, upload.name):
            photos += _zipped(upload, most_bytes)
        else:
            photos.append(Photo(upload.name, upload.path))
    if len(photos) > MOST_PHOTOS:
        reason = OptionError(
            "Only the first {} photos are taken; the command `captioner folder` takes any number.",
            MOST_PHOTOS,
        )
        photos[MOST_PHOTOS:] = [Refusal("…", reason)]
    return photos


def _zipped(upload: Upload, most_bytes: int) -> list[Photo | Refusal]:
    name = upload.name
    listing = list_archive(upload.path, {*SUFFIXES, ".zip"}, MOST_CONTENTS, name)
    if isinstance(listing.error, LongContentsError):
        return [Refusal(name, ImageError("{} holds too many files.", name))]
    if listing.error:
        return [Refusal(name, ImageError("{} is a damaged zip file.", name))]
    if not listing.members:
        return [Refusal(name, ImageError("{} holds no photos.", name))]
    return list(_within_limits(upload, listing.members, most_bytes))


def _within_limits(
    upload: Upload, members: dict[str, Member], most_bytes: int
) -> Iterator[Photo | Refusal]:
    """The sizes that a zip file declares can be relied on: reading stops there."""
    total = 0
    for inside, member in islice(members.items(), MOST_PHOTOS + 1):
        total += member.size
        if total > MOST_UNPACKED:
            limit = MOST_UNPACKED // _MB
            error = ImageError("{} unpacks to more than {} MB.", upload.name, limit)
            yield Refusal(upload.name, error)
            return
        name = safe_path(inside)
        refused = _refused(name, member, most_bytes)
        yield Refusal(name, refused) if refused else Photo(name, upload.path, member)


def _refused(name: str, member: Member, most_bytes: int) -> ImageError | None:
    if name.lower().endswith(".zip"):
        return ImageError("{} is a zip file inside a zip file, which is not opened.", name)
    if member.is_encrypted:
        return ImageError("{} is encrypted.", name)
    if member.size > most_bytes:
        return ImageError("{} unpacks to more than {} MB.", name, most_bytes // _MB)
    return None
