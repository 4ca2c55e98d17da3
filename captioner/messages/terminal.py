"""What goes to a terminal: nothing in it steers the terminal or turns the reading direction.

File names, archives' members, models' vocabularies and captions are other people's. A program that
prints them as they are lets them clear the screen, rename the window, or show a name backwards.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

# Controls of ASCII and of Latin-1 (which hold ESC and the one-byte CSI), line and paragraph
# separators, and Unicode's controls of bidirectional text (UAX 9), as in "Trojan Source".
_SEPARATORS = "\u2028\u2029"
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_IN_LINE = re.compile(f"[\x00-\x1f\x7f-\x9f{_SEPARATORS}{_DIRECTIONS}]")
# A progress bar begins with a return; in the midst of a text it would hide what stands before.
_IN_TEXT = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_SEPARATORS}{_DIRECTIONS}]|(?<!^)\r(?!$|\n)"
)


def printable(text: str) -> str:
    """One line that any terminal can show and that steers none: control characters are escaped."""
    return _IN_LINE.sub(_escaped, _encodable(text))


def harmless(text: str) -> str:
    """Text of any number of lines that steers no terminal."""
    return _IN_TEXT.sub(_escaped, _encodable(text))


@contextmanager
def guarded_output() -> Iterator[None]:
    """Within it, all that is printed is harmless: to standard error, and to standard output where
    that is a terminal. Elsewhere standard output holds data, which stays as it is, except that what
    its encoding has no place for is escaped.
    """
    before = sys.stdout, sys.stderr
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed, as by >&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stderr = cast(TextIO, _Guarded(sys.stderr))
    if sys.stdout.isatty():
        sys.stdout = cast(TextIO, _Guarded(sys.stdout))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def drop_output() -> None:
    """Let go of what standard output could not take, or Python tries and complains at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class _Guarded:
    """A text stream that escapes what would steer a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As any stream's."""
        self._stream.write(harmless(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As any stream's."""
        for line in lines:
            self.write(line)


def _encodable(text: str) -> str:
    """File names need not be valid text."""
    return text.encode("utf-8", "backslashreplace").decode()


def _escaped(sign: re.Match[str]) -> str:
    """As Python spells it; beyond ASCII as JSON does, too, which may stand around it."""
    return ascii(sign[0])[1:-1] if sign[0] < "\x80" else f"\\u{ord(sign[0]):04x}"
