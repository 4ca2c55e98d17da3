"""The field's usual scores of a set of captions, together and caption by caption."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from captioner.errors import OptionError
from captioner.metrics.bleu import bleu_counts, bleu_from_counts
from captioner.metrics.cider import CiderD
from captioner.metrics.inputs import Tokens, check_texts
from captioner.metrics.meteor import nltk_meteor, why_no_nltk_meteor
from captioner.metrics.rouge import rouge_l

TITLES = {
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr",
    "nltk_meteor": "METEOR (nltk)",
    "meteor": "METEOR",
    "spice": "SPICE",
}
_BLEU = tuple(TITLES)[:4]


class Figures:
    """A dataclass of figures, of which some may be unknown."""

    def as_dict(self) -> dict[str, float]:
        """Those that are known, by field name, ready for JSON."""
        values = asdict(cast(Any, self))
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Scores(Figures):
    """BLEU-1 to 4, ROUGE-L and CIDEr-D, in percent as papers print them.

    Either of a set of captions together, or one caption's own. nltk's METEOR, METEOR 1.5 and SPICE
    only where they were computed.
    """

    bleu_1: float
    bleu_2: float
    bleu_3: float
    bleu_4: float
    rouge_l: float
    cider: float
    nltk_meteor: float | None = None
    meteor: float | None = None
    spice: float | None = None


@dataclass(frozen=True)
class Statistics:
    """What the scores of n captions are computed from, one row each.

    They are what a resampling of the captions needs: BLEU is a function of summed counts, and the
    other metrics are means (Koehn, "Statistical Significance Tests for Machine Translation
    Evaluation", EMNLP 2004).

    counts: `int64 [n, 9]`, as `bleu_counts` gives them. values: `float64 [n, m]`, fractions of the
    other metrics, whose names are `others`.
    """

    counts: NDArray[np.int64]
    values: NDArray[np.float64]
    others: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names, in the order of the columns of `resampled`."""
        return (*_BLEU, *self.others)

    def also(self, name: str, values: Sequence[float]) -> Statistics:
        """The same captions with one more metric: each caption's own value, a fraction."""
        column = np.array(values, dtype=np.float64)[:, None]
        return Statistics(self.counts, np.hstack([self.values, column]), (*self.others, name))

    def together(self, rows: Any = slice(None)) -> Scores:
        """The scores of the whole set, or of a part of it that an index or slice of rows names."""
        counts, values = self.counts[rows], self.values[rows]
        return self._scores(_percent(counts.sum(axis=0), values.mean(axis=0)))

    def each(self) -> tuple[Scores, ...]:
        """Each caption's own scores."""
        return tuple(self._scores(row) for row in _percent(self.counts, self.values))

    def resampled(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """The set's scores, `float64 [r, 4 + m]` in percent, in r samples of its captions.

        times: `[r, n]`, how often each caption is in each sample.
        """
        means = times @ self.values / times.sum(axis=1, keepdims=True)
        return _percent(times @ self.counts, means)

    def _scores(self, percent: NDArray[np.float64]) -> Scores:
        return Scores(**dict(zip(self.names, percent.tolist(), strict=True)))


def score(
    candidates: Sequence[str],
    references: Sequence[Sequence[str]],
    tokenize: Callable[[str], list[str]],
) -> Scores:
    """Scores one caption for each image against that image's references, all as plain texts.

    `tokenize` makes the tokens of both; figures are comparable with published ones only with the
    field's own tokens, for English `captioner.text.english.tokenize`. Raises OptionError if there
    is no candidate, if the two lists differ in length, or if a candidate has no reference.
    """
    check_texts(references)
    candidate_tokens = [tokenize(candidate) for candidate in candidates]
    reference_tokens = [[tokenize(reference) for reference in group] for group in references]
    return statistics(candidate_tokens, reference_tokens).together()


def statistics(
    candidates: Sequence[Tokens],
    references: Sequence[Sequence[Tokens]],
    cider: CiderD | None = None,
) -> Statistics:
    """Measures one tokenised caption for each image against its tokenised references.

    cider: with the document frequencies to use; those of `references` without. Raises OptionError
    if there is no candidate, if the two lists differ in length, or if a candidate has no reference.
    """
    counts = bleu_counts(candidates, references)
    if not len(counts):
        raise OptionError("There is no candidate to score.")
    cider = cider or CiderD(references)
    values = [rouge_l(candidates, references), cider.score(candidates, references)]
    return Statistics(counts, np.array(values).T, ("rouge_l", "cider"))


def measure_for(language: str) -> Callable[..., Statistics]:
    """`statistics`, for English with nltk's METEOR where that can be computed."""
    return statistics if language != "en" or why_no_nltk_meteor() else _with_meteor


def _with_meteor(
    candidates: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
    cider: CiderD | None = None,
) -> Statistics:
    measured = statistics(candidates, references, cider)
    return measured.also("nltk_meteor", nltk_meteor(candidates, references))


def _percent(counts: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 100 * np.concatenate([bleu_from_counts(counts), values], axis=-1)
