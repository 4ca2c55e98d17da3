"""Figures in aligned columns of plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equally many cells as lines: the first column to the left, the others to the right.

    A Chinese character takes two places, as terminals show it.
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padding = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
    first = row[0] + padding[0]
    rest = (space + cell for cell, space in zip(row[1:], padding[1:], strict=True))
    return "  ".join([first, *rest]).rstrip()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
