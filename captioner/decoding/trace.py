"""How a beam search went: at each step what it kept, what it ended, and what it pruned."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from torch import Tensor


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
        log_prob: natural logarithm of the model's probability of these tokens.
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

    def record(  # noqa: PLR0917
        self,
        images: list[int],
        history: Tensor,
        totals: Tensor,
        parents: Tensor,
        tokens: Tensor,
        end: int,
    ) -> None:
        """Write down a step.

        Args:
            images: numbers of the B images that are still searched.
            history: long ``[B, K, t]``, what the hypotheses had written before.
            totals, parents, tokens: ``[B, G, 2 * beam]``, the candidates of each group, likeliest
                first: their log-probabilities, the hypotheses that they continue, and their tokens.
            end: id of the end token.
        """
        histories = history.tolist()
        rows = zip(
            images, histories, totals.tolist(), parents.tolist(), tokens.tolist(), strict=True
        )
        for image, before, *groups in rows:
            found: list[Candidate] = []
            for group in zip(*groups, strict=True):
                log_probs, parent_rows, next_tokens = group
                found += _judged(before, log_probs, parent_rows, next_tokens, end)
            self.steps.setdefault(image, []).append(tuple(found))


def _judged(
    before: list[list[int]], totals: list[float], parents: list[int], tokens: list[int], end: int
) -> list[Candidate]:
    """The candidates of one group. As in the search, only an ending among the first half counts,
    and as many of the others go on."""
    beam = len(totals) // 2
    going, found = 0, []
    for place, (total, parent, token) in enumerate(zip(totals, parents, tokens, strict=True)):
        if token == end:
            fate = Fate.ENDED if place < beam else Fate.PRUNED
        else:
            fate = Fate.KEPT if going < beam else Fate.PRUNED
            going += 1
        if total > -math.inf:
            found.append(Candidate((*before[parent], token), total, fate))
    return found
