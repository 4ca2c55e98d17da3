"""From Pillow images to the tensors that the encoder takes."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from captioner.images.preprocessing import Preprocessing


def to_batch(images: Sequence[Image.Image], preprocessing: Preprocessing) -> Tensor:
    """Turn RGB photos into one batch.

    Each is squashed to a square: its aspect ratio is not kept. The copies of the Flickr8k photos
    used for training are squashed so, and a model must see at inference what it saw there. It also
    keeps the edges of the photo, which a centre crop would cut off.

    Returns:
        ``float32 [B, 3, size, size]`` in channels-last memory order, the faster one for CNNs.
    """
    size = preprocessing.size
    pixels = torch.empty(len(images), size, size, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    for slot, image in zip(pixels, images, strict=True):
        slot.copy_(to_pixels(image, size))
    return normalise(pixels, preprocessing)


def to_pixels(image: Image.Image, size: int) -> Tensor:
    """Squash one RGB photo to `uint8 [3, size, size]`, the form in which many are kept.

    By torch's own antialiased bicubic filter, which agrees with Pillow's to a level or two in 255
    and takes a fifth of its time.
    """
    # A batch of one before the channels move: torch then sees that they come last, and is quicker.
    pixels = torch.from_numpy(np.array(image)).unsqueeze(0).permute(0, 3, 1, 2)
    if image.size != (size, size):
        pixels = F.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
    return pixels[0]


def normalise(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Turn pixels `uint8 [B, 3, S, S]`, on any device, into what the encoder takes."""
    size = pixels.shape[3]
    rows = pixels.permute(0, 2, 3, 1).flatten(2).float()
    shift, scale = _row(preprocessing.mean, preprocessing.std, size, pixels.device)
    rows = torch.addcmul(shift, rows, scale, out=rows)
    return rows.unflatten(2, (size, 3)).permute(0, 3, 1, 2)


@lru_cache(maxsize=16)
def _row(
    mean: tuple[float, ...], std: tuple[float, ...], size: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """What is added to a row of pixels, and what it is multiplied by: `[size · 3]`.

    A row as one long vector is far quicker than three values at a time.
    """
    means, stds = (torch.tensor(values, device=device).repeat(size) for values in (mean, std))
    return -means / stds, 1 / (255 * stds)
