"""Two sets of captions of the same photos side by side, and how sure their difference is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.errors import DatasetError
from captioner.messages import Message
from captioner.metrics.cider import CiderD
from captioner.metrics.report.captions import Captions, Entry
from captioner.metrics.report.table import aligned
from captioner.metrics.scores import TITLES, Statistics, measure_for

ROUNDS = 2000
_SAMPLES_AT_ONCE = 4_000_000  # photos drawn before they are scored, which bounds the memory


@dataclass(frozen=True)
class Difference:
    """Both scores of one metric in percent, and where 95 % of the resampled differences lie."""

    ours: float
    theirs: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """How much higher ours is."""
        return self.ours - self.theirs

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """Differences by metric, over the photos that both sets have.

    only_ours, only_theirs: photos that one set alone has. other_references: photos whose
    references in the two sets differ; ours were used for both.
    """

    title: str
    other_title: str
    photos: int
    differences: dict[str, Difference]
    only_ours: tuple[str, ...]
    only_theirs: tuple[str, ...]
    other_references: tuple[str, ...]
    other_captions: dict[str, str]

    def table(self) -> str:
        """Scores in percent to one decimal, their differences, and the intervals' ends."""
        found = self.differences.values()
        count = str(self.photos)
        rows: list[list[str | Message]] = [
            ["", Message("photos"), *(TITLES[name] for name in self.differences)],
            [self.title, count, *(f"{d.ours:.1f}" for d in found)],
            [self.other_title, count, *(f"{d.theirs:.1f}" for d in found)],
            [Message("difference"), "", *(f"{d.value:+.1f}" for d in found)],
            [Message("interval of 95 %, from"), "", *(f"{d.low:+.1f}" for d in found)],
            [Message("to"), "", *(f"{d.high:+.1f}" for d in found)],
        ]
        return aligned(rows)

    def notes(self) -> list[Message]:
        """Which photos were not compared, or not as each set would have it."""
        notes = [
            Message(
                "Photos that only {} has, left out of the comparison: {}, as {}.", title, *_some(n)
            )
            for title, n in ((self.title, self.only_ours), (self.other_title, self.only_theirs))
            if n
        ]
        if self.other_references:
            notes.append(
                Message(
                    "Photos with other references in {}, compared by those of {}: {}, as {}.",
                    self.other_title,
                    self.title,
                    *_some(self.other_references),
                )
            )
        return notes

    def as_dict(self) -> dict[str, Any]:
        """The whole comparison, ready for JSON."""
        return {
            "title": self.title,
            "other_title": self.other_title,
            "photos": self.photos,
            "differences": {
                name: {"ours": d.ours, "theirs": d.theirs, "difference": d.value}
                | {"low": d.low, "high": d.high}
                for name, d in self.differences.items()
            },
            "only_ours": list(self.only_ours),
            "only_theirs": list(self.only_theirs),
            "other_references": list(self.other_references),
        }


def compare(ours: Captions, theirs: Captions, rounds: int = ROUNDS, seed: int = 0) -> Comparison:
    """Scores both sets on the photos they share, and resamples those for the differences.

    A paired bootstrap: each round draws as many photos as there are, with replacement, and scores
    both sets' captions of them; the interval holds the middle 95 % of the rounds' differences
    (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; for BLEU Koehn, EMNLP 2004).
    BLEU is computed from each round's summed counts. Both sets are scored against our references,
    with the document frequencies of all of ours, shared or not.

    Raises DatasetError where the languages differ or no photo is in both.
    """
    check_comparable(theirs, ours.language, [entry.image for entry in ours.entries])
    other = {entry.image: entry for entry in theirs.entries}
    shared = [entry for entry in ours.entries if entry.image in other]
    mine = {entry.image for entry in shared}
    texts = {entry.image: other[entry.image].caption for entry in shared}
    return Comparison(
        title=ours.title,
        other_title=theirs.title,
        photos=len(shared),
        differences=_differences(ours, shared, texts, rounds, seed),
        only_ours=tuple(e.image for e in ours.entries if e.image not in mine),
        only_theirs=tuple(e.image for e in theirs.entries if e.image not in mine),
        other_references=tuple(
            e.image for e in shared if sorted(e.references) != sorted(other[e.image].references)
        ),
        other_captions=texts,
    )


def _some(names: Sequence[str]) -> tuple[int, str]:
    """How many there are, and the first."""
    return len(names), ", ".join(names[:3])


def check_comparable(theirs: Captions, language: str, images: Iterable[str]) -> None:
    """Raises DatasetError unless captions in a language of these photos can be compared."""
    if language != theirs.language:
        raise DatasetError(
            "{} cannot be compared: its language is '{}', not '{}'.",
            theirs.title,
            theirs.language,
            language,
        )
    if not {entry.image for entry in theirs.entries}.intersection(images):
        raise DatasetError("{} cannot be compared: it has none of these photos.", theirs.title)


def _differences(
    ours: Captions, shared: list[Entry], texts: dict[str, str], rounds: int, seed: int
) -> dict[str, Difference]:
    first, second = _both(ours, shared, texts)
    whole = np.ones((1, len(shared)), dtype=np.int64)
    scores, others = first.resampled(whole)[0], second.resampled(whole)[0]
    samples = np.concatenate(
        [
            first.resampled(times) - second.resampled(times)
            for times in _samples(len(shared), rounds, seed)
        ]
    )
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    columns = zip(scores.tolist(), others.tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Difference(*row) for name, row in zip(first.names, columns, strict=True)}


def _both(
    ours: Captions, shared: list[Entry], texts: dict[str, str]
) -> tuple[Statistics, Statistics]:
    measure = measure_for(ours.language)
    cider = CiderD(ours.tokens()[1])
    candidates, references = Captions(ours.title, ours.language, tuple(shared)).tokens()
    others = tuple(Entry(entry.image, texts[entry.image], ()) for entry in shared)
    other_candidates, _ = Captions(ours.title, ours.language, others).tokens()
    return measure(candidates, references, cider), measure(other_candidates, references, cider)


def _samples(photos: int, rounds: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """How often each photo was drawn, `[rounds, photos]`, some rounds at a time."""
    generator = np.random.default_rng(seed)
    even = np.full(photos, 1 / photos)
    at_once = max(1, _SAMPLES_AT_ONCE // photos)
    for first in range(0, rounds, at_once):
        yield generator.multinomial(photos, even, size=min(at_once, rounds - first))
