"""Tables (CSV) whose cells no spreadsheet takes for formulas, and reading them back.

A cell that begins with `=` or the like is a formula to a spreadsheet, which may fetch or run what
it names; so is one that begins after a separator inside a text, where the program splits lines
another way. As OWASP advises ("CSV Injection"), an apostrophe goes before it: text follows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# OWASP's list, the full-width forms included.
_BEGINS = r"[=+\-@\t\r\n＝＋－＠]"
_AFTER = r'(^|[,;|"\t\r\n])'
BARE = re.compile(f"{_AFTER}('*)(?={_BEGINS})")
_GUARDED = re.compile(f"{_AFTER}'('*)(?={_BEGINS})")


def header(names: Sequence[str]) -> str:
    """The first line. Its first name alone stands in quotation marks, as in no other program's
    tables: by that a table is known whose cells `restored` reads."""
    first, *others = names
    return ",".join([f'"{first}"', *others]) + "\r\n"


def line(cells: Sequence[Any]) -> str:
    """A further line: texts are made harmless, numbers stay numbers."""
    return ",".join(_cell(cell) for cell in cells) + "\r\n"


def _cell(cell: Any) -> str:
    """As Python's csv module has it, which before 3.11 writes no null characters."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    text = harmless(cell)
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if re.search('[,"\r\n]', text) else text


def harmless(cell: str) -> str:
    """A text with an apostrophe before all that would be a formula. `restored` undoes it."""
    return BARE.sub(r"\1'\2", cell)


def restored(cell: str) -> str:
    """The text that `harmless` was given."""
    return _GUARDED.sub(r"\1\2", cell)


def is_guarded(table: str) -> bool:
    """Whether a table's first line is one of `header`."""
    return re.match(r'"\w+",[^"\r\n]+\r?\n', table) is not None
