"""Photos inside zip and tar archives, which are read in place."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from captioner.errors import FolderError, ImageError
from captioner.files import check_file, raising
from captioner.messages import reason

ARCHIVE_SUFFIXES = (".zip", ".tar")
_COMPRESSED_TAR = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_MAX_BYTES = 2**30  # of one member, unpacked in memory: what a hostile archive could ask for


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive.

    name: its path there. size: in bytes, unpacked. offset: where its bytes begin in a tar archive,
    None in a zip archive. stamp: changes when the file does.
    """

    name: str
    size: int
    offset: int | None
    stamp: str


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive; also of one that `members` refuses."""
    return name.lower().endswith((*ARCHIVE_SUFFIXES, *_COMPRESSED_TAR))


def members(path: str) -> Iterator[Member]:
    """The files in an archive, in the archive's order.

    Raises FolderError where it cannot be read, where it is damaged or cut short (after the files
    before that), or where it is a compressed tar archive, in which a file could only be found by
    unpacking all before it.
    """
    if path.lower().endswith(_COMPRESSED_TAR):
        raise FolderError("{} is compressed as a whole: unpack it, or make it a zip archive.", path)
    with raising(FolderError):
        check_file(Path(path))
    try:
        yield from (_zip_members if path.lower().endswith(".zip") else _tar_members)(path)
    except FolderError:
        raise
    except OSError as error:
        raise FolderError("{} cannot be read ({}).", path, reason(error)) from None
    except Exception as error:  # damaged archives raise almost anything
        raise FolderError("{} is a damaged archive ({}).", path, reason(error)) from None


def read_member(path: str, member: Member, shown: str) -> bytes:
    """The bytes of a file in an archive. Raises ImageError, which calls it `shown`."""
    if member.size > _MAX_BYTES:
        raise ImageError("{} is too large to unpack safely: the limit is 1 GiB.", shown)
    try:
        if member.offset is None:
            return _opened_zip(path, os.stat(path).st_mtime_ns).read(member.name)
        with open(path, "rb") as file:
            file.seek(member.offset)
            content = file.read(member.size)
        if len(content) < member.size:
            raise EOFError
        return content
    except OSError as error:
        raise ImageError("{} cannot be read ({}).", shown, reason(error)) from None
    except RuntimeError:  # how zipfile says it
        raise ImageError("{} is encrypted.", shown) from None
    except Exception:
        raise ImageError("{} is cut short or damaged in its archive.", shown) from None


def _zip_members(path: str) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        newest = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        for info in newest.values():
            stamp = f"{info.file_size} crc {info.CRC:08x}"
            yield Member(info.filename, info.file_size, None, stamp)


def _tar_members(path: str) -> Iterator[Member]:
    found: dict[str, Member] = {}
    damage: Exception | None = None
    with tarfile.open(path, "r:") as archive:
        try:
            while info := archive.next():
                if info.isreg():
                    stamp = f"{info.size} {info.mtime}"
                    found[info.name] = Member(info.name, info.size, info.offset_data, stamp)
                archive.members = []  # type: ignore[attr-defined]  # or tarfile remembers them all
        except Exception as error:
            damage = error
        end = archive.offset
    yield from found.values()
    if damage:
        raise damage
    if not _is_end(path, end):
        raise FolderError(
            "{} is cut short or damaged: files may be missing after its first {}.", path, len(found)
        )


def _is_end(path: str, offset: int) -> bool:
    """Whether a tar archive says that it ends there; tarfile also stops at what is damaged."""
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)


@lru_cache(maxsize=4)
def _opened_zip(path: str, changed: int) -> zipfile.ZipFile:
    """Kept open, as its table of contents takes long to read; `changed` tells a new file apart."""
    return zipfile.ZipFile(path)
