"""The metrics that a report holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from captioner.metrics.cider import CiderD
from captioner.metrics.meteor import nltk_meteor, why_no_nltk_meteor
from captioner.metrics.scores import Statistics, statistics

Texts = Sequence[Sequence[str]]
Measure = Callable[..., Statistics]


def measure_for(language: str) -> Measure:
    """`statistics`, for English with nltk's METEOR where that can be computed."""
    return statistics if language != "en" or why_no_nltk_meteor() else _with_meteor


def _with_meteor(
    candidates: Texts, references: Sequence[Texts], cider: CiderD | None = None
) -> Statistics:
    measured = statistics(candidates, references, cider)
    return measured.also("nltk_meteor", nltk_meteor(candidates, references).sentences)
