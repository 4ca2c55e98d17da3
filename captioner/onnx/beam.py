"""Beam search over the graphs of an exported model: `captioner.decoding.lists`, by NumPy.

`captioner/export/site/beam.js` is that search once more, for a browser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from captioner.decoding.lists import Model, search
from captioner.decoding.types import BeamOptions, Hypothesis
from captioner.text import END, START

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
Photo = dict[str, Floats]
State = tuple[Floats, ...]
# What the graphs know of the photos, the last tokens `[B, K]` and a state of tensors `[B, K, ·]`
# give the log-probabilities of the next tokens `[B, K, V]` and the state after them.
Step = Callable[[Photo, Numbers, State], tuple[Floats, State]]
_Known = tuple[Photo, State]


def beam_search(
    step: Step, photo: Photo, state: State, options: BeamOptions
) -> list[list[Hypothesis]]:
    """As `captioner.decoding.beam_search`, of B photos' tensors and a state with a row for each."""

    def advance(last: list[int], known: _Known) -> tuple[Scores, _Known]:
        photo, state = known
        log_probs, after = step(photo, np.array(last).reshape(len(state[0]), -1), state)
        return Scores(log_probs.reshape(len(last), -1)), (photo, after)

    def reorder(known: _Known, parents: list[list[int]]) -> _Known:
        photo, state = known
        each, rows = np.arange(len(parents))[:, None], np.array(parents)
        return photo, tuple(part[each, rows] for part in state)

    def keep(known: _Known, kept: list[int]) -> _Known:
        photo, state = known
        own = {name: part[kept] for name, part in photo.items()}
        return own, tuple(part[kept] for part in state)

    model = Model(advance, reorder, keep)
    return search(model, (photo, state), len(state[0]), START, END, options)


class Scores:
    """`captioner.decoding.lists.Scores` of log-probabilities ``[R, V]``."""

    def __init__(self, log_probs: Floats) -> None:
        self.log_probs = log_probs

    def best(self, most: int) -> tuple[list[list[float]], list[list[int]]]:
        """The largest of each row, and their tokens."""
        tokens = [largest(row, min(most, len(row))) for row in self.log_probs]
        found = [row[own] for row, own in zip(self.log_probs, tokens, strict=True)]
        return [own.tolist() for own in found], [own.tolist() for own in tokens]

    def of(self, tokens: Sequence[int]) -> list[list[float]]:
        """Of each row those of these tokens."""
        return self.log_probs[:, list(tokens)].tolist()


def largest(scores: Floats, most: int) -> Numbers:
    """Where the largest numbers stand, largest first, equal ones in their order.

    The largest of each of many stretches are quickly found. None smaller than the `most`-th of them
    is wanted, and few numbers are as large: several times quicker than `argpartition`.
    """
    scores = np.fmax(scores, -np.inf)  # what is no number counts for nothing
    stretches = np.arange(0, len(scores), max(1, len(scores) // (16 * most)))
    bound = np.partition(np.maximum.reduceat(scores, stretches), -most)[-most]
    candidates = np.flatnonzero(scores >= bound)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:most]]
