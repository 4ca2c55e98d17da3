"""Captions of many photos as files to take home: how they are spelt.

The browser writes them, see downloads.js, as it has the captions and the server may be gone. What
the forms are is said once, in `captioner.captions`, and given to the browser with the page.
"""

from __future__ import annotations

import codecs
from typing import Any

from captioner.captions.forms import COLUMNS
from captioner.text.spreadsheet import BARE, header

FORMS = {"CSV": ".csv", "JSONL": ".jsonl", "COCO": ".json", "TXT": ".zip"}


def description() -> dict[str, Any]:
    """What the browser has to know of the forms.

    suffixes: of each form's file. columns: of the table, whose first line `header` is, after the
    `mark` by which Excel knows Unicode. formula: a regular expression for where an apostrophe is
    put, so that no spreadsheet takes a cell for a formula.
    """
    *columns, error = COLUMNS
    columns += ["edited", "original", error]
    return {
        "suffixes": FORMS,
        "columns": columns,
        "header": header(columns),
        "mark": codecs.BOM_UTF8.decode(),
        "formula": BARE.pattern,
    }
