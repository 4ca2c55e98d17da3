"""Reading files that others wrote, and writing files so that they are whole or not there.

Only ordinary files of a sane size are read, as text in UTF-8 or UTF-16, and JSON whatever it holds.
Reading a pipe may wait for ever, reading a device never ends; damaged JSON raises half a dozen
kinds of Python's errors. Here each is one sentence, a `FileError`, which a room raises as its own:

    with raising(ModelError):
        words = read_json(path, most=8 * MB)
"""

from __future__ import annotations

import codecs
import json
import os
import shutil
import stat
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from captioner.errors import CaptionerError, FileError
from captioner.messages import Message, reason

MB = 10**6


@contextmanager
def raising(kind: type[CaptionerError]) -> Iterator[None]:
    """What is wrong with a file is raised as an error of this kind, in the same words."""
    try:
        yield
    except FileError as error:
        raise kind.of(error) from None


@contextmanager
def writing(path: Path, kind: type[CaptionerError]) -> Iterator[None]:
    """What keeps a file or folder from being written is raised as an error of this kind.

    A pipe whose reader has left is no such thing: its BrokenPipeError goes on.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise kind("{} cannot be written ({}).", path, reason(error)) from None


def write_whole(
    path: Path,
    parts: Iterable[bytes],
    kind: type[CaptionerError],
    *,
    like: Path | None = None,
    synced: bool = False,
) -> None:
    """Write a file that is there either whole or not at all.

    like: a file whose permissions it gets. synced: whether that holds after a crash of the machine,
    too: the disk is waited for.

    Raises an error of the kind where it cannot be written; what was there is there still.
    """
    # Short, as names have a longest length.
    new = path.with_name(f".{zlib.crc32(os.fsencode(path.name)):08x}.new")
    with writing(path, kind):
        try:
            with new.open("wb") as file:
                file.writelines(parts)
                if like:
                    shutil.copymode(like, new)
                if synced:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(new, path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def check_file(path: Path, most: int | None = None) -> int:
    """Make sure that a path leads to an ordinary file of no more than `most` bytes; their number.

    Raises FileError where it does not.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise FileError("{} is missing.", path) from None
    except OSError as error:
        raise FileError("{} cannot be read ({}).", path, reason(error)) from None
    except ValueError:  # a null character in the path
        raise FileError("{} is not a possible file name.", repr(str(path))) from None
    if not stat.S_ISREG(status.st_mode):
        raise FileError("{} is not an ordinary file.", path)
    if most is not None and status.st_size > most:
        raise FileError("{} is too large: the limit is {} MB.", path, most // MB)
    return status.st_size


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of an ordinary file, no more than `most`. Raises FileError where there are none."""
    check_file(path, most)
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError("{} cannot be read ({}).", path, reason(error)) from None
    except MemoryError:
        raise FileError("{} is too large for this computer's memory.", path) from None


def decode(content: bytes, name: str) -> str:
    """The text of a file's bytes: UTF-8, or UTF-16 where the mark of byte order that Windows puts
    first says so, as what PowerShell and Notepad write; without that mark.

    Raises FileError, which calls it `name`, where it is neither.
    """
    try:
        return content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        raise FileError("{} cannot be read as UTF-8 text ({}).", name, error) from None


def encoding_of(content: bytes) -> str:
    """What a text is encoded in, by how its bytes begin."""
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "utf-16" if is_utf_16 else "utf-8-sig"


def read_text(path: Path, most: int) -> str:
    """The text of an ordinary UTF-8 file. Raises FileError where it cannot be had."""
    return decode(read_bytes(path, most), str(path))


def read_json(path: Path, most: int, keys: Collection[str] | None = None) -> Any:
    """What a JSON file holds, see `parse_json`. Raises FileError, naming the line where it is not
    valid."""
    return parse_json(read_text(path, most), str(path), keys=keys)


def parse_json(
    text: str, name: str, line: int | None = None, keys: Collection[str] | None = None
) -> Any:
    """What JSON of any origin holds.

    name: of the file. line: the one that the text stands in, where it is a line of the file.
    keys: those of which each table is read, without the others; all, if not given.

    Raises FileError, naming both, where it is not valid, nested too deeply or has a number of more
    digits than Python takes.
    """
    where = name if line is None else Message("{}, line {}", name, line)
    try:
        if keys is None:
            return json.loads(text)
        return json.loads(
            text, object_pairs_hook=lambda pairs: {k: v for k, v in pairs if k in keys}
        )
    except json.JSONDecodeError as error:
        line = error.lineno if line is None else line
        raise FileError("{}, line {}: not valid JSON ({}).", name, line, error.msg) from None
    except RecursionError:
        raise FileError("{}: JSON nested too deeply.", where) from None
    except ValueError:
        raise FileError("{}: a number in JSON has too many digits.", where) from None
