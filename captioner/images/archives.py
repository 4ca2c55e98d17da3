"""Files inside zip and tar archives, which are read in place."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from captioner.errors import FileError, ImageError
from captioner.files import MB, check_file
from captioner.images.names import SUFFIXES, is_hidden, natural, path_inside, suffix
from captioner.messages import reason

ARCHIVE_SUFFIXES = (".zip", ".tar")
_COMPRESSED_TAR = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_MAX_BYTES = 2**30  # of one member, unpacked in memory: what a hostile archive could ask for
_LOCAL_HEADER = 30  # bytes of it before the member's name (APPNOTE.TXT 4.3.7)
_ENCRYPTED = 1  # the flag's bit

_File = tuple[str, int, Callable[[], IO[bytes]]]  # a file's name, size, and how it is opened


class Packed(NamedTuple):
    """How a file lies in a zip archive: packed how, in how many bytes; checksum of it unpacked."""

    method: int
    size: int
    crc: int
    flags: int


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive.

    name: its path there, as the archive spells it. size: in bytes, unpacked. offset: where the
    file begins in a tar archive, in a zip archive its header. modified: when it last was, in a tar
    archive. packed: how it lies in a zip archive, None in a tar archive.
    """

    name: str
    size: int
    offset: int
    modified: float = 0
    packed: Packed | None = None

    @property
    def stamp(self) -> str:
        """Changes when the file does."""
        if self.packed:
            return f"{self.size} crc {self.packed.crc:08x}"
        return f"{self.size} {self.modified}"

    @property
    def is_stored(self) -> bool:
        """Whether its bytes lie in the archive as they are."""
        return not self.packed or (
            self.packed.method == zipfile.ZIP_STORED and not self.is_encrypted
        )

    @property
    def is_encrypted(self) -> bool:
        """Whether it takes a password to read it."""
        return self.packed is not None and bool(self.packed.flags & _ENCRYPTED)


class LongContentsError(FileError):
    """A zip archive's table of contents takes more bytes than it may."""


@dataclass(frozen=True)
class Listing:
    """What an archive holds.

    members: its files by their path inside, in natural order; of two of a name the last. error:
    why there may be more, None where the archive is whole.
    """

    members: dict[str, Member] = field(default_factory=dict)
    error: FileError | None = None

    @property
    def is_stored(self) -> bool:
        """Whether all its files lie in the archive as they are."""
        return all(member.is_stored for member in self.members.values())


class Stream(NamedTuple):
    """A file inside an archive that is read from beginning to end.

    name: its path there. size: in bytes, unpacked. chunks: its bytes, to be read before the next
    file; they raise FileError where the archive is damaged.
    """

    name: str
    size: int
    chunks: Iterator[bytes]


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive; also of one that `members` refuses."""
    return name.lower().endswith((*ARCHIVE_SUFFIXES, *_COMPRESSED_TAR))


def is_zip(path: str, name: str = "") -> bool:
    """Whether a file is a zip archive, by its name or, where that says nothing, its content.

    name: where it goes by another one than its path's.
    """
    name = (name or path).lower()
    # A tar archive that ends with a zip archive would be taken for that by its content.
    return name.endswith(".zip") or (not is_archive(name) and zipfile.is_zipfile(path))


def list_archive(
    path: str,
    suffixes: Collection[str] = SUFFIXES,
    most_contents: int | None = None,
    name: str = "",
) -> Listing:
    """The files in an archive that have one of the suffixes, and are not hidden.

    most_contents: bytes that a zip archive's table of contents may take. name: as for `is_zip`.
    """
    found: dict[str, Member] = {}
    error = None
    try:
        for member in members(path, most_contents, name):
            if suffix(member.name) in suffixes and not is_hidden(member.name):
                found[path_inside(member.name)] = member
    except FileError as damage:  # what stands before it is good
        error = damage
    return Listing({name: found[name] for name in sorted(found, key=natural)}, error)


def members(path: str, most_contents: int | None = None, name: str = "") -> Iterator[Member]:
    """The files in an archive, in the archive's order.

    most_contents, name: as for `list_archive`.

    Raises FileError where it cannot be read, where it is damaged or cut short (after the files
    before that), or where it is a compressed tar archive, in which a file could only be found by
    unpacking all before it; LongContentsError where its table of contents is too long.
    """
    if path.lower().endswith(_COMPRESSED_TAR):
        raise FileError("{} is compressed as a whole: unpack it, or make it a zip archive.", path)
    check_file(Path(path))
    with _reading(path):
        yield from _zip_members(path, most_contents) if is_zip(path, name) else _tar_members(path)


def stream_archive(path: str) -> Iterator[Stream]:
    """All files in an archive that are not hidden, in its order; also in a compressed tar archive.

    Raises FileError where it cannot be read, is damaged or encrypted.
    """
    with _reading(path):
        for name, size, opened in (_zip_files if is_zip(path) else _tar_files)(path):
            if not is_hidden(name):
                yield Stream(name, size, _chunks(path, opened))


def _zip_files(path: str) -> Iterator[_File]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, info.file_size, partial(_zip_file, archive, info)


def _zip_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    if info.flag_bits & _ENCRYPTED:
        raise FileError("{} is encrypted.", archive.filename)
    return archive.open(info)


def _tar_files(path: str) -> Iterator[_File]:
    with tarfile.open(path) as archive:
        for info in archive:
            if info.isreg():
                yield info.name, info.size, partial(_tar_file, archive, info)


def _tar_file(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    assert file is not None  # it is a regular one
    return file


def _chunks(path: str, opened: Callable[[], IO[bytes]]) -> Iterator[bytes]:
    with _reading(path), opened() as file:
        while chunk := file.read(MB):
            yield chunk


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Raise what is wrong with an archive as FileError."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError("{} cannot be read ({}).", path, reason(error)) from None
    except Exception as error:  # damaged archives raise almost anything
        raise FileError("{} is a damaged archive ({}).", path, reason(error)) from None


def read_member(path: str, member: Member, shown: str) -> bytes:
    """The bytes of a file in an archive. Raises ImageError, which calls it `shown`."""
    if member.size > _MAX_BYTES:
        raise ImageError("{} is too large to unpack safely: the limit is 1 GiB.", shown)
    try:
        with open(path, "rb") as file:
            file.seek(member.offset)
            content = _unpacked(file, member, shown) if member.packed else file.read(member.size)
        if len(content) < member.size:
            raise EOFError
        return content
    except ImageError:
        raise
    except OSError as error:
        raise ImageError("{} cannot be read ({}).", shown, reason(error)) from None
    except Exception:
        raise ImageError("{} is cut short or damaged in its archive.", shown) from None


def _zip_members(path: str, most_contents: int | None) -> Iterator[Member]:
    with _LimitedFile(path, most_contents) as file, zipfile.ZipFile(file) as archive:
        newest = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        for info in newest.values():
            packed = Packed(info.compress_type, info.compress_size, info.CRC, info.flag_bits)
            yield Member(info.filename, info.file_size, info.header_offset, packed=packed)


class _LimitedFile(io.FileIO):
    """Gives no more than so many bytes at once; zipfile reads a table of contents as a whole."""

    def __init__(self, path: str, most: int | None) -> None:
        super().__init__(path)
        self._path, self._most = path, most

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file's."""
        if self._most is not None and size is not None and size > self._most:
            raise LongContentsError("{} holds too many files.", self._path)
        return super().read(-1 if size is None else size) or b""


def _unpacked(file: BinaryIO, member: Member, shown: str) -> bytes:
    """The file whose header stands here in a zip archive; its checksum is compared.

    No more than the size in the table of contents is unpacked, whatever there is. The table itself
    is not read again: it may be that of a hundred thousand files.
    """
    assert member.packed is not None
    header = file.read(_LOCAL_HEADER)
    if header[:4] != b"PK\3\4":
        raise EOFError
    if header[6] & _ENCRYPTED:
        raise ImageError("{} is encrypted.", shown)
    # The header repeats the name and may hold other extras than the table of contents.
    file.seek(sum(int.from_bytes(header[at : at + 2], "little") for at in (26, 28)), os.SEEK_CUR)
    info = zipfile.ZipInfo(member.name)
    info.file_size = member.size
    info.compress_type, info.compress_size, info.CRC, info.flag_bits = member.packed
    with zipfile.ZipExtFile(file, "r", info) as content:
        return content.read(member.size)


def _tar_members(path: str) -> Iterator[Member]:
    found: dict[str, Member] = {}
    damage: Exception | None = None
    with tarfile.open(path, "r:") as archive:
        try:
            while info := archive.next():
                if info.size < 0:  # it would lead back, and round and round
                    raise ValueError(f"{info.name} has an impossible size")
                if info.isreg():
                    found[info.name] = Member(info.name, info.size, info.offset_data, info.mtime)
                archive.members = []  # type: ignore[attr-defined]  # or tarfile remembers them all
        except Exception as error:
            damage = error
        end = archive.offset
    yield from found.values()
    if damage:
        raise damage
    if not _is_end(path, end):
        raise FileError(
            "{} is cut short or damaged: files may be missing after its first {}.", path, len(found)
        )


def _is_end(path: str, offset: int) -> bool:
    """Whether a tar archive says that it ends there; tarfile also stops at what is damaged."""
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)
