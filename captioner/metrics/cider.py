"""CIDEr-D (Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015)."""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from captioner.metrics.bleu import COLUMNS, bleu_from_counts, counts_row
from captioner.metrics.inputs import (
    LONGEST_NGRAM,
    Ngram,
    Token,
    Tokens,
    check_candidates,
    check_pairs,
    check_references,
    ngram_counts,
)

_SIGMA = 6.0  # width of the length penalty, in words
_SCALE = 10.0


class CiderD:
    """CIDEr-D with document frequencies that are counted once.

    A score is on the field's scale, where published figures are 100 times the mean. Document
    frequencies come from the references of the scored images (`from_references`) when reporting,
    and from the training captions when the score is a reward.

    Tokens are words, or ids of words, or ids with an end token: any will do that candidates,
    references and document frequencies share.

    Args:
        document_frequencies: for each n-gram of one to four tokens, in how many images' references
            it occurs.
        images: how many images were counted, at least 1.
    """

    def __init__(self, document_frequencies: Mapping[Ngram, int], images: int) -> None:
        self.document_frequencies = document_frequencies
        self.images = images
        # Waiting for memory takes most of the time of a lookup. Most n-grams are in one image only
        # and weigh as much as unknown ones, so a small table of the others does; and a word that is
        # everywhere the same object is compared without being read.
        self._words: dict[Token, Token] = {}
        self._rarest = _squared_rarity(1, images)
        self._squared_rarities: dict[Ngram, float] = {}
        for ngram, count in document_frequencies.items():
            if count > 1:
                words = tuple(self._words.setdefault(word, word) for word in ngram)
                self._squared_rarities[words] = _squared_rarity(count, images)

    @classmethod
    def from_references(cls, references: Sequence[Sequence[Tokens]]) -> "CiderD":
        """Counts document frequencies in one list of tokenised references for each image.

        Raises OptionError if an image has no reference.
        """
        check_references(references)
        frequencies: Counter[Ngram] = Counter()
        for group in references:
            frequencies.update({ngram for reference in group for ngram in ngram_counts(reference)})
        return cls(frequencies, len(references))

    def score(
        self, candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]
    ) -> list[float]:
        """CIDEr-D of each candidate, from 0 to 10.

        Raises OptionError if the two lists differ in length or a candidate has no reference.
        """
        check_pairs(candidates, references)
        return self.prepare(references).score(candidates, range(len(candidates)))

    def prepare(self, references: Sequence[Sequence[Tokens]]) -> "PreparedReferences":
        """References taken in once, to score candidates against them as often as one likes.

        references: one list of tokenised references for each image. Raises OptionError if an image
        has no reference.
        """
        check_references(references)
        return PreparedReferences(self, references)

    def counts(self, tokens: Tokens) -> Counter[Ngram]:
        """How often each n-gram of one to four tokens occurs, made of the words of the tables."""
        return ngram_counts([self._words.get(word, word) for word in tokens])

    def squared_rarities(self, ngrams: Iterable[Ngram]) -> list[float]:
        """The squared inverse document frequency of each n-gram."""
        return list(map(self._squared_rarities.get, ngrams, itertools.repeat(self._rarest)))


@dataclass(frozen=True)
class _Image:
    """The references of one image, all in one table, so that an n-gram is looked up once for all.

    counts: for each n-gram, (reference, how often it occurs there) of those that hold it.
    inverse_norms: for each reference, one over the norm of each n-gram length, 0 for none.
    lengths: of each reference, in tokens.
    """

    counts: dict[Ngram, tuple[tuple[int, int], ...]]
    inverse_norms: list[list[float]]
    lengths: list[int]


class PreparedReferences:
    """CIDEr-D and BLEU against references known beforehand: the reward of self-critical training.

    Made by `CiderD.prepare`. Holds about 10 KB for an image with five references.
    """

    def __init__(self, cider: CiderD, references: Sequence[Sequence[Tokens]]) -> None:
        self._cider = cider
        # Most n-grams occur once in one reference, so few different entries serve all tables.
        self._entries: dict[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]] = {}
        self._images = [self._image(group) for group in references]

    def score(self, candidates: Sequence[Tokens], images: Sequence[int]) -> list[float]:
        """CIDEr-D of each candidate, from 0 to 10.

        images: for each candidate, the index of its image among the prepared ones; an image may
        have several candidates or none.
        """
        check_candidates(candidates)
        return [
            self._score(candidate, self._images[image])
            for candidate, image in zip(candidates, images, strict=True)
        ]

    def bleu_scores(
        self, candidates: Sequence[Tokens], images: Sequence[int]
    ) -> NDArray[np.float64]:
        """BLEU-1 to BLEU-4 of each candidate as fractions, `[n, 4]`; images as in `score`.

        Equal to `captioner.metrics.bleu_scores`, without counting the references each time.
        """
        check_candidates(candidates)
        rows = [
            self._bleu_counts(candidate, self._images[image])
            for candidate, image in zip(candidates, images, strict=True)
        ]
        return bleu_from_counts(np.array(rows, np.int64).reshape(len(rows), COLUMNS))

    def _bleu_counts(self, candidate: Tokens, image: _Image) -> list[int]:
        counts = self._cider.counts(candidate)
        matches = [0] * LONGEST_NGRAM
        for (ngram, count), entry in zip(
            counts.items(), map(image.counts.get, counts), strict=True
        ):
            if entry:
                matches[len(ngram) - 1] += min(count, max(n for _, n in entry))
        return counts_row(len(candidate), matches, image.lengths)

    def _image(self, references: Sequence[Tokens]) -> _Image:
        table: dict[Ngram, tuple[tuple[int, int], ...]] = {}
        inverse_norms = []
        for index, reference in enumerate(references):
            squares = [0.0] * LONGEST_NGRAM
            counts = self._cider.counts(reference)
            rarities = self._cider.squared_rarities(counts)
            for (ngram, count), rarity in zip(counts.items(), rarities, strict=True):
                entry = (*table.get(ngram, ()), (index, count))
                table[ngram] = self._entries.setdefault(entry, entry)
                squares[len(ngram) - 1] += count * count * rarity
            inverse_norms.append([_inverse_root(square) for square in squares])
        return _Image(table, inverse_norms, list(map(len, references)))

    def _score(self, candidate: Tokens, image: _Image) -> float:
        """Mean over references and n-gram lengths of the clipped, length-penalised cosine."""
        counts = self._cider.counts(candidate)
        rarities = self._cider.squared_rarities(counts)
        length = _length(len(candidate))
        penalties = [_penalty(length - _length(its_length)) for its_length in image.lengths]
        squares = [0.0] * LONGEST_NGRAM
        products = [0.0] * LONGEST_NGRAM
        for (ngram, count), rarity, entry in zip(
            counts.items(), rarities, map(image.counts.get, counts), strict=True
        ):
            n = len(ngram) - 1
            squares[n] += count * count * rarity
            for reference, its_count in entry or ():
                clipped = min(count, its_count) * its_count * rarity
                products[n] += clipped * image.inverse_norms[reference][n] * penalties[reference]
        cosines = sum(
            product * _inverse_root(square)
            for product, square in zip(products, squares, strict=True)
        )
        return _SCALE * cosines / (LONGEST_NGRAM * len(penalties))


@cache
def _penalty(difference: int) -> float:
    return math.exp(-(difference**2) / (2 * _SIGMA**2))


@cache
def _squared_rarity(count: int, images: int) -> float:
    """Squared inverse document frequency of what occurs in `count` of so many images."""
    return math.log(max(1, images) / count) ** 2


def _length(tokens: int) -> int:
    """The field's scorer takes the number of bigrams for the length."""
    return max(tokens - 1, 0)


def _inverse_root(square: float) -> float:
    return 1 / math.sqrt(square) if square else 0.0
