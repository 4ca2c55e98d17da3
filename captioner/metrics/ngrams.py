"""Many tokenised sentences in one array, and their n-grams as numbers of 64 bits.

So little is kept of a sentence that those of a hundred thousand images fit in memory, and whatever
is counted is counted for many sentences at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from captioner.metrics.inputs import LONGEST_NGRAM, Token, Tokens

_ODD = np.uint64(0xD1342543DE82EF95)


class Numbers(dict[Token, int]):
    """Numbers tokens in the order in which they are first asked for."""

    def __missing__(self, token: Token) -> int:
        number = self[token] = len(self)
        return number


@dataclass(frozen=True)
class Sentences:
    """tokens: `int32 [t]`, of all sentences, one after another. lengths: `int64 [n]`, in tokens."""

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, sentences: Iterable[Tokens], numbers: Numbers) -> Sentences:
        """Sentences whose tokens are numbered, new ones among them."""
        lengths: list[int] = []

        def numbered() -> Iterator[int]:
            for sentence in sentences:
                lengths.append(len(sentence))
                yield from map(numbers.__getitem__, sentence)

        tokens = np.fromiter(numbered(), np.int32)
        return cls(tokens, np.array(lengths, np.int64))

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Behind the last token of each."""
        return np.cumsum(self.lengths)

    def part(self, which: NDArray[np.int64]) -> Sentences:
        """Some of the sentences."""
        lengths = self.lengths[which]
        return Sentences(self.tokens[ranges(self.ends[which] - lengths, lengths)], lengths)

    def ngrams(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """The n-grams of one token, then of two, up to four: the number and the sentence of each.

        Two of ten million different n-grams have the same number with a chance of 3 in a million.
        """
        mixed = _mixed(self.tokens)
        keys = mixed.copy()
        sentence = np.repeat(np.arange(len(self.lengths)), self.lengths)
        left = self.ends[sentence] - np.arange(len(keys))
        for n in range(1, LONGEST_NGRAM + 1):
            fits = left >= n
            yield keys[fits], sentence[fits]
            keys[:-n] = keys[:-n] * _ODD + mixed[n:]


@dataclass(frozen=True)
class Groups:
    """Sentences of one thing after another, such as the captions of photos.

    sizes: `int64 [m]`, how many sentences each thing has.
    """

    sentences: Sentences
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, groups: Iterable[Iterable[Tokens]], numbers: Numbers) -> Groups:
        """Groups of sentences whose tokens are numbered, new ones among them."""
        sizes: list[int] = []

        def sentences() -> Iterator[Tokens]:
            for group in groups:
                sizes.append(0)
                for sentence in group:
                    sizes[-1] += 1
                    yield sentence

        return cls(Sentences.of(sentences(), numbers), np.array(sizes, np.int64))

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> list[NDArray[np.int32]]:
        """The tokens of each sentence of one group."""
        last = self._ends[index]
        which = slice(last - self.sizes[index], last)
        ends, lengths = self.sentences.ends[which], self.sentences.lengths[which]
        bounds = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
        return [self.sentences.tokens[start:end] for start, end in bounds]

    def part(self, which: NDArray[np.int64]) -> Groups:
        """Some of the groups."""
        sizes = self.sizes[which]
        return Groups(self.sentences.part(ranges(self._ends[which] - sizes, sizes)), sizes)

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """Of each sentence, whose it is."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum(self.sizes)


def _mixed(tokens: NDArray[np.int32]) -> NDArray[np.uint64]:
    """A number for each token that is as good as random (Steele et al. 2014, SplitMix)."""
    mixed = tokens.astype(np.uint64) + np.uint64(1)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from each start on, so many of each, one after another."""
    shifts = starts - (np.cumsum(lengths) - lengths)
    return np.repeat(shifts, lengths) + np.arange(lengths.sum())


def pair_counts(
    owners: NDArray[np.int64], numbers: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each different pair of an owner and a number below `most`, and how often it comes."""
    pairs, counts = np.unique(owners * most + numbers, return_counts=True)
    return pairs // most, pairs % most, counts
