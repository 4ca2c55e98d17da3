"""Figures in aligned columns of plain text."""

from __future__ import annotations

from collections.abc import Sequence

from captioner.messages import Message, translate, width


def aligned(rows: Sequence[Sequence[str | Message]]) -> str:
    """Rows of equally many cells as lines: the first column to the left, the others to the right.

    Messages among them are told in the person's language.
    """
    cells = [[translate(c) if isinstance(c, Message) else c for c in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padding = [" " * (wanted - width(cell)) for cell, wanted in zip(row, widths, strict=True)]
    first = row[0] + padding[0]
    rest = (space + cell for cell, space in zip(row[1:], padding[1:], strict=True))
    return "  ".join([first, *rest]).rstrip()
