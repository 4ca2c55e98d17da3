"""Datasets mixed by weight: which photos an epoch shows, and in which order from archives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

NEIGHBOURS = 1024  # photos that are shuffled, and lie decoded in memory, 0.2 MB each


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


def archive_by_archive(
    archives: Tensor, places: Tensor, sizes: Sequence[int], steps: int, generator: torch.Generator
) -> Tensor:
    """The order of photos that are read from archives from beginning to end `[steps, B]`.

    As WebDataset does it, archives come in a random order, each process of a training goes through
    a stretch of its own, and photos are shuffled among some hundred neighbours.

    archives, places: `[n]`, which archive each photo lies in, and where. sizes: how many photos of
    a batch each process has, B together, one process's after another's.
    """
    turns = torch.randperm(int(archives.max()) + 1, generator=generator)[archives]
    by_place = places.argsort(stable=True)
    order = by_place[turns[by_place].argsort(stable=True)]
    stretches = order[: steps * sum(sizes)].split([steps * size for size in sizes])
    parts = [
        _among_neighbours(stretch, size, generator).view(steps, size)
        for stretch, size in zip(stretches, sizes, strict=True)
    ]
    return torch.cat(parts, dim=1)


def _among_neighbours(order: Tensor, batch: int, generator: torch.Generator) -> Tensor:
    chance = torch.rand(len(order), generator=generator, dtype=torch.float64)
    return order[(torch.arange(len(order)) // run_of(batch) + chance).argsort()]


def run_of(batch: int) -> int:
    """How many photos are neighbours: whole batches of that size."""
    return max(1, NEIGHBOURS // batch) * batch


def _whole(number: float) -> int:
    """The whole part, where rounding may have left a whole number a hair below itself."""
    return math.floor(number + 1e-6)
