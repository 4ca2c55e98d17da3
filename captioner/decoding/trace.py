"""How a beam search went: at each step what it kept, what it ended, and what it pruned."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Fate(Enum):
    """What becomes of a candidate: it goes on, it has ended and counts, or it is left behind."""

    KEPT = "kept"
    ENDED = "ended"
    PRUNED = "pruned"


@dataclass(frozen=True)
class Candidate:
    """A beginning of a caption that a step of the search has weighed.

    Attributes:
        tokens: without the start token; the last is the end token where it ended.
        log_prob: natural logarithm of the model's probability of these tokens, less what unseen
            trigrams lose.
        fate: what became of it.
    """

    tokens: tuple[int, ...]
    log_prob: float
    fate: Fate


@dataclass
class Trace:
    """What :func:`~captioner.decoding.beam_search` is told to write down, step by step.

    Attributes:
        steps: by image the candidates of each step, twice as many as the beam is wide for each
            group of the search, likeliest first; those that cannot be are left out.
    """

    steps: dict[int, list[tuple[Candidate, ...]]] = field(default_factory=dict)

    def record(
        self,
        image: int,
        histories: Sequence[Sequence[int]],
        groups: Sequence[Sequence[tuple[float, int, int]]],
        beam: int,
        end: int,
    ) -> None:
        """Write down a step of an image's search.

        Args:
            image: its number.
            histories: what each hypothesis had written before.
            groups: of each group of the search the candidates, likeliest first: log-probability,
                the hypothesis that it continues, and its token.
            beam: how many of each group go on.
            end: id of the end token.
        """
        found = (one for group in groups for one in _judged(histories, group, beam, end))
        self.steps.setdefault(image, []).append(tuple(found))


def _judged(
    histories: Sequence[Sequence[int]],
    group: Sequence[tuple[float, int, int]],
    beam: int,
    end: int,
) -> Iterator[Candidate]:
    """The candidates of one group. As in the search, only an ending among the first half counts,
    and as many of the others go on."""
    going = 0
    for place, (log_prob, parent, token) in enumerate(group):
        if token == end:
            fate = Fate.ENDED if place < beam else Fate.PRUNED
        else:
            fate = Fate.KEPT if going < beam else Fate.PRUNED
            going += 1
        if log_prob > -math.inf:
            yield Candidate((*histories[parent], token), log_prob, fate)
