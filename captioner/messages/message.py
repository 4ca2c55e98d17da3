"""A sentence as its template and values, to be told in the language of whoever reads it."""

from __future__ import annotations

from typing import Any


class Message:
    """A sentence or a phrase: `Message("{} does not exist.", path)`; `str` gives it in English.

    template: in English, with places as for `str.format`; without values it is the text itself.
    values: strings, numbers, and messages, which are translated within; others as their text.
    """

    def __init__(self, template: str, *values: object) -> None:
        self.template = template
        self.values = tuple(map(_plain, values))

    def as_json(self) -> list[Any]:
        """The template and its values, ready for JSON."""
        values = (v.as_json() if isinstance(v, Message) else v for v in self.values)
        return [self.template, *values]

    @staticmethod
    def from_json(content: list[Any]) -> Message:
        """What `as_json` gave."""
        template, *values = content
        return Message(
            template, *(Message.from_json(v) if isinstance(v, list) else v for v in values)
        )

    def __str__(self) -> str:
        return self.template.format(*self.values) if self.values else self.template

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, (self.template, *self.values)))})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return (self.template, self.values) == (other.template, other.values)

    def __hash__(self) -> int:
        return hash((self.template, self.values))


def duration(seconds: float) -> Message:
    """Such as "40 s", "12 min", "2 h 5 min"."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return Message("{} s", max(0, round(seconds)))
    if minutes < 60:
        return Message("{} min", minutes)
    return Message("{} h {} min", *divmod(minutes, 60))


def reason(error: BaseException) -> Message:
    """What the system or a library says of a failure, in one line, such as "Permission denied"."""
    text = getattr(error, "strerror", None) or str(error)
    return Message(" ".join(text.split()).rstrip("."))


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | Message) else str(value)
