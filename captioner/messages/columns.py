"""Text in columns of a terminal, where a Chinese character is two columns wide."""

from __future__ import annotations

import re
import unicodedata

_CLOSING = "，。、！？；：”）》"  # what no line begins with
_OPENING = "“（《"  # what no line ends with


def width(text: str) -> int:
    """The columns that a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def wrapped(text: str, columns: int) -> list[str]:
    """A text in lines of at most so many columns.

    It breaks at spaces and beside wide characters, as Chinese punctuation allows; a word that is
    wider has a line of its own.
    """
    lines = [""]
    for piece in _pieces(text):
        if width(lines[-1] + piece) > columns and lines[-1]:
            lines.append(piece.lstrip())
        else:
            lines[-1] += piece
    return lines


def _pieces(text: str) -> list[str]:
    """Words and wide characters, each with the space before it and the punctuation beside it."""
    pieces: list[str] = []
    for found in re.findall(r"\s*(?:[^\s\u2e80-\uffef“”]+|\S)", " ".join(text.split())):
        if pieces and (found[0] in _CLOSING or pieces[-1][-1] in _OPENING):
            pieces[-1] += found
        else:
            pieces.append(found)
    return pieces
