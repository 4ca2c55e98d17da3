"""Several views of each training photo, so that the features of a frozen encoder vary as well.

While every layer trains, a photo looks different each time that it comes. A frozen encoder's
features are computed once; computed of a few augmented versions of each photo, they keep much of
that variety at a small part of its cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from captioner.datasets import Photos
from captioner.training import augment


@dataclass(frozen=True)
class _Augmented:
    """Pixels `uint8 [n, 3, S, S]`, augmented as they are read. mirror: `[n]`. draws: `[n, 8]`."""

    pixels: np.ndarray
    mirror: Tensor
    draws: Tensor

    def __getitem__(self, rows: slice) -> np.ndarray:
        pixels = torch.from_numpy(np.array(self.pixels[rows]))
        return augment.augment(pixels, self.mirror[rows], self.draws[rows]).numpy()


def view(photos: Photos, mirror: Tensor, number: int) -> Photos:
    """The photos as a view shows them: number 0 as they are, each other one augmented its own way.

    mirror: bool `[n]`, which photos may be mirrored. The pixels can be read by slices of rows.
    """
    if number == 0:
        return photos
    draws = augment.draw(len(photos.records), torch.Generator().manual_seed(number))
    seen = (photos.key, number, augment.CROP_SIDE, augment.JITTER, mirror.tolist())
    key = hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
    pixels = _Augmented(photos.pixels, mirror, draws)
    return replace(photos, pixels=cast(np.ndarray, pixels), key=key)


def take_views(views: Sequence[np.ndarray], rows: Tensor, draws: Tensor) -> Tensor:
    """Rows of arrays of one shape, each row out of an array of its own, as a tensor in memory.

    draws: `[B]`, from 0 to 1, choose the arrays.
    """
    chosen = (draws * len(views)).long().tolist()
    return torch.from_numpy(
        np.stack([views[i][row] for i, row in zip(chosen, rows.tolist(), strict=True)])
    )
