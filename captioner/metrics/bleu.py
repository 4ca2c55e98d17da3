"""BLEU.

Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from captioner.errors import OptionError
from captioner.metrics.inputs import LONGEST_NGRAM, Ngram, Tokens, check_pairs, ngram_counts

# The captioning field's scorer adds these to a precision's numerator and denominator, so that a
# sentence without any match of some length gets a tiny score instead of a division by zero.
_TINY = 1e-15
_SMALL = 1e-9


@dataclass(frozen=True)
class BleuScores:
    """BLEU-1 to BLEU-4 as fractions.

    `corpus` pools the counts of all candidates, as published figures do; it is not the mean of
    `sentences`, which holds one tuple for each candidate.
    """

    corpus: tuple[float, float, float, float]
    sentences: list[tuple[float, float, float, float]]


@dataclass(frozen=True)
class _Counts:
    """What BLEU is computed from: of one sentence, or summed over a corpus."""

    length: int
    reference_length: int
    matches: tuple[int, ...]
    ngrams: tuple[int, ...]


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> BleuScores:
    """BLEU-1 to BLEU-4 with the closest reference's length, the shorter of two equally close.

    Takes one tokenised candidate and its list of tokenised references for each image. Raises
    OptionError if there is no candidate, if the two lists differ in length, or if a candidate has
    no reference.
    """
    check_pairs(candidates, references)
    if not candidates:
        raise OptionError("BLEU needs at least one candidate, and there is none.")
    counts = [_count(*pair) for pair in zip(candidates, references, strict=True)]
    return BleuScores(corpus=_bleu(_pool(counts)), sentences=[_bleu(count) for count in counts])


def _count(candidate: Tokens, references: Sequence[Tokens]) -> _Counts:
    length = len(candidate)
    most_in_a_reference: dict[Ngram, int] = {}
    for reference in references:
        for ngram, count in ngram_counts(reference).items():
            most_in_a_reference[ngram] = max(most_in_a_reference.get(ngram, 0), count)
    matches = [0] * LONGEST_NGRAM
    for ngram, count in ngram_counts(candidate).items():
        matches[len(ngram) - 1] += min(count, most_in_a_reference.get(ngram, 0))
    return _Counts(
        length=length,
        reference_length=min((len(r) for r in references), key=lambda n: (abs(n - length), n)),
        matches=tuple(matches),
        ngrams=tuple(max(0, length - n) for n in range(LONGEST_NGRAM)),
    )


def _pool(counts: Sequence[_Counts]) -> _Counts:
    def columns(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(sum(column) for column in zip(*rows, strict=True))

    return _Counts(
        length=sum(count.length for count in counts),
        reference_length=sum(count.reference_length for count in counts),
        matches=columns(count.matches for count in counts),
        ngrams=columns(count.ngrams for count in counts),
    )


def _bleu(counts: _Counts) -> tuple[float, float, float, float]:
    ratio = (counts.length + _TINY) / (counts.reference_length + _SMALL)
    brevity_penalty = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product = 1.0
    scores = []
    for n, (matches, ngrams) in enumerate(zip(counts.matches, counts.ngrams, strict=True), start=1):
        product *= (matches + _TINY) / (ngrams + _SMALL)
        scores.append(brevity_penalty * product ** (1 / n))
    one, two, three, four = scores
    return one, two, three, four
