"""The files that a dataset is made of: read whole, and named when they cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from captioner import files
from captioner.errors import DatasetError
from captioner.files import raising
from captioner.messages import Message

_MOST = 4000 * files.MB  # COCO's captions are 67 MB, those of the largest sets one or two thousand


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without the byte order mark that Windows programs put first.

    Raises DatasetError where the file is missing, no ordinary one or not UTF-8.
    """
    with raising(DatasetError):
        return files.read_text(path, _MOST)


def decode(content: bytes, name: str) -> str:
    """The text of a file's bytes. Raises DatasetError, which calls it `name`, as `read_text`."""
    with raising(DatasetError):
        return files.decode(content, name)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, of any system. Raises DatasetError as `read_text`.

    Unlike `str.splitlines` it cuts at line ends only: a caption may hold a form feed or U+2028.
    """
    lines = read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def read_json(path: Path, keys: Collection[str] | None = None) -> Any:
    """What a JSON file holds, of its tables only these keys where some are given.

    Raises DatasetError with the line where it is not valid.
    """
    with raising(DatasetError):
        return files.read_json(path, _MOST, keys)


def json_values(path: Path) -> Iterator[tuple[Message, Any]]:
    """What each line of a JSON Lines file holds, or else each entry of one JSON list, and where.

    Raises DatasetError as `read_json`.
    """
    lines = read_lines(path)
    if lines and lines[0].lstrip().startswith("["):
        for number, value in enumerate(read_json(path)):
            yield Message("{}, entry {}", path, number), value
        return
    for number, line in enumerate(lines, start=1):
        if line.strip():
            with raising(DatasetError):
                value = files.parse_json(line, str(path), number)
            yield Message("{}, line {}", path, number), value
