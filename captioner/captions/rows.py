"""A row: what is written about a photo, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from captioner.messages import Message, printable


class Alternative(NamedTuple):
    """A further caption of a photo; log_prob, score: as of `Row`."""

    caption: str
    log_prob: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class Row:
    """A photo's caption in a language, or why it has none.

    image: the photo's name. language: the code of the caption's. log_prob: natural logarithm of the
    model's probability of just this caption. score: what captions are ranked by, the former scaled
    for the length. model: the name of the one that wrote the caption. alternatives: the next best
    captions, best first. error: why the photo could not be read, if it could not. What is not known
    is empty or None, as the score is of a caption that a person wrote.
    """

    image: str
    caption: str = ""
    language: str = ""
    log_prob: float | None = None
    score: float | None = None
    model: str = ""
    alternatives: tuple[Alternative, ...] = ()
    error: Message | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """All captions, best first."""
        return (self.caption, *(other.caption for other in self.alternatives))

    def as_dict(self) -> dict[str, Any]:
        """What is known of the photo, by the names that every output has; an error in English."""
        if self.error:
            return {"image": self.image, "error": printable(str(self.error))}
        others = [_known(other._asdict()) for other in self.alternatives]
        return _known(
            {
                "image": self.image,
                "language": self.language,
                "caption": self.caption,
                "log_prob": self.log_prob,
                "score": self.score,
                "model": self.model,
                "alternatives": others,
            }
        )

    @staticmethod
    def from_dict(content: dict[str, Any]) -> Row:
        """The row that `as_dict` gave; what it does not know is left out."""
        error = content.get("error")
        others = (
            Alternative(*(other.get(name) for name in Alternative._fields))
            for other in content.get("alternatives", ())
        )
        return Row(
            content["image"],
            content.get("caption", ""),
            content.get("language", ""),
            content.get("log_prob"),
            content.get("score"),
            content.get("model", ""),
            tuple(others),
            Message(error) if error else None,
        )


def to_json(rows: Iterable[Row]) -> bytes:
    """Rows as lines of JSON, each with its end.

    A byte of a file name that is not UTF-8 is spelt as Python does, which `os.fsencode` undoes.
    """
    return b"".join(json_bytes(row.as_dict()) + b"\n" for row in rows)


def from_json(lines: bytes) -> tuple[Row, ...]:
    """The rows that `to_json` spelt."""
    return tuple(Row.from_dict(json.loads(line)) for line in lines.splitlines())


def json_bytes(content: dict[str, Any]) -> bytes:
    """An object as JSON in UTF-8, on one line without its end."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _known(content: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty, but for a caption, which may be."""
    return {
        k: value for k, value in content.items() if k == "caption" or value not in (None, "", [])
    }
