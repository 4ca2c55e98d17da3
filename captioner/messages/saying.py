"""Finding the template that an English sentence was made from, and filling in the Chinese one.

Whoever raises an error or writes a note says it in English, as an f-string. Its translation is
looked up by what is fixed in it: the sentence must begin with the first fixed part of a template,
end with the last, and hold the others in between in their order.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

_MOST_PLACES = 8  # one within the other: a file, a table in it, a key of that
_spoken = "en"


def speak(language: str) -> None:
    """From now on this process speaks a language, "en" or "zh", where a call does not say which."""
    global _spoken  # noqa: PLW0603
    _spoken = language


def say(sentence: str, language: str | None = None) -> str:
    """A sentence of the package in a language; as it is where no translation is known.

    language: "en" or "zh"; the one that `speak` was told, if not given.
    """
    return _translated(sentence, _sentences()) if (language or _spoken) == "zh" else sentence


def say_together(sentences: Iterable[str]) -> str:
    """Sentences one after another, with spaces between them where the language has spaces."""
    return ("" if _spoken == "zh" else " ").join(map(say, sentences))


class Formatter(logging.Formatter):
    """Log lines in the person's language; a traceback stays as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = say(record.message)
        return super().formatMessage(record)


@dataclass(frozen=True)
class _Template:
    """parts: what is fixed, around the values. chinese: as for `str.format`."""

    parts: tuple[str, ...]
    chinese: str

    @property
    def rank(self) -> tuple[int, int, tuple[str, ...]]:
        """Templates with more fixed characters come first, then those with fewer values."""
        return -sum(map(len, self.parts)), len(self.parts), self.parts

    def values_in(self, sentence: str) -> list[str] | None:
        """The values that the sentence was made with, None where it was made from another one.

        A value is as short as it can be. Where any choice of values fits, this one does.
        """
        first, *rest = self.parts
        if not rest:
            return [] if sentence == first else None
        *inner, last = rest
        end = len(sentence) - len(last)
        if not (sentence.startswith(first) and sentence.endswith(last)):
            return None
        values, start = [], len(first)
        for part in inner:
            place = sentence.find(part, start, end)
            if place < 0:
                return None
            values.append(sentence[start:place])
            start = place + len(part)
        return [*values, sentence[start:end]] if start <= end else None


class _Value(str):
    """A value in a sentence; `{:say}` is for one that is a sentence or phrase itself."""

    def __format__(self, form: str) -> str:
        return _translated(self, _phrases()) if form == "say" else str(self)


def _translated(sentence: str, templates: tuple[_Template, ...]) -> str:
    if said := _made_from(sentence, templates):
        return said
    # Where something is wrong stands before what is wrong there.
    parts = sentence.split(": ", _MOST_PLACES)
    for number in range(1, len(parts)):
        if said := _made_from(": ".join(parts[number:]), templates):
            return "：".join((*parts[:number], said))
    return str(sentence)


def _made_from(sentence: str, templates: tuple[_Template, ...]) -> str | None:
    """The translation by the first template that fits, None where none does."""
    for template in templates:
        values = template.values_in(sentence)
        if values is not None:
            return template.chinese.format(*map(_Value, values))
    return None


@cache
def _sentences() -> tuple[_Template, ...]:
    from captioner.messages.errors import ERRORS
    from captioner.messages.help import COMMAND
    from captioner.messages.notes import NOTES

    return _ranked({**ERRORS, **NOTES, **COMMAND})


@cache
def _phrases() -> tuple[_Template, ...]:
    from captioner.messages.notes import PHRASES

    return tuple(sorted((*_ranked(PHRASES), *_sentences()), key=lambda own: own.rank))


def _ranked(catalogue: Mapping[str, str]) -> tuple[_Template, ...]:
    own = (_Template(tuple(english.split("{}")), zh) for english, zh in catalogue.items())
    return tuple(sorted(own, key=lambda template: template.rank))
