"""What a frozen encoder sees, computed once and kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captioner.datasets import Photos, cache_features
from captioner.model import CaptioningModel
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
        train = [encode(data.view(number)) for number in range(phase.views)]
    return Features(train, encode(data.val), held_out)
