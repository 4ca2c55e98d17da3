"""BLEU (Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation").

Association for Computational Linguistics, 2002.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.metrics.inputs import LONGEST_NGRAM, Ngram, Tokens, check_pairs, ngram_counts

# The captioning field's scorer adds these to a precision's numerator and denominator, so that a
# sentence without any match of some length gets a tiny score instead of a division by zero.
_TINY = 1e-15
_SMALL = 1e-9

COLUMNS = 1 + 2 * LONGEST_NGRAM  # of a row of counts


def bleu_scores(
    candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]
) -> NDArray[np.float64]:
    """BLEU-1 to BLEU-4 of each candidate as fractions, `[n, 4]`.

    Takes one tokenised candidate and its list of tokenised references for each image; the closest
    reference's length counts, the shorter of two equally close. Raises as `bleu_counts`.
    """
    return bleu_from_counts(bleu_counts(candidates, references))


def bleu_counts(
    candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]
) -> NDArray[np.int64]:
    """What BLEU is computed from, `int64 [n, 9]`: one row for each candidate.

    The columns are the closest reference's length, how many of the candidate's n-grams of one to
    four tokens match, and how many it has. The counts of a corpus are the sum of its rows. Raises
    OptionError if the two lists differ in length or a candidate has no reference.
    """
    check_pairs(candidates, references)
    rows = [_count(*pair) for pair in zip(candidates, references, strict=True)]
    return np.array(rows, dtype=np.int64).reshape(-1, COLUMNS)


def bleu_from_counts(counts: NDArray[Any]) -> NDArray[np.float64]:
    """BLEU-1 to BLEU-4 as fractions, `[..., 4]`, from (sums of) rows of counts `[..., 9]`."""
    reference_length = counts[..., :1]
    matches, ngrams = counts[..., 1 : 1 + LONGEST_NGRAM], counts[..., 1 + LONGEST_NGRAM :]
    ratio = (ngrams[..., :1] + _TINY) / (reference_length + _SMALL)
    brevity_penalty = np.exp(np.minimum(0, 1 - 1 / ratio))
    products = np.cumprod((matches + _TINY) / (ngrams + _SMALL), axis=-1)
    return brevity_penalty * products ** (1 / np.arange(1, 1 + LONGEST_NGRAM))


def _count(candidate: Tokens, references: Sequence[Tokens]) -> list[int]:
    most_in_a_reference: dict[Ngram, int] = {}
    for reference in references:
        for ngram, count in ngram_counts(reference).items():
            most_in_a_reference[ngram] = max(most_in_a_reference.get(ngram, 0), count)
    matches = [0] * LONGEST_NGRAM
    for ngram, count in ngram_counts(candidate).items():
        matches[len(ngram) - 1] += min(count, most_in_a_reference.get(ngram, 0))
    return counts_row(len(candidate), matches, list(map(len, references)))


def counts_row(length: int, matches: Sequence[int], references: Sequence[int]) -> list[int]:
    """A row of counts, from the lengths of a candidate and its references and the matches."""
    closest = min(references, key=lambda n: (abs(n - length), n))
    return [closest, *matches, *(max(0, length - n) for n in range(LONGEST_NGRAM))]
