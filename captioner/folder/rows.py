"""What is written about a photo, and how it is spelt in JSON Lines, CSV and COCO results."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from captioner.errors import OptionError
from captioner.messages import Message, printable
from captioner.pipeline import Caption
from captioner.text import spreadsheet

_DIGITS = 4  # of a score


@dataclass(frozen=True)
class Row:
    """A photo's caption, or why it has none.

    image: the photo's name. score: what the search ranked the caption by. alternatives: the next
    best captions with their scores. error: why the photo could not be read, if it could not.
    """

    image: str
    caption: str = ""
    score: float = 0.0
    model: str = ""
    alternatives: tuple[tuple[str, float], ...] = ()
    error: Message | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """All captions, best first."""
        return (self.caption, *(text for text, _ in self.alternatives))


def captioned(image: str, caption: Caption, model: str, trigger: str = "") -> Row:
    """The row of a captioned photo; trigger: a phrase that goes before each sentence."""

    def scored(found: Caption) -> tuple[str, float]:
        return f"{trigger} {found.text}".strip(), round(found.score, _DIGITS)

    alternatives = tuple(scored(other) for other in caption.alternatives)
    return Row(image, *scored(caption), model, alternatives)


def to_json(row: Row) -> bytes:
    """A row as one line of JSON, without its end; an error in English.

    A byte of a file name that is not UTF-8 is spelt as Python does, which `os.fsencode` undoes.
    """
    if row.error:
        return _json({"image": row.image, "error": printable(str(row.error))})
    content: dict[str, Any] = {"image": row.image, "caption": row.caption, "score": row.score}
    content["model"] = row.model
    if row.alternatives:
        others = [{"caption": text, "score": score} for text, score in row.alternatives]
        content["alternatives"] = others
    return _json(content)


def from_json(line: bytes) -> Row:
    """The row that `to_json` spelt."""
    content = json.loads(line)
    others = content.pop("alternatives", ())
    error = content.pop("error", None)
    alternatives = tuple((o["caption"], o["score"]) for o in others)
    return Row(**content, alternatives=alternatives, error=Message(error) if error else None)


class Form(Protocol):
    """How rows are spelt in a file: header, rows, footer.

    holds_failures: whether photos that could not be read have a row there too.
    """

    header: bytes
    footer: bytes
    holds_failures: bool

    def spell(self, row: Row, first: bool) -> bytes:
        """A row with its line end; empty where the form has no place for it."""


class JsonLines:
    """One JSON object a line."""

    header = footer = b""
    holds_failures = True

    def spell(self, row: Row, first: bool) -> bytes:
        return to_json(row) + b"\n"


class Csv:
    """A table: image, caption, score, model, error, and a column for each further caption.

    No spreadsheet takes a cell for a formula.
    """

    footer = b""
    holds_failures = True

    def __init__(self, top: int = 1) -> None:
        others = [f"caption_{number}" for number in range(2, top + 1)]
        self._width = top - 1
        names = ["image", "caption", "score", "model", "error", *others]
        self.header = spreadsheet.header(names).encode()

    def spell(self, row: Row, first: bool) -> bytes:
        error = printable(str(row.error)) if row.error else ""
        score = "" if row.error else row.score
        others = [text for text, _ in row.alternatives]
        others += [""] * (self._width - len(others))
        line = spreadsheet.line([row.image, row.caption, score, row.model, error, *others])
        return line.encode("utf-8", "backslashreplace")


class CocoResults:
    """One JSON list of `image_id` and `caption`, the form in which captions are scored.

    A photo is known by its number where its file is named so, as COCO's own are, else by its path.
    """

    header = b"["
    footer = b"\n]\n"
    holds_failures = False

    def spell(self, row: Row, first: bool) -> bytes:
        if row.error:
            return b""
        content = _json({"image_id": image_id(row.image), "caption": row.caption})
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


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
