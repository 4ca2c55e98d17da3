"""Text files that a dataset is made of: read whole, and named when they cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from captioner.errors import DatasetError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without the byte order mark that Windows programs put first.

    Raises DatasetError where the file is missing or not UTF-8.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing.") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}).") from None
    return decode(content, str(path))


def decode(content: bytes, name: str) -> str:
    """The text of a file's bytes. Raises DatasetError, which calls it `name`, as `read_text`."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name} cannot be read as UTF-8 text ({error}).") from None


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, of any system. Raises DatasetError as `read_text`.

    Unlike `str.splitlines` it cuts at line ends only: a caption may hold a form feed or U+2028.
    """
    lines = read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises DatasetError with the line where it is not valid."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    except RecursionError:
        raise DatasetError(f"{path} is not a caption file: it is nested too deeply.") from None
