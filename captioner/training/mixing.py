"""Datasets mixed by weight: which photos an epoch shows."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Mixture:
    """Photos of weights `float64 [n]`: one of weight 2 comes twice an epoch, of 0 never.

    Photos of a weight that is no whole number take turns, round after round: an epoch begins with
    the one before which the last epoch stopped, so that of weight 0.5 all come in two epochs.
    The seed decides the order of turns, and nothing else is random.
    """

    def __init__(self, weights: Tensor, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._turns: list[tuple[float, Tensor]] = []
        for weight in weights[weights > 0].unique().tolist():
            rows = torch.nonzero(weights == weight).squeeze(1)
            self._turns.append((weight, rows[torch.randperm(len(rows), generator=generator)]))

    def __len__(self) -> int:
        """How many photos every epoch shows; some may show a few more."""
        return sum(_whole(weight * len(rows)) for weight, rows in self._turns)

    def rows(self, epoch: int) -> Tensor:
        """The rows of an epoch's photos, in ascending order; epochs count from 0."""
        shown = [torch.arange(0)]
        for weight, rows in self._turns:
            first, last = (_whole(e * weight * len(rows)) for e in (epoch, epoch + 1))
            shown.append(rows[torch.arange(first, last) % len(rows)])
        return torch.cat(shown).sort().values


def _whole(number: float) -> int:
    """The whole part, where rounding may have left a whole number a hair below itself."""
    return math.floor(number + 1e-6)
