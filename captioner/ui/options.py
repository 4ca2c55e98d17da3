"""How a sentence is written: what a visitor chooses, whatever form a request has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from captioner.errors import OptionError
from captioner.messages import Message
from captioner.options import OPTIONS, CaptionOptions, shown
from captioner.ui.words import ENGLISH, WORDS

if TYPE_CHECKING:
    from captioner.pipeline import Captioner

TOP, SEED = 5, 1  # what the form of the page begins with
_LONGEST_LIST, _LONGEST_TEXT = 20_000, 200  # characters
# Each word that must appear widens the search by the whole beam: with so many hypotheses it takes
# some two seconds on two cores.
MOST_REQUIRED, MOST_HYPOTHESES = 10, 30
MOST_AT_ONCE = 16  # photos of one question, of which others wait for the end


def check(options: CaptionOptions, captioner: Captioner) -> None:
    """Raises OptionError for words that must appear and that the model does not know, or that are
    too many to be searched for while others wait."""
    beam = options.all()["beam"]
    count = sum(map(len, captioner.tokens_of(options.require or ())))
    most = min(MOST_REQUIRED, MOST_HYPOTHESES // beam) if count else 0
    if count > most:
        raise OptionError(
            "{} words that must appear are too many for a beam of {}: at most {} are searched "
            "for here.",
            count,
            beam,
            most,
        )


def text(name: str, value: object) -> str:
    """A short text; none is an empty one. Raises OptionError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise OptionError("{} must be a text, not {}.", name, shown(value))
    if len(value) > _LONGEST_TEXT:
        raise OptionError("{} may have {} characters.", name, _LONGEST_TEXT)
    return value


def listed(value: object) -> tuple[str, ...]:
    """The words or phrases of a list that a person typed, in either language's punctuation."""
    if value is not None and not isinstance(value, str):
        raise OptionError("A list of words must be a text, not {}.", shown(value))
    if len(value or "") > _LONGEST_LIST:
        raise OptionError("A list of words is too long.")
    words = (word.strip() for word in re.split("[,;，、；\n]", value or ""))
    return tuple(word for word in words if word)


def values_of(value: object, length: int | None = None) -> list[Any]:
    """A list of a request of the page's own scripts. Raises OptionError where it is none, not of
    that length, or too long."""
    if not isinstance(value, list) or len(value) > MOST_AT_ONCE or length not in (None, len(value)):
        raise OptionError("This page does not understand the request.")
    return value


@dataclass(frozen=True)
class Visitor:
    """The page's language, the model's name ("" for one that writes the language), the options."""

    language: str
    model: str
    options: CaptionOptions


def visitor(language: object, model: object, *fields: Any) -> Visitor:
    """Who has set the page's fields so. Raises OptionError."""
    code = text("language", language)
    if code not in WORDS:
        raise OptionError("The page does not speak {}.", shown(code))
    return Visitor(code, text("model", model), chosen(*fields))


def chosen(  # noqa: PLR0917
    beam: Any, top: Any, length: Any, sampling: Any, temperature: Any, seed: Any,
    require: object, avoid: object,
) -> CaptionOptions:  # fmt: skip
    """The options as the page's own fields have them; an emptied one is as if nothing were said.

    Raises OptionError, with the fields' own names.
    """
    if not isinstance(sampling, bool):
        raise OptionError("sampling must be true or false, not {}.", shown(sampling))
    fields: dict[str, tuple[str, Any]] = {
        "top": (ENGLISH.top, top),
        "max_length": (ENGLISH.length, length),
        "avoid": (ENGLISH.avoid, listed(avoid)),
    }
    if sampling:
        fields["temperature"] = (ENGLISH.temperature, temperature)
        fields["seed"] = (ENGLISH.seed, 0 if seed is None else seed)
    else:
        fields["beam"] = (ENGLISH.beam, beam)
        fields["require"] = (ENGLISH.require, listed(require))
    checked: dict[str, Any] = {
        name: OPTIONS[name].checked(Message(label), value)
        for name, (label, value) in fields.items()
        if value is not None
    }
    return CaptionOptions(**checked)
