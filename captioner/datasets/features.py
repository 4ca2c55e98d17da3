"""Grid features of all photos, computed once while the encoder is frozen."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from captioner.datasets.photos import Photos, new_array
from captioner.errors import DatasetError
from captioner.files import writing
from captioner.images import Preprocessing, normalise
from captioner.messages import progress_bar, translate
from captioner.model import Encoder

BATCH = 32


def cache_features(
    encoder: Encoder,
    photos: Photos,
    preprocessing: Preprocessing,
    cache: Path,
    device: torch.device,
) -> np.ndarray:
    """Grid features `float16 [n, N, D]` of all photos, kept in a file below `cache`.

    The file belongs to these weights and these photos; another encoder gets another file.

    Raises DatasetError where the cache cannot be written.
    """
    path = cache / f"features-{photos.key}-{_fingerprint(encoder, preprocessing)}.npy"
    if not path.exists():
        with writing(cache, DatasetError):
            _compute(encoder, photos, preprocessing, path, device)
    return np.load(path, mmap_mode="r")


def _compute(
    encoder: Encoder,
    photos: Photos,
    preprocessing: Preprocessing,
    path: Path,
    device: torch.device,
) -> None:
    part = path.with_suffix(".part")
    out: np.memmap | None = None
    encoder.eval()
    count = len(photos.records)
    progress = progress_bar(total=count, desc=translate("Encoding photos"), unit=translate("photo"))
    for first in range(0, count, BATCH):
        pixels = torch.from_numpy(np.array(photos.pixels[first : first + BATCH])).to(device)
        features = _encode(encoder, normalise(pixels, preprocessing)).half().cpu().numpy()
        if out is None:
            shape = (count, *features.shape[1:])
            out = new_array(part, np.float16, shape)
        out[first : first + len(features)] = features
        progress.update(len(features))
    progress.close()
    assert out is not None, "decode_photos never returns an empty set"
    out.flush()
    os.replace(part, path)


@torch.no_grad()
def _encode(encoder: Encoder, images: Tensor) -> Tensor:
    with torch.autocast(images.device.type, dtype=torch.bfloat16):
        return encoder(images)[0]


def _fingerprint(encoder: Encoder, preprocessing: Preprocessing) -> str:
    digest = hashlib.sha256(repr((preprocessing, encoder.taps)).encode())
    for name, tensor in encoder.state_dict().items():
        digest.update(name.encode())
        # Averaging equal weights makes a zero of a negative zero, which is the same weight.
        digest.update((tensor.detach().cpu() + 0).numpy().tobytes())
    return digest.hexdigest()[:16]
