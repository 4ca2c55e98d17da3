"""How a sentence is written: what a visitor may choose, whatever form a request has."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from captioner.decoding import BeamOptions, SamplingOptions
from captioner.errors import OptionError
from captioner.messages import Message
from captioner.ui.words import WORDS

if TYPE_CHECKING:
    from captioner.pipeline import Captioner

MOST_BEAMS, MOST_SENTENCES, MOST_WORDS = 10, 10, 30
MOST_SEED = 10**18 - 1
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.01, 100
MOST_LISTED, LONGEST = 100, 200  # words to avoid, say, and the characters of each
# Each word that must appear widens the search by the whole beam: with so many hypotheses it takes
# some two seconds on two cores.
MOST_REQUIRED, MOST_HYPOTHESES = 10, 30
_FOR_BEAMS, _FOR_DRAWS = ("beam", "include"), ("temperature", "seed")


@dataclass(frozen=True)
class Choices:
    """What is passed on to `Captioner.describe`, in a form that can be compared and hashed.

    The values may come from anybody. Raises OptionError for one of another type or out of range,
    and for what the page does not do for just anybody: a very wide beam, say.
    """

    beam: int = BeamOptions.beam
    top: int = 5
    max_length: int = BeamOptions.max_length
    sampling: bool = False
    temperature: float = SamplingOptions.temperature
    seed: int = 1
    include: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        most = {"beam": MOST_BEAMS, "top": MOST_SENTENCES, "max_length": MOST_WORDS}
        for name, limit in most.items():
            self._set(name, whole(name, getattr(self, name), 1, limit))
        self._set("seed", whole("seed", self.seed, 0, MOST_SEED))
        self._set("temperature", _temperature(self.temperature))
        for name in _LISTS:
            self._set(name, _texts(name, getattr(self, name)))
        if not isinstance(self.sampling, bool):
            raise OptionError("sampling must be true or false, not {}.", shown(self.sampling))
        if self.sampling and self.include:
            raise OptionError("include goes with beam search, not with sampling.")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # it is frozen for all others

    def options(self) -> dict[str, Any]:
        """The keywords of `Captioner.describe`."""
        unused = _FOR_BEAMS if self.sampling else _FOR_DRAWS
        return {name: value for name, value in asdict(self).items() if name not in unused}

    def check(self, captioner: Captioner) -> None:
        """Raises OptionError for words that must appear and that the model does not know, or that
        are too many to be searched for while others wait."""
        count = sum(map(len, captioner.tokens_of(self.include)))
        most = min(MOST_REQUIRED, MOST_HYPOTHESES // self.beam)
        if count > most:
            raise OptionError(
                "{} words that must appear are too many for a beam of {}: at most {} are searched "
                "for here.",
                count,
                self.beam,
                most,
            )


_LISTS = ("include", "avoid")


def whole(name: str, value: object, least: int, most: int) -> int:
    """A whole number within limits; 3.0 is one, as sliders say it. Raises OptionError."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and least <= value <= most and value == int(value):  # type: ignore[operator, call-overload]
        return int(value)  # type: ignore[call-overload]
    raise OptionError(
        "{} must be a whole number from {} to {}, not {}.", name, least, most, shown(value)
    )


def _temperature(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and LEAST_TEMPERATURE <= value <= MOST_TEMPERATURE:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    raise OptionError(
        "temperature must be a number from {} to {}, not {}.",
        LEAST_TEMPERATURE,
        MOST_TEMPERATURE,
        shown(value),
    )


def _texts(name: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(own, str) for own in value):
        raise OptionError("{} must be a list of words, not {}.", name, shown(value))
    if len(value) > MOST_LISTED or any(len(own) > LONGEST for own in value):
        raise OptionError(
            "{} may hold {} words or phrases of {} characters.", name, MOST_LISTED, LONGEST
        )
    return tuple(value)


def text(name: str, value: object) -> str:
    """A short text; none is an empty one. Raises OptionError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise OptionError("{} must be a text, not {}.", name, shown(value))
    if len(value) > LONGEST:
        raise OptionError("{} may have {} characters.", name, LONGEST)
    return value


def shown(value: object) -> str | Message:
    """Any value of a request in a few words, for a sentence about it."""
    kinds = {list: "a list", tuple: "a list", dict: "an object", type(None): "nothing"}
    if isinstance(value, int) and value.bit_length() > 64:
        return Message("so large a number")  # to spell it takes long, or fails
    if isinstance(value, str):
        return Message("'{}'", f"{value[:40]}…" if len(value) > 40 else value)
    kind = kinds.get(type(value))
    return Message(kind) if kind else str(value).lower()


def listed(value: object) -> tuple[str, ...]:
    """The words or phrases of a list that a person typed, in either language's punctuation."""
    if value is not None and not isinstance(value, str):
        raise OptionError("A list of words must be a text, not {}.", shown(value))
    if len(value or "") > MOST_LISTED * LONGEST:
        raise OptionError("A list of words is too long.")
    words = (word.strip() for word in re.split("[,;，、；\n]", value or ""))
    return tuple(word for word in words if word)


@dataclass(frozen=True)
class Visitor:
    """The page's language, the model's name ("" for one that writes the language), the choices."""

    language: str
    model: str
    choices: Choices


def visitor(language: object, model: object, *fields: Any) -> Visitor:
    """Who has set the page's fields so. Raises OptionError."""
    code = text("language", language)
    if code not in WORDS:
        raise OptionError("The page does not speak {}.", shown(code))
    return Visitor(code, text("model", model), chosen(*fields))


def chosen(  # noqa: PLR0917
    beam: Any, top: Any, length: Any, sampling: Any, temperature: Any, seed: Any,
    include: object, avoid: object,
) -> Choices:  # fmt: skip
    """The choices as the page's own fields have them. Raises OptionError."""
    required = () if sampling is True else listed(include)
    first = 0 if seed is None else seed  # an emptied field
    return Choices(beam, top, length, sampling, temperature, first, required, listed(avoid))
