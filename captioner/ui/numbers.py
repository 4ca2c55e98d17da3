"""Probabilities in words: "4.1 %" or "1 in 160,000", in the visitor's language."""

from __future__ import annotations

import math

from captioner.ui.words import Words


def probability(log_prob: float, words: Words) -> str:
    """Say a log-probability so that a person can compare it: 4.1 %, or 1 in 160,000."""
    value = math.exp(log_prob)
    if value >= 0.001:
        return (f"{100 * value:.0f}" if value >= 0.0995 else f"{100 * value:#.2g}") + "\u00a0%"
    return words.one_in.format(_large_number(math.exp(min(-log_prob, 60)), words))


def _large_number(value: float, words: Words) -> str:
    """With two digits that mean something, and the language's own words for many zeros."""
    value = float(f"{value:.1e}")
    size, name = next((unit for unit in words.numbers if value >= unit[0]), (1, ""))
    digits = 1 if size > 1 and value < 10 * size else 0
    return f"{value / size:,.{digits}f}\u00a0{name}".rstrip("\u00a0")
