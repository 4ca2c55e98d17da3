"""From Pillow images to the tensors that the encoder takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

CROP_SCALE = (0.6, 1.0)  # area of the crop, as a share of the photo
CROP_RATIO = (3 / 4, 4 / 3)  # width to height of the crop, relative to the photo's own
JITTER = 0.2  # brightness, contrast and saturation are multiplied by 1 ± this


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


def to_tensor(image: Image.Image, preprocessing: Preprocessing) -> Tensor:
    """Turn one RGB photo into a normalised tensor.

    The photo is squashed to a square: its aspect ratio is not kept. The copies of the Flickr8k
    photos used for training are squashed so, and a model must see at inference what it saw there.
    It also keeps the edges of the photo, which a centre crop would cut off.

    Returns:
        ``float32 [3, size, size]``.
    """
    return to_batch([image], preprocessing)[0].contiguous()


def to_batch(images: Sequence[Image.Image], preprocessing: Preprocessing) -> Tensor:
    """Turn RGB photos into one batch, each as :func:`to_tensor` does.

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
    if pixels.dim() == 4:
        pixels = pixels.contiguous(memory_format=torch.channels_last)
    values = F.to_dtype(pixels, torch.float32, scale=True)
    return F.normalize(values, list(preprocessing.mean), list(preprocessing.std), inplace=True)


def augment(
    image: Image.Image,
    preprocessing: Preprocessing,
    generator: torch.Generator | None = None,
    *,
    flip: bool,
) -> Tensor:
    """Turn one RGB photo into a slightly different tensor each time, for training.

    A random resized crop (Szegedy et al. 2015, with a larger least area, since a caption speaks
    of the whole photo), mild changes of brightness, contrast and saturation, and a mirror image
    half of the time. The crop's shape is drawn relative to the photo's, so that it is squashed
    about as much as the whole photo is at inference.

    Args:
        image: mode RGB.
        preprocessing: as for :func:`to_tensor`.
        generator: a CPU generator; PyTorch's global one when None.
        flip: whether mirroring is allowed; False where a caption says left or right.

    Returns:
        ``float32 [3, size, size]``.
    """
    draws = torch.rand(8, generator=generator).tolist()
    view = _squash(image, preprocessing.size, _crop_box(image.size, draws[:4]))
    view = F.adjust_brightness(view, 1 + JITTER * (2 * draws[4] - 1))
    view = F.adjust_contrast(view, 1 + JITTER * (2 * draws[5] - 1))
    view = F.adjust_saturation(view, 1 + JITTER * (2 * draws[6] - 1))
    if flip and draws[7] < 0.5:
        view = F.horizontal_flip(view)
    return normalise(F.pil_to_tensor(view), preprocessing)


def _squash(
    image: Image.Image, size: int, box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def _crop_box(size: tuple[int, int], draws: list[float]) -> tuple[float, float, float, float]:
    scale = CROP_SCALE[0] + draws[0] * (CROP_SCALE[1] - CROP_SCALE[0])
    low, high = (math.log(ratio) for ratio in CROP_RATIO)
    ratio = math.exp(low + draws[1] * (high - low))
    # Cutting a side back to the photo's own keeps both area and ratio within their ranges.
    width = size[0] * min(1.0, math.sqrt(scale * ratio))
    height = size[1] * min(1.0, math.sqrt(scale / ratio))
    left = draws[2] * (size[0] - width)
    top = draws[3] * (size[1] - height)
    return left, top, min(size[0], left + width), min(size[1], top + height)
