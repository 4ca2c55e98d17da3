"""How a caption is written: all that a person may ask for, in one object.

The command's flags, the arguments of the page's end points and the record of a folder run are made
of its fields. A further option is a field here, and what it does in `decoding`.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from captioner.decoding.types import BeamOptions, SamplingOptions
from captioner.errors import OptionError
from captioner.messages import Message

_MOST_LISTED, _LONGEST = 100, 200  # words to avoid, say, and the characters of each
_MOST_SEED = 2**53 - 1  # which browsers still spell exactly
_INSTEAD = {"include": "require", "sampling": "temperature, top_k, top_p or seed"}  # of old names


@dataclass(frozen=True)
class Number:
    """What an option takes: a number within limits.

    about: what it does, in a few words. usual: what it is where not given. search: "beam" or
    "sampling" where it goes with that alone.
    """

    about: str
    kind: type[int] | type[float]
    least: float
    most: float
    usual: float | None = None
    search: str = ""

    def checked(self, name: str | Message, value: Any) -> float:
        """The value; 3.0 is a whole number, as sliders say it. Raises OptionError.

        name: as the person knows the option.
        """
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if is_number and self.least <= value <= self.most:
            number = self.kind(value)
            if self.kind is float or number == value:
                return number
        if self.kind is int:
            template = "{} must be a whole number from {} to {}, not {}."
        else:
            template = "{} must be a number from {} to {}, not {}."
        raise OptionError(template, name, self.least, self.most, shown(value))

    def described(self, usual: float | None = None) -> str:
        """What it does, its limits, and what is usual (another value here, if given)."""
        usual = self.usual if usual is None else usual
        limits = f"{self.about}, {self.least} to {self.most}"
        return limits if usual is None else f"{limits} ({usual:g})"


@dataclass(frozen=True)
class Phrases:
    """What an option takes: words and phrases. about, search: as of `Number`."""

    about: str
    search: str = ""
    usual: ClassVar[None] = None

    def checked(self, name: str | Message, value: object) -> tuple[str, ...] | None:
        """The phrases, of which a string is one; None where there are none. Raises OptionError."""
        listed = (value,) if isinstance(value, str) else value
        if not isinstance(listed, list | tuple) or not all(
            isinstance(item, str) for item in listed
        ):
            raise OptionError("{} must be a list of words, not {}.", name, shown(value))
        if len(listed) > _MOST_LISTED or any(len(phrase) > _LONGEST for phrase in listed):
            raise OptionError(
                "{} may hold {} words or phrases of {} characters.", name, _MOST_LISTED, _LONGEST
            )
        if not all(phrase.strip() for phrase in listed):
            raise OptionError("{} must not hold an empty phrase.", name)
        return tuple(listed) or None

    def described(self, usual: None = None) -> str:
        """What it does."""
        return self.about


def _option(takes: Number | Phrases) -> Any:
    return field(default=None, metadata={"takes": takes})


def _whole(least: int, most: int, usual: int | None, about: str, search: str = "") -> Any:
    return _option(Number(about, int, least, most, usual, search))


@dataclass(frozen=True, kw_only=True)
class CaptionOptions:
    """How a caption is written; None where nothing was given.

    A caption is found by beam search, or drawn at random where temperature, top_k, top_p or seed is
    given. The usual values suit sentences about photos, see `DecodingOptions`.

    beam: width of the beam search. top: how many sentences, best first. min_length, max_length: of
    a sentence, in words. length_penalty: the exponent of the length by which a log-probability is
    divided to be a score. no_repeat_ngram: no so many words in a row stand twice in a sentence.
    no_repeat_within: no word stands again within so many, but for such as "the"; usually nowhere in
    the sentence, so that nothing is "a bathroom with a toilet in the bathroom". require, avoid:
    words and phrases that must, or must not, appear. temperature: below 1 keeps to likely words,
    above 1 is bolder. top_k, top_p: draws among so many likeliest words, or among the fewest that
    make up such a probability. seed: the same one gives a photo the same sentences.

    Raises OptionError for a value of another type or out of range, and where an option of the beam
    search stands beside one of draws.
    """

    beam: int | None = _whole(1, 10, BeamOptions.beam, "width of the beam search", search="beam")
    top: int | None = _whole(1, 10, BeamOptions.top, "how many sentences, best first")
    min_length: int | None = _whole(0, 30, BeamOptions.min_length, "fewest words in a sentence")
    max_length: int | None = _whole(1, 30, BeamOptions.max_length, "most words in a sentence")
    length_penalty: float | None = _option(
        Number("more favours longer sentences", float, -5, 5, BeamOptions.length_penalty)
    )
    no_repeat_ngram: int | None = _whole(
        0, 30, BeamOptions.no_repeat_ngram, "no so many words in a row twice"
    )
    no_repeat_within: int | None = _whole(
        0, 30, 30, "no word again within so many, but such as 'the'"
    )
    require: Sequence[str] | None = _option(
        Phrases("words or phrases that must appear", search="beam")
    )
    avoid: Sequence[str] | None = _option(Phrases("words or phrases that must not appear"))
    temperature: float | None = _option(
        Number(
            "draws at random: below 1 keeps to likely words, above 1 is bolder",
            float, 0.01, 100, SamplingOptions.temperature, "sampling",
        )
    )  # fmt: skip
    top_k: int | None = _whole(
        1, 10**6, None, "draws among so many likeliest words", search="sampling"
    )
    top_p: float | None = _option(
        Number(
            "draws among the likeliest words of such a probability",
            float, 0.01, 1, None, "sampling",
        )
    )  # fmt: skip
    seed: int | None = _whole(
        0, _MOST_SEED, None, "draws the same sentences for the same number", search="sampling"
    )

    def __post_init__(self) -> None:
        for name, takes in OPTIONS.items():
            if getattr(self, name) is not None:
                checked = takes.checked(name, getattr(self, name))
                object.__setattr__(self, name, checked)  # it is frozen for all others
        of_beams, of_draws = self._given_for("beam"), self._given_for("sampling")
        if of_beams and of_draws:
            raise OptionError(
                "{} goes with beam search, {} with sampling: leave one of them out.",
                of_beams[0],
                of_draws[0],
            )
        shortest, longest = (self.all()[name] for name in ("min_length", "max_length"))
        if shortest > longest:
            raise OptionError(
                "min_length must be from 0 to max_length ({}), not {}.", longest, shortest
            )

    @classmethod
    def of(cls, options: CaptionOptions | None, given: Mapping[str, Any]) -> CaptionOptions:
        """The options, if any, with others given as keywords. Raises OptionError."""
        options = CaptionOptions() if options is None else options
        if not isinstance(options, CaptionOptions):
            raise OptionError("The options must be CaptionOptions, not {}.", shown(options))
        for name in given.keys() - OPTIONS.keys():
            known = _INSTEAD.get(name) or ", ".join(OPTIONS)
            raise OptionError("There is no option '{}'; there is: {}.", name, known)
        return replace(options, **given) if given else options

    @property
    def is_sampling(self) -> bool:
        """Whether captions are drawn at random instead of searched for."""
        return bool(self._given_for("sampling"))

    def all(self) -> dict[str, Any]:
        """Each option as it was given, or else the usual one; None where it does not apply."""
        other = "beam" if self.is_sampling else "sampling"
        given = {name: getattr(self, name) for name in OPTIONS}
        return {
            name: takes.usual if given[name] is None and takes.search != other else given[name]
            for name, takes in OPTIONS.items()
        }

    def _given_for(self, search: str) -> list[str]:
        return [
            name
            for name, takes in OPTIONS.items()
            if takes.search == search and getattr(self, name) is not None
        ]


OPTIONS: dict[str, Number | Phrases] = {
    option.name: option.metadata["takes"] for option in fields(CaptionOptions)
}


def shown(value: object) -> str | Message:
    """Any value in a few words, for a sentence about it."""
    kinds = {list: "a list", tuple: "a list", dict: "an object", type(None): "nothing"}
    if isinstance(value, int) and value.bit_length() > 64:
        return Message("so large a number")  # to spell it takes long, or fails
    if isinstance(value, str):
        return Message("'{}'", f"{value[:40]}…" if len(value) > 40 else value)
    kind = kinds.get(type(value))
    return Message(kind) if kind else str(value).lower()[:40]
