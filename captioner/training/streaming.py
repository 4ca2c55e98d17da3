"""Photos that no disk holds decoded: each epoch reads them anew, in the order of their archives.

`mixing.archive_by_archive` says in which order the batches come.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch

from captioner.datasets import Undecoded
from captioner.errors import DatasetError, ImageError
from captioner.training.data import Batch
from captioner.training.mixing import run_of

log = logging.getLogger(__name__)


def stream(photos: Undecoded, shares: Iterable[Batch], processes: int) -> Iterator[Batch]:
    """A process's shares of batches, all as large, with their pixels as inputs.

    processes: how many decode photos ahead.

    A run of neighbours is read from its first byte to its last, however they are shuffled. A photo
    that cannot be read is reported, and another one of the batch takes its place.

    Raises DatasetError where none of a batch can be read.
    """
    waiting: deque[_Filling] = deque()
    slots: deque[tuple[_Filling, int]] = deque()  # that the next results are for

    def rows() -> Iterator[int]:
        for run in _runs(iter(shares)):
            begun = [_Filling(share, photos) for share in run]
            waiting.extend(begun)
            wanted = [(one, n) for one in begun for n in range(one.left)]
            found = torch.cat([one.share.rows for one in begun]).numpy()
            for slot in np.lexsort((photos.places[found], photos.archives[found])):
                slots.append(wanted[slot])
                yield int(found[slot])

    for result in photos.decoded(rows(), processes):
        one, n = slots.popleft()
        one.take(n, result)
        while waiting and waiting[0].left == 0:
            yield waiting.popleft().whole()


def _runs(shares: Iterator[Batch]) -> Iterator[list[Batch]]:
    """The batches among which photos are shuffled."""
    for first in shares:
        count = run_of(len(first)) // len(first)
        yield [first, *islice(shares, count - 1)]


@dataclass
class _Filling:
    """A share of a batch whose photos arrive one by one. left: how many are to come."""

    share: Batch
    photos: Undecoded
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.share)
        size = self.photos.size
        self._pixels = torch.zeros((self.left, 3, size, size), dtype=torch.uint8)
        self._read: list[int] = []

    def take(self, n: int, result: np.ndarray | ImageError) -> None:
        """The pixels of the share's photo n, or why there are none."""
        self.left -= 1
        if isinstance(result, ImageError):
            log.warning(result)
        else:
            self._pixels[n] = torch.from_numpy(result)
            self._read.append(n)

    def whole(self) -> Batch:
        """The share with its pixels."""
        count = len(self.share)
        if not self._read:
            raise DatasetError("None of the {} photos of a batch can be read.", count)
        batch = replace(self.share, inputs=self._pixels)
        if len(self._read) < count:
            known = sorted(self._read)
            there = set(known)
            chosen = [n if n in there else known[n % len(known)] for n in range(count)]
            batch = batch.part(torch.tensor(chosen))
        return batch
