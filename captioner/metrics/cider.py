"""CIDEr-D (Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from captioner.chunks import chunks
from captioner.metrics.bleu import COLUMNS, bleu_from_counts
from captioner.metrics.inputs import (
    LONGEST_NGRAM,
    Token,
    Tokens,
    check_candidates,
    check_pairs,
    checked,
)
from captioner.metrics.ngrams import Groups, Numbers, Sentences, pair_counts, ranges

_SIGMA = 6.0  # width of the length penalty, in words
_SCALE = 10.0
_AT_ONCE = 1024  # candidates, so that memory stays flat


class CiderD:
    """CIDEr-D with document frequencies that are counted once.

    A score is on the field's scale, where published figures are 100 times the mean. Document
    frequencies come from the references of the scored images when reporting, and from the training
    captions when the score is a reward.

    Tokens are words, or ids of words, or ids with an end token: any will do that candidates,
    references and document frequencies share.

    Args:
        references: tokenised references of each image, of which it is counted in how many images
            each n-gram of one to four tokens occurs.

    Raises OptionError if an image has no reference.
    """

    def __init__(self, references: Iterable[Sequence[Tokens]]) -> None:
        self.numbers = Numbers()
        self._references = Groups.of(checked(references), self.numbers)
        self._images = max(1, len(self._references))
        # Most n-grams are in one image only and weigh as much as unknown ones: they need no entry.
        # The last entry is where every search ends that finds nothing.
        keys, found = [np.full(1, 2**64 - 1, np.uint64)], [np.ones(1, np.int64)]
        for ngrams, sentence in self._references.sentences.ngrams():
            known, number = np.unique(ngrams, return_inverse=True)
            _, once, _ = pair_counts(self._references.owners[sentence], number, len(known))
            frequency = np.bincount(once, minlength=len(known))
            keys.append(known[frequency > 1])
            found.append(frequency[frequency > 1])
        order = np.argsort(np.concatenate(keys))
        self._keys = np.concatenate(keys)[order]
        self._rarities = np.log(self._images / np.concatenate(found)[order]) ** 2

    def score(
        self, candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]
    ) -> list[float]:
        """CIDEr-D of each candidate, from 0 to 10.

        Raises OptionError if the two lists differ in length or a candidate has no reference.
        """
        check_pairs(candidates, references)
        return self.prepare(references).score(candidates, range(len(candidates)))

    def prepare(self, references: Iterable[Sequence[Tokens]] | None = None) -> PreparedReferences:
        """References taken in once, to score candidates against them as often as one likes.

        references: one list of tokenised references for each image; those that were counted, if
        not given. Raises OptionError if an image has no reference.
        """
        if references is None:
            return PreparedReferences(self, self._references)
        return PreparedReferences(self, Groups.of(checked(references), self.numbers))

    def rarities(self, words: Sequence[Token]) -> list[float]:
        """The inverse document frequency of each word."""
        alone = Sentences.of(([word] for word in words), self.numbers)
        ngrams, _ = next(alone.ngrams())
        return np.sqrt(self.squared_rarities(ngrams)).tolist()

    def squared_rarities(self, ngrams: NDArray[np.uint64]) -> NDArray[np.float64]:
        """The squared inverse document frequency of each n-gram; in ascending order it is quick."""
        at = np.searchsorted(self._keys, ngrams)
        rarest = np.log(self._images) ** 2
        return np.where(self._keys[at] == ngrams, self._rarities[at], rarest)


class PreparedReferences:
    """CIDEr-D and BLEU against references known beforehand: the reward of self-critical training.

    Made by `CiderD.prepare`. Holds four bytes for each token.
    """

    def __init__(self, cider: CiderD, references: Groups) -> None:
        self._cider, self._references = cider, references

    def score(self, candidates: Sequence[Tokens], images: Sequence[int]) -> list[float]:
        """CIDEr-D of each candidate, from 0 to 10.

        images: for each candidate, the index of its image among the prepared ones; an image may
        have several candidates or none.
        """
        parts = chunks(zip(candidates, images, strict=True), _AT_ONCE)
        return [s for part in parts for s in self.compare(*zip(*part, strict=True)).cider.tolist()]

    def compare(self, candidates: Sequence[Tokens], images: Sequence[int]) -> Comparison:
        """The n-grams of some candidates beside those of their references; images as in `score`."""
        check_candidates(candidates)
        own = Sentences.of(candidates, self._cider.numbers)
        shown, image = np.unique(np.array(images, np.int64), return_inverse=True)
        return Comparison(self._cider, own, image, self._references.part(shown))


@dataclass(frozen=True)
class Comparison:
    """Candidates `[n]` beside the references of B images.

    image: `int64 [n]`, that of each candidate, from 0 on.
    """

    _cider: CiderD
    _candidates: Sentences
    _image: NDArray[np.int64]
    _references: Groups

    @cached_property
    def cider(self) -> NDArray[np.float64]:
        """CIDEr-D of each candidate: the mean over its references and n-gram lengths of the
        clipped, length-penalised cosine."""
        total = sum((matches.cosines for matches in self._matches), np.zeros(len(self._image)))
        return _SCALE * total / (LONGEST_NGRAM * self._references.sizes[self._image])

    @cached_property
    def bleu(self) -> NDArray[np.float64]:
        """BLEU-1 to BLEU-4 of each candidate as fractions, `[n, 4]`.

        Equal to `captioner.metrics.bleu_scores`, without counting the references each time.
        """
        lengths = self._candidates.lengths
        rows = np.zeros((len(lengths), COLUMNS), np.int64)
        rows[:, 0] = self._closest()
        for n, matches in enumerate(self._matches):
            rows[:, 1 + n] = matches.clipped
            rows[:, 1 + LONGEST_NGRAM + n] = np.maximum(0, lengths - n)
        return bleu_from_counts(rows)

    @cached_property
    def _matches(self) -> list[_Matches]:
        pairs = zip(self._candidates.ngrams(), self._references.sentences.ngrams(), strict=True)
        return [self._match(own, theirs) for own, theirs in pairs]

    def _match(self, own: _Ngrams, theirs: _Ngrams) -> _Matches:
        """What n-grams of one length match; in what follows each is a number from 0 on."""
        known, number = np.unique(np.concatenate([own[0], theirs[0]]), return_inverse=True)
        rarities, count = self._cider.squared_rarities(known), len(known)
        candidate, ours, often = pair_counts(own[1], number[: len(own[0])], count)
        reference, its, its_often = pair_counts(theirs[1], number[len(own[0]) :], count)
        norm = _inverse_roots(candidate, often**2 * rarities[ours], len(self._image))
        references = len(self._references.owners)
        its_norm = _inverse_roots(reference, its_often**2 * rarities[its], references)

        # An n-gram of a candidate matches that of so many references of its image.
        at = self._references.owners[reference] * count + its
        order = np.argsort(at, kind="stable")
        wanted = self._image[candidate] * count + ours
        first, last = (np.searchsorted(at[order], wanted, side) for side in ("left", "right"))
        match = np.repeat(np.arange(len(wanted)), last - first)
        found = order[ranges(first, last - first)]

        clipped = np.minimum(often[match], its_often[found])
        products = clipped * its_often[found] * rarities[its[found]] * its_norm[reference[found]]
        products *= self._penalties(candidate[match], reference[found])
        cosines = np.bincount(candidate[match], products, len(norm)) * norm

        begins = np.flatnonzero(np.diff(match, prepend=-1))
        most = np.maximum.reduceat(clipped, begins) if len(begins) else clipped
        matched = np.bincount(candidate[match[begins]], most, len(norm))
        return _Matches(cosines, matched.astype(np.int64))

    def _penalties(
        self, candidate: NDArray[np.int64], reference: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        lengths = self._candidates.lengths[candidate], self._references.sentences.lengths[reference]
        # The field's scorer takes the number of bigrams for the length.
        own, its = (np.maximum(0, length - 1) for length in lengths)
        return np.exp(-((own - its) ** 2) / (2 * _SIGMA**2))

    def _closest(self) -> NDArray[np.int64]:
        """The length of the closest reference, the shorter of two equally close."""
        beside = self._references.part(self._image)  # the references of each candidate
        its, sizes = beside.sentences.lengths, beside.sizes
        off = abs(its - np.repeat(self._candidates.lengths, sizes))
        beyond = int(its.max(initial=0)) + 1  # so that the length decides where the distance ties
        begins = np.cumsum(sizes) - sizes
        return np.minimum.reduceat(off * beyond + its, begins) % beyond if len(begins) else its


_Ngrams = tuple[NDArray[np.uint64], NDArray[np.int64]]  # numbers and sentences


@dataclass(frozen=True)
class _Matches:
    """Of n-grams of one length, for each candidate: the sum of the cosines, and how many match."""

    cosines: NDArray[np.float64]
    clipped: NDArray[np.int64]


def _inverse_roots(
    owner: NDArray[np.int64], squares: NDArray[np.float64], owners: int
) -> NDArray[np.float64]:
    """One over the norm of each owner; 0 where that is 0."""
    sums = np.bincount(owner, squares, owners)
    return np.divide(1, np.sqrt(sums), out=np.zeros(owners), where=sums > 0)
