"""What a frozen encoder sees, computed once and kept on disk where a phase asks for that.

While every layer trains, a photo looks different each time that it comes. Features of a few
augmented versions, views of each photo, keep much of that variety at a small part of its cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from captioner.datasets import Photos, Undecoded, cache_features, check_room
from captioner.model import CaptioningModel
from captioner.training import augment
from captioner.training.data import TrainingData
from captioner.training.distributed import Workers
from captioner.training.recipe import Phase


@dataclass(frozen=True)
class Features:
    """Grid features `float16 [n, N, D]` of a frozen encoder.

    train: of each view of the training photos. val, held_out: None where they are not kept.
    """

    train: Sequence[np.ndarray]
    val: np.ndarray | None = None
    held_out: np.ndarray | None = None


def features_of(
    phase: Phase, data: TrainingData, model: CaptioningModel, cache: Path, workers: Workers
) -> Features | None:
    """The features that a phase trains on and is scored by; None where photos are encoded anew.

    Raises DatasetError where the disk has no room for them.
    """
    sentences = [_nothing(len(data), model.encoder.width)] if phase.sentences else []
    photos = data.train
    if isinstance(photos, Undecoded) or not phase.caches_features(workers.device):
        return Features(sentences) if sentences else None
    views = [] if sentences else [view(photos, data.mirror, n) for n in range(phase.views)]
    sets = [*views, data.val, *([data.held_out] if data.held_out else ())]
    where = model.config.preprocessing, cache, workers.device
    workers.from_first(lambda: check_room(model.encoder, sets, *where))
    kept = [
        workers.in_turn(partial(cache_features, model.encoder, photos, *where)) for photos in sets
    ]
    val, *held_out = kept[len(views) :]
    return Features(sentences or kept[: len(views)], val, held_out[0] if held_out else None)


def _nothing(count: int, width: int) -> np.ndarray:
    """The features of so many photos that show nothing."""
    return np.broadcast_to(np.zeros((1, 1, width), np.float16), (count, 1, width))


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
