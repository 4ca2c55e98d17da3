"""What several decoders of a caption agree on: the likelier of their hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from captioner.decoding.types import (
    BeamOptions,
    DecodingOptions,
    Hypothesis,
    SamplingOptions,
    holds,
)


class Choice(NamedTuple):
    """A hypothesis, and the number of the decoder that found it."""

    decoder: int
    hypothesis: Hypothesis


def consensus(found: Sequence[Sequence[Hypothesis]], options: BeamOptions) -> list[Choice]:
    """Choose the best of all decoders' hypotheses for an image (Wang et al. 2016).

    The paper takes the larger sum of log-probabilities. Here it is the larger score, as within each
    search: that sum divided by a power of the length, so that a longer caption is not at a
    disadvantage; with a length penalty of 0 it is the paper's rule. As within a search, too, a
    caption that holds more of ``require`` comes first, and one that was cut off after all that
    ended, of which those with an unlikely end come last. What two decoders found counts once, with
    the better score.

    Args:
        found: by decoder, what beam search gave it, all in the same order of words.
        options: those of the searches, in that order of words.

    Returns:
        The ``top`` best distinct hypotheses, best first.
    """
    choices = [Choice(number, one) for number, group in enumerate(found) for one in group]
    choices.sort(key=lambda choice: _rank(choice.hypothesis, options), reverse=True)
    distinct: dict[tuple[int, ...], Choice] = {}
    for choice in choices:
        distinct.setdefault(choice.hypothesis.tokens, choice)
    return list(distinct.values())[: options.top]


def better_of_each(found: Sequence[Sequence[Hypothesis]], options: SamplingOptions) -> list[Choice]:
    """Choose among the decoders' first samples, among their second ones, and so on.

    So samples are drawn independently of one another, and duplicates possible.

    Args:
        found: by decoder, the samples it drew, as many as the others.
        options: those of the sampling.

    Returns:
        Of each draw the better sample, best first, as :func:`consensus` would rank them.
    """

    def rank(choice: Choice) -> tuple[bool, bool, float]:
        return _ended(choice.hypothesis, options)

    draws = zip(*found, strict=True)
    numbered = ([Choice(*pair) for pair in enumerate(draw)] for draw in draws)
    return sorted((max(draw, key=rank) for draw in numbered), key=rank, reverse=True)


def _rank(hypothesis: Hypothesis, options: BeamOptions) -> tuple[int, bool, bool, float]:
    held = sum(holds(hypothesis.tokens, phrase) for phrase in options.require)
    return held, *_ended(hypothesis, options)


def _ended(hypothesis: Hypothesis, options: DecodingOptions) -> tuple[bool, bool, float]:
    """A caption that is as long as can be has no end token: it was cut off."""
    ended = len(hypothesis.tokens) < options.max_length
    return ended, not hypothesis.unlikely, hypothesis.score
