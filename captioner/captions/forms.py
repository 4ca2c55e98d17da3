"""How rows are spelt in a file: JSON Lines, CSV and COCO results."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol

from captioner.captions.rows import Row, json_bytes, to_json
from captioner.errors import OptionError
from captioner.text import spreadsheet


class Form(Protocol):
    """How rows are spelt in a file: header, rows, footer.

    holds_failures: whether photos that could not be read have a row there too. holds_languages:
    whether a photo may have a row in each of several languages.
    """

    header: bytes
    footer: bytes
    holds_failures: bool
    holds_languages: bool

    def spell(self, row: Row, first: bool) -> bytes:
        """A row with its line end; empty where the form has no place for it."""


class JsonLines:
    """One JSON object a line."""

    header = footer = b""
    holds_failures = holds_languages = True

    def spell(self, row: Row, first: bool) -> bytes:
        return to_json([row])


class Csv:
    """A table: of a row all that is no list, and a column for each further caption.

    No spreadsheet takes a cell for a formula.
    """

    footer = b""
    holds_failures = holds_languages = True

    def __init__(self, top: int = 1) -> None:
        others = [f"caption_{number}" for number in range(2, top + 1)]
        self._width = top - 1
        self.header = spreadsheet.header([*COLUMNS, *others]).encode()

    def spell(self, row: Row, first: bool) -> bytes:
        others = [alternative.caption for alternative in row.alternatives]
        others += [""] * (self._width - len(others))
        content = row.as_dict()
        line = spreadsheet.line([*(content.get(name, "") for name in COLUMNS), *others])
        return line.encode("utf-8", "backslashreplace")


COLUMNS = ("image", "language", "caption", "log_prob", "score", "model", "error")


class CocoResults:
    """One JSON list of `image_id` and `caption`, the form in which captions are scored.

    A photo is known by its number where its file is named so, as COCO's own are, else by its path.
    """

    header = b"["
    footer = b"\n]\n"
    holds_failures = holds_languages = False

    def spell(self, row: Row, first: bool) -> bytes:
        if row.error:
            return b""
        content = json_bytes({"image_id": image_id(row.image), "caption": row.caption})
        return (b"\n" if first else b",\n") + content


def image_id(name: str) -> int | str:
    """42 for 000000000042.jpg, COCO_val2014_000000000042.jpg and 42.jpg, else the path.

    Below other folders only COCO's twelve digits are a number: 1.jpg may be in each of them.
    """
    path = PurePosixPath(name)
    digits = "[0-9]{1,18}" if len(path.parts) == 1 else "[0-9]{12}"
    found = re.fullmatch(f"(?:COCO_[a-z]+[0-9]*_)?({digits})", path.stem)
    return int(found[1]) if found else name


def form_of(path: Path, top: int = 1) -> Form:
    """How a file of that name is spelt. Raises OptionError where its suffix does not say."""
    forms: dict[str, Form] = {
        ".jsonl": JsonLines(), ".csv": Csv(top), ".json": CocoResults()
    }  # fmt: skip
    if path.suffix.lower() not in forms:
        raise OptionError(
            "The output must be called .jsonl, .csv or .json (COCO results), not '{}'.", path.name
        )
    return forms[path.suffix.lower()]


def spelt(rows: Iterable[Row], form: Form) -> bytes:
    """A whole file."""
    parts = [form.header]
    first = True
    for row in rows:
        if part := form.spell(row, first):
            parts.append(part)
            first = False
    return b"".join((*parts, form.footer))
