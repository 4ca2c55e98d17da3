"""From Pillow images to the tensors that the encoder takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from captioner.errors import ModelError
from captioner.fields import check_fields, shown

LARGEST = 2048  # side of a model's photos: beyond it, one of them would fill the memory


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a tensor; kept in the model folder, since a model knows only one way.

    Attributes:
        size: side of the square image, in pixels.
        mean: per channel (red, green, blue), of values from 0 to 1; ImageNet's by default.
        std: standard deviation per channel, likewise.

    Raises:
        ModelError: a value is of a wrong type or out of range.
    """

    size: int = 257
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        check_fields(self, "The preprocessing")
        if not 1 <= self.size <= LARGEST:
            raise ModelError(
                "The preprocessing's size must be from 1 to {} pixels, not {}.",
                LARGEST,
                shown(self.size),
            )
        if not all(0 <= mean <= 1 for mean in self.mean):
            raise ModelError(
                "The preprocessing's mean must be from 0 to 1, not {}.", shown(self.mean)
            )
        if not all(0.001 <= std <= 1000 for std in self.std):
            raise ModelError(
                "The preprocessing's std must be from 0.001 to 1000, not {}.", shown(self.std)
            )

    @property
    def detail(self) -> int:
        """Pixels on the shorter side that are enough to open a photo with.

        A fifth fewer than the model's own: its training photos had no more, no score was seen to
        fall, and JPEGs of the usual 640 pixels decode at half their size.
        """
        return self.size * 4 // 5


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
    mean, std = (
        torch.tensor(values, device=pixels.device).repeat(size)
        for values in (preprocessing.mean, preprocessing.std)
    )
    # A row of pixels as one long vector is far quicker than three values at a time.
    rows = pixels.permute(0, 2, 3, 1).flatten(2).float()
    rows = torch.addcmul(-mean / std, rows, 1 / (255 * std), out=rows)
    return rows.unflatten(2, (size, 3)).permute(0, 3, 1, 2)
