"""From Pillow images to the tensors that the encoder takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a tensor; kept in the model folder, since a model knows only one way.

    Attributes:
        size: side of the square image, in pixels.
        mean: per channel (red, green, blue), of values from 0 to 1; ImageNet's by default.
        std: standard deviation per channel, likewise.
    """

    size: int = 257
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


def to_batch(images: Sequence[Image.Image], preprocessing: Preprocessing) -> Tensor:
    """Turn RGB photos into one batch.

    Each is squashed to a square: its aspect ratio is not kept. The copies of the Flickr8k photos
    used for training are squashed so, and a model must see at inference what it saw there. It also
    keeps the edges of the photo, which a centre crop would cut off.

    Returns:
        ``float32 [B, 3, size, size]`` in channels-last memory order, the faster one for CNNs.
    """
    size = preprocessing.size
    pixels = np.empty((len(images), size, size, 3), dtype=np.uint8)
    for slot, image in zip(pixels, images, strict=True):
        slot[:] = np.asarray(_squash(image, size))
    return normalise(torch.from_numpy(pixels).permute(0, 3, 1, 2), preprocessing)


def to_pixels(image: Image.Image, size: int) -> Tensor:
    """Squash one RGB photo to `uint8 [3, size, size]`, the form in which many are kept."""
    return torch.from_numpy(np.array(_squash(image, size))).permute(2, 0, 1)


def normalise(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Turn pixels `uint8 [..., 3, S, S]`, on any device, into what the encoder takes."""
    mean, std = (
        torch.tensor(values, device=pixels.device).view(3, 1, 1)
        for values in (preprocessing.mean, preprocessing.std)
    )
    if pixels.dim() == 4:
        pixels = pixels.contiguous(memory_format=torch.channels_last)
    return pixels.float().mul_(1 / (255 * std)).sub_(mean / std)


def _squash(image: Image.Image, size: int) -> Image.Image:
    return image.resize((size, size), Image.Resampling.BICUBIC)
