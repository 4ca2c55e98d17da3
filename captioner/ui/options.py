"""How a sentence is written: what a visitor may choose, and the part of the page to choose it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from captioner.decoding import BeamOptions, SamplingOptions
from captioner.errors import OptionError

MOST_BEAMS, MOST_SENTENCES, MOST_WORDS = 10, 10, 30
_FOR_BEAMS, _FOR_DRAWS = ("beam", "include"), ("temperature", "seed")


@dataclass(frozen=True)
class Choices:
    """What is passed on to `Captioner.describe`, in a form that can be compared and hashed.

    Raises OptionError for what the page does not do for just anybody: a very wide beam, say.
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
            value = getattr(self, name)
            if not 1 <= value <= limit:
                raise OptionError(f"{name} must be from 1 to {limit}, not {value}.")
        if not 0 <= self.seed < 10**18:
            raise OptionError(f"seed must be from 0 to 10^18, not {self.seed}.")
        if self.sampling and self.include:
            raise OptionError("include goes with beam search, not with sampling.")

    def options(self) -> dict[str, Any]:
        """The keywords of `Captioner.describe`."""
        unused = _FOR_BEAMS if self.sampling else _FOR_DRAWS
        return {name: value for name, value in asdict(self).items() if name not in unused}


def listed(text: str | None) -> tuple[str, ...]:
    """The words or phrases of a list that a person typed, in either language's punctuation."""
    return tuple(word.strip() for word in re.split("[,;，、；\n]", text or "") if word.strip())


@dataclass(frozen=True)
class Visitor:
    """The page's language, the model's name ("" for one that writes the language), the choices."""

    language: str
    model: str
    choices: Choices


def visitor(language: str, model: str | None, *fields: Any) -> Visitor:
    """Who has set the page's fields so. Raises OptionError."""
    return Visitor(language, model or "", chosen(*fields))


def chosen(  # noqa: PLR0917
    beam: float, top: float, length: float, sampling: bool, temperature: float,
    seed: float | None, include: str | None, avoid: str | None,
) -> Choices:  # fmt: skip
    """The choices as the page's own fields have them. Raises OptionError."""
    required = () if sampling else listed(include)
    return Choices(
        int(beam), int(top), int(length), bool(sampling), float(temperature), int(seed or 0),
        required, listed(avoid),
    )  # fmt: skip
