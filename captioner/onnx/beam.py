"""Beam search by NumPy: the same captions as `captioner.decoding.beam_search`, on one page.

All photos and all beams advance in one batch; `captioner/export/site/beam.js` is it once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from captioner.decoding.types import BeamOptions, Hypothesis, no_probabilities
from captioner.text import END, START

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
State = tuple[Floats, ...]
# The last tokens `[B, K]` and a state of tensors `[B, K, ·]` give the log-probabilities of the next
# tokens `[B, K, V]` and the state after them.
Step = Callable[[Numbers, State], tuple[Floats, State]]


def beam_search(step: Step, state: State, options: BeamOptions) -> list[list[Hypothesis]]:
    """The `top` best captions of B photos, best first, of a state with one row for each.

    Of fewer that ended, the best that were cut off follow. `require` is left aside. Raises
    ModelError where the model gives no caption of a photo a probability.
    """
    photos, beam = len(state[0]), options.beam
    each = np.arange(photos)[:, None]
    tokens = np.full((photos, 1), START)
    totals = np.zeros((photos, 1), np.float32)
    history = np.zeros((photos, 1, 0), np.int64)
    ended: list[list[Hypothesis]] = [[] for _ in range(photos)]
    for length in range(1, options.max_length + 1):
        log_probs, state = step(tokens, state)
        _forbid(log_probs, history, options)
        best, parents, tokens = _best(log_probs + totals[:, :, None], 2 * beam)
        ends = tokens == END
        # Only an ending among the `beam` best counts: a poor one that merely comes early would
        # otherwise win by being short.
        for photo, rank in np.argwhere(ends[:, :beam] & (best[:, :beam] > -np.inf)):
            words = history[photo, parents[photo, rank]]
            ended[photo].append(_hypothesis(words, best[photo, rank], length, options))
        best[ends] = -np.inf
        going_on = np.argsort(-best, axis=1, kind="stable")[:, :beam]
        totals = best[each, going_on]
        parents, tokens = (part[each, going_on] for part in (parents, tokens))
        history = np.concatenate([history[each, parents], tokens[:, :, None]], axis=2)
        state = tuple(part[each, parents] for part in state)
        if all(_settled(*photo, length, options) for photo in zip(ended, totals, strict=True)):
            break
    found = [
        sorted(own, key=lambda one: -one.score) + list(_cut_off(words, total, options))
        for own, words, total in zip(ended, history, totals, strict=True)
    ]
    if not all(found):
        raise no_probabilities()
    return [own[: options.top] for own in found]


def _best(scores: Floats, most: int) -> tuple[Floats, Numbers, Numbers]:
    """The likeliest of `[B, K, V]`, best first: log-probabilities, parents and tokens."""
    photos, rows, words = scores.shape
    scores = np.fmax(scores.reshape(photos, -1), -np.inf)  # what is no number counts for nothing
    if scores.shape[1] < most:  # a vocabulary smaller than the beam
        scores = np.pad(scores, ((0, 0), (0, most - scores.shape[1])), constant_values=-np.inf)
    likely = np.stack([largest(own, most) for own in scores])
    best = scores[np.arange(photos)[:, None], likely]
    likely = np.minimum(likely, rows * words - 1)
    return best, likely // words, likely % words


def largest(scores: Floats, most: int) -> Numbers:
    """Where the largest numbers stand, largest first, equal ones in their order.

    The largest of each of many stretches are quickly found. None smaller than the `most`-th of them
    is wanted, and few numbers are as large: several times quicker than `argpartition`.
    """
    stretches = np.arange(0, len(scores), max(1, len(scores) // (16 * most)))
    bound = np.partition(np.maximum.reduceat(scores, stretches), -most)[-most]
    candidates = np.flatnonzero(scores >= bound)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:most]]


def _hypothesis(words: Numbers, total: np.float32, length: int, options: BeamOptions) -> Hypothesis:
    return Hypothesis(
        tuple(words.tolist()), float(total), float(total) / length**options.length_penalty
    )


def _settled(ended: list[Hypothesis], totals: Floats, length: int, options: BeamOptions) -> bool:
    """Whether no live hypothesis can still be among the best: a log-probability only falls, so the
    most to hope for is to keep it and have it divided by the most favourable length."""
    if len(ended) < options.top:
        return False
    penalty = options.length_penalty
    hoped = float(totals.max()) / max((length + 1) ** penalty, options.max_length**penalty)
    return sorted(one.score for one in ended)[-options.top] >= hoped


def _cut_off(history: Numbers, totals: Floats, options: BeamOptions) -> Iterator[Hypothesis]:
    for words, total in zip(history, totals, strict=True):
        if total > -np.inf:
            yield _hypothesis(words, total, len(words), options)


def _forbid(log_probs: Floats, history: Numbers, options: BeamOptions) -> None:
    """Set what must not be written next to -inf; a row with nothing left may end."""
    written, ending = history.shape[2], log_probs[:, :, END].copy()
    log_probs[:, :, list(options.avoid)] = -np.inf
    for *before, last in options.avoid_phrases:
        if written >= len(before):
            begun = (history[:, :, written - len(before) :] == before).all(axis=2)
            log_probs[begun, last] = -np.inf
    if written < options.min_length:
        log_probs[:, :, END] = -np.inf
    starts = written - options.no_repeat_ngram + 1  # of n-grams
    if 0 < options.no_repeat_ngram <= written:
        again = np.ones((*history.shape[:2], starts), bool)  # begins as the last words do
        for word in range(options.no_repeat_ngram - 1):
            last_word = history[:, :, starts + word, None]
            again &= history[:, :, word : word + starts] == last_word
        photo, row, start = np.nonzero(again)
        forbidden = history[photo, row, start + options.no_repeat_ngram - 1]
        log_probs[photo, row, forbidden] = -np.inf
    if options.no_repeat_within:
        recent = history[:, :, -options.no_repeat_within :]
        may_repeat = (recent[..., None] == np.array(options.repeatable)).any(axis=3)
        photo, row, position = np.nonzero(~may_repeat)
        log_probs[photo, row, recent[photo, row, position]] = -np.inf
    stuck = log_probs.max(axis=2) == -np.inf
    log_probs[stuck, END] = ending[stuck]
