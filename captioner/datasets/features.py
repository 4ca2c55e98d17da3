"""Grid features of all photos, computed once while the encoder is frozen."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from captioner.datasets.photos import Photos, new_array
from captioner.errors import DatasetError
from captioner.files import writing
from captioner.images import Preprocessing, normalise
from captioner.messages import Message, progress_bar, translate
from captioner.model import Encoder

log = logging.getLogger(__name__)

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
    path = _path(photos, cache, _fingerprint(encoder, preprocessing))
    if not path.exists():
        with writing(cache, DatasetError):
            _compute(encoder, photos, preprocessing, path, device)
    return np.load(path, mmap_mode="r")


def check_room(
    encoder: Encoder,
    sets: Sequence[Photos],
    preprocessing: Preprocessing,
    cache: Path,
    device: torch.device,
) -> None:
    """Say how large the files will be that `cache_features` has yet to write for sets of photos.

    Raises DatasetError where the disk has no room for them.
    """
    fingerprint = _fingerprint(encoder, preprocessing)
    missing = [photos for photos in sets if not _path(photos, cache, fingerprint).exists()]
    if not missing:
        return
    pixels = torch.from_numpy(np.array(missing[0].pixels[:1])).to(device)
    one = _encode(encoder.eval(), normalise(pixels, preprocessing)).half().nbytes
    needed = one * sum(len(photos.records) for photos in missing)
    free = shutil.disk_usage(cache).free
    sizes = needed / 1e9, cache
    if needed > free:
        raise DatasetError(
            "The encoder's features need {:.1f} GB in {}, where {:.1f} GB are free: set the "
            "phase's cache_features to false, which encodes every batch anew, or choose another "
            "disk with --out.",
            *sizes,
            free / 1e9,
        )
    log.info(Message("The encoder's features will take {:.1f} GB in {}.", *sizes))


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


def _path(photos: Photos, cache: Path, fingerprint: str) -> Path:
    return cache / f"features-{photos.key}-{fingerprint}.npy"


def _fingerprint(encoder: Encoder, preprocessing: Preprocessing) -> str:
    digest = hashlib.sha256(repr((preprocessing, encoder.taps)).encode())
    for name, tensor in encoder.state_dict().items():
        digest.update(name.encode())
        # Averaging equal weights makes a zero of a negative zero, which is the same weight.
        digest.update((tensor.detach().cpu() + 0).numpy().tobytes())
    return digest.hexdigest()[:16]
