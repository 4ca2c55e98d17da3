"""What visitors have given to the page: the one way from a request to a file of this computer."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from captioner.errors import CaptionerError, GoneError, ImageError

MOST_WAITING = 4 * 10**9  # bytes of all files that wait in the folder
_LONGEST_NAME = 200  # characters of a file's name in a sentence
_LEAST = 2**16  # bytes that any file counts for: very many tiny ones fill a disk, too
_PATIENCE_SECONDS = 1  # between two looks at all that lies in the folder


@dataclass(frozen=True)
class Upload:
    """A regular file in the page's upload folder, as only `Uploads.take` makes one.

    path: the real one, without links. name: as the person who gave the file knows it.
    """

    path: str
    name: str


class Uploads:
    """The page's upload folder.

    folder: where gradio puts what arrives. most_bytes: of all files that wait there.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_WAITING) -> None:
        self._folder = folder
        self._most = most_bytes
        self._used, self._looked = 0, float("-inf")
        self._lock = threading.Lock()

    def take(self, argument: object) -> Upload:
        """The file that an endpoint's argument names, whatever form that has.

        Raises ImageError, with the same sentence for all that is no upload: which other files
        there are on this computer is nobody's business.
        """
        fields = argument if isinstance(argument, Mapping) else getattr(argument, "__dict__", {})
        path = self._real(fields.get("path"))
        name = fields.get("orig_name")
        shown = name if isinstance(name, str) and name else PurePath(path).name
        clean = "".join(letter if letter.isprintable() else "\ufffd" for letter in shown)
        return Upload(path, clean[:_LONGEST_NAME])

    def take_all(self, arguments: object) -> list[Upload]:
        """The files of a list of arguments. Raises ImageError as `take`, and where it is none."""
        if arguments is None:
            return []
        if not isinstance(arguments, list):
            raise ImageError("No photos arrived; please give them again, as a list.")
        return [self.take(argument) for argument in arguments]

    def check(self, request: Any) -> None:
        """Look through a whole request: gradio opens some of what it names before anyone can
        `take` it, and its MCP server sends any file of this computer to itself.

        Raises ImageError where an object in it has a path that is no upload's. Addresses are left
        to `offline.fetch_nothing`, whose answer programs can read.
        """
        for fields in _objects(request):
            path = fields.get("path")
            if path is not None and not _is_address(path):
                self._real(path)

    def has(self, path: str) -> bool:
        """Whether a path is an upload's."""
        try:
            return bool(self._real(path))
        except ImageError:
            return False

    def make_room(self, size: int = 0) -> None:
        """So many bytes more arrive now. Raises CaptionerError where too much is waiting."""
        with self._lock:
            self._used += size
            now = time.monotonic()
            if now - self._looked > _PATIENCE_SECONDS:
                self._used, self._looked = _size(self._folder), now
            if self._used > self._most:
                raise CaptionerError(
                    "Too many uploads are waiting here at the moment; please try again later."
                )

    def _real(self, path: object) -> str:
        if _is_address(path):
            raise ImageError("This page fetches nothing; send the photo itself.")
        try:
            if not isinstance(path, str) or not path:
                raise ValueError
            real = os.path.realpath(path, strict=True)
            inside = Path(real).is_relative_to(self._folder.resolve())
            if not (inside and stat.S_ISREG(os.lstat(real).st_mode)):
                raise ValueError
        except (OSError, ValueError):  # a null character in it, say
            raise GoneError("No photo arrived; please give it again.") from None
        return real


def _is_address(path: object) -> bool:
    return isinstance(path, str) and path.startswith(("http://", "https://"))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """All JSON objects in a value."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Mapping):
            yield inner
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)


def _size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += max(_LEAST, os.lstat(os.path.join(where, name)).st_size)
            except OSError:  # deleted meanwhile
                continue
    return total
