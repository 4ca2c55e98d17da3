"""What decoding takes and gives: the step function, its state, options and hypotheses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from captioner.errors import ModelError, OptionError
from captioner.text.trigrams import Trigrams

if TYPE_CHECKING:
    from torch import Tensor

StateT = TypeVar("StateT", bound="DecoderState")
BeamStateT = TypeVar("BeamStateT", bound="BeamState")


class DecoderState(Protocol):
    """What a model remembers between steps: B images with K rows each, image by image."""

    def reorder(self: StateT, parents: Tensor) -> StateT:
        """Choose which rows go on.

        Rows only ever move within their image, so what all rows of one image share (its features,
        the attention keys) need be kept once per image and never moved.

        Args:
            parents: long ``[B, K']``; K' may differ from K.

        Returns:
            The state with B x K' rows: row ``b * K' + j`` is the old row ``b * K + parents[b, j]``.
        """
        ...


class BeamState(DecoderState, Protocol):
    """What beam search asks for beside."""

    def keep(self: BeamStateT, images: Tensor) -> BeamStateT:
        """Go on with some of the images only, those numbered ``images``, long ``[B']``."""
        ...


# A search goes on without the images that are settled once no more than this part is left: leaving
# them behind copies what the others look up, which takes about as long as a step.
WORTH_COPYING = 3 / 4

# One step of a model: the last tokens, long [B*K], and a state of B*K rows give the logits of the
# next tokens, float [B*K, V], and the state after reading them.
Step = Callable[["Tensor", StateT], tuple["Tensor", StateT]]


@dataclass(frozen=True)
class Hypothesis:
    """One caption in token ids.

    Attributes:
        tokens: without the start and end tokens.
        log_prob: natural logarithm of the model's probability of these tokens, and of the end
            token if it was emitted.
        score: ``log_prob``, less the penalty for each unseen trigram of a beam search, divided by
            a power of the length, see :meth:`DecodingOptions.divisor`; the length counts the end
            token if it was emitted.
        unlikely: whether its end was less likely than everything with which the search went on: it
            is told only where too few others ended.
    """

    tokens: tuple[int, ...]
    log_prob: float
    score: float
    unlikely: bool = False


@dataclass(frozen=True, kw_only=True)
class DecodingOptions:
    """What beam search and sampling have in common.

    The defaults suit sentences about photos; they were chosen on Flickr8k's dev split.

    Attributes:
        top: how many captions to give for each image.
        min_length: fewest tokens, not counting the end token.
        max_length: most tokens, and also the most steps: a caption of this length is cut off and
            has no end token.
        length_penalty: exponent of the length in :attr:`Hypothesis.score`; 0 ranks by plain
            log-probability, larger values favour longer captions.
        length_bound: a caption that is longer counts as one of so many tokens there, or hypotheses
            would grow for their length's sake.
        no_repeat_ngram: no n-gram of this many tokens occurs twice (Paulus et al. 2018); 0 is off.
        no_repeat_within: no token is one of so many before it, but for the `repeatable`; 0 is off.
        repeatable: ids of tokens that may come again at once, such as articles and prepositions.
        avoid: ids of tokens never to emit.
        avoid_phrases: phrases, each of token ids, that must not appear.

    Raises:
        OptionError: an option is out of range.
    """

    top: int = 1
    min_length: int = 1
    max_length: int = 20
    length_penalty: float = 0.8
    length_bound: int = 11
    no_repeat_ngram: int = 2
    no_repeat_within: int = 0
    repeatable: tuple[int, ...] = ()
    avoid: tuple[int, ...] = ()
    avoid_phrases: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        _require(self.top >= 1, "top must be 1 or more, not {}.", self.top)
        _require(self.max_length >= 1, "max_length must be 1 or more, not {}.", self.max_length)
        _require(
            0 <= self.min_length <= self.max_length,
            "min_length must be from 0 to max_length ({}), not {}.",
            self.max_length,
            self.min_length,
        )
        _require(
            -5 <= self.length_penalty <= 5,
            "length_penalty must be from -5 to 5, not {}.",
            self.length_penalty,
        )
        _require(
            self.length_bound >= 1, "length_bound must be 1 or more, not {}.", self.length_bound
        )
        _require(
            self.no_repeat_ngram >= 0,
            "no_repeat_ngram must be 0 (off) or more, not {}.",
            self.no_repeat_ngram,
        )
        _require(
            self.no_repeat_within >= 0,
            "no_repeat_within must be 0 (off) or more, not {}.",
            self.no_repeat_within,
        )
        _require(all(token >= 0 for token in self.avoid), "avoid must hold token ids of 0 or more.")
        _require(all(self.avoid_phrases), "avoid_phrases must not hold an empty phrase.")

    def divisor(self, length: int) -> float:
        """What the log-probability of a caption of so many tokens is divided by for its score.

        Length normalisation (Wu et al. 2016, without their constant 5), which ends at the bound
        (Huang et al. 2017, whose reward is one that is added).
        """
        return min(length, self.length_bound) ** self.length_penalty

    def best_divisor(self, length: int) -> float:
        """The most favourable one for a hypothesis of so many tokens that has not ended."""
        return max(self.divisor(length + 1), self.divisor(self.max_length))

    def is_late(self, length: int) -> bool:
        """Whether a step that writes so many tokens is in the second half: what could end there
        says enough to be told before what is cut off."""
        return 2 * length > self.max_length


@dataclass(frozen=True, kw_only=True)
class BeamOptions(DecodingOptions):
    """Options of :func:`~captioner.decoding.beam_search`.

    Attributes:
        beam: how many hypotheses of each image are followed at once; 1 is greedy search. How
            many are asked for with ``top`` does not change which is found to be the best.
        require: phrases, each of token ids, that must all appear (grid beam search). Each token of
            them widens the search by a beam.
        begin: token ids that every caption begins with, whatever the constraints forbid; the search
            goes on from there.
        trigrams: those that people write, where they are known. In each step the log-probability of
            a token loses their penalty if it makes none of them with the two before it, the start
            among these, and they are a common pair. So the 2 * ``beam`` likeliest tokens after each
            hypothesis are weighed; no others go on.
    """

    beam: int = 3
    require: tuple[tuple[int, ...], ...] = ()
    begin: tuple[int, ...] = ()
    trigrams: Trigrams | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.beam >= 1, "beam must be 1 or more, not {}.", self.beam)
        _require(all(self.require), "require must not hold an empty phrase.")
        tokens = [token for phrase in self.require for token in phrase]
        _require(
            len(tokens) <= self.max_length,
            "The words that must appear are {}, and a sentence may have no more than {}.",
            len(tokens),
            self.max_length,
        )
        _require(
            len(self.begin) < self.max_length,
            "A beginning of {} words leaves no room in a sentence of {}.",
            len(self.begin),
            self.max_length,
        )
        avoided = any(
            holds(phrase, other) for phrase in self.require for other in self.avoid_phrases
        )
        _require(
            set(self.avoid).isdisjoint(tokens) and not avoided,
            "A word cannot be one that must appear and one to avoid.",
        )


@dataclass(frozen=True, kw_only=True)
class SamplingOptions(DecodingOptions):
    """Options of :func:`~captioner.decoding.sample`.

    Attributes:
        temperature: logits are divided by it: below 1 keeps to likely words, above 1 is bolder.
        top_k: draw among this many likeliest tokens only.
        top_p: draw only among the fewest likeliest tokens whose probabilities reach this sum
            (nucleus sampling, Holtzman et al. 2020).
        seed: the same seed gives an image the same captions, whatever other images there are; None
            draws from PyTorch's global generator.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(
            self.temperature > 0 and math.isfinite(self.temperature),
            "temperature must be greater than 0, not {}.",
            self.temperature,
        )
        _require(
            self.top_k is None or self.top_k >= 1, "top_k must be 1 or more, not {}.", self.top_k
        )
        _require(
            self.top_p is None or 0 < self.top_p <= 1,
            "top_p must be greater than 0 and at most 1, not {}.",
            self.top_p,
        )


def holds(tokens: tuple[int, ...], phrase: tuple[int, ...]) -> bool:
    """Whether the phrase stands somewhere among the tokens."""
    return any(tokens[i : i + len(phrase)] == phrase for i in range(len(tokens)))


def no_probabilities() -> ModelError:
    """What is raised where a model's logits leave a caption no probability."""
    return ModelError(
        "The model gives no next word a probability: its weights are damaged, or unfit for this "
        "photo."
    )


def _require(condition: bool, template: str, *values: object) -> None:
    if not condition:
        raise OptionError(template, *values)
