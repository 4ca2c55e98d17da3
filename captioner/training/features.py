"""What a frozen encoder sees, computed once and kept on disk.

While every layer trains, a photo looks different each time that it comes. Features of a few
augmented versions, views of each photo, keep much of that variety at a small part of its cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from captioner.datasets import Photos, cache_features
from captioner.model import CaptioningModel
from captioner.training import augment
from captioner.training.data import TrainingData
from captioner.training.distributed import Workers
from captioner.training.recipe import Phase


@dataclass(frozen=True)
class Features:
    """Grid features `float16 [n, N, D]` of a frozen encoder.

    train: of each view of the training photos.
    """

    train: Sequence[np.ndarray]
    val: np.ndarray
    held_out: np.ndarray | None


def features_of(
    phase: Phase, data: TrainingData, model: CaptioningModel, cache: Path, workers: Workers
) -> Features | None:
    """The features that a phase trains on and is scored by; None where it trains the encoder."""
    if not phase.encoder_is_frozen:
        return None

    def encode(photos: Photos) -> np.ndarray:
        preprocessing = model.config.preprocessing
        return workers.in_turn(
            lambda: cache_features(model.encoder, photos, preprocessing, cache, workers.device)
        )

    held_out = encode(data.held_out) if data.held_out else None
    if phase.sentences:
        nothing = np.zeros((1, 1, model.encoder.width), np.float16)
        train = [np.broadcast_to(nothing, (len(data), *nothing.shape[1:]))]
    else:
        train = [encode(view(data.train, data.mirror, number)) for number in range(phase.views)]
    return Features(train, encode(data.val), held_out)


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
