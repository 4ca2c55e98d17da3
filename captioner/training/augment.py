"""Pictures changed a little, so that their captions stay true; a batch at a time, on any device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CROP_SIDE = 0.75  # the smallest share of a side that a crop keeps
JITTER = 0.2  # brightness, contrast and saturation are multiplied by 1 ± this
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma


def draw(photos: int, generator: torch.Generator) -> Tensor:
    """The random numbers `[B, 8]`, from 0 to 1, that change so many photos, each by its own."""
    return torch.rand(photos, 8, generator=generator)


def augment(pixels: Tensor, mirror: Tensor, draws: Tensor, size: int = 0) -> Tensor:
    """Random crops, mirrored where allowed, with other brightness, contrast and saturation.

    pixels: `uint8 [B, 3, S, S]`. mirror: bool `[B]`, whether that photo may be mirrored; half of
    those are. draws: from `draw`, of the CPU, whatever the pixels' device. size: S' of what is
    returned, `uint8 [B, 3, S', S']`; as large as it came for 0.
    """
    draws = draws.T.to(pixels.device)
    mirrored = mirror.to(pixels.device) & (draws[4] < 0.5)
    photos = _crop(pixels.float(), draws[:4], mirrored, size or pixels.shape[3])
    return _colour(photos, 1 + JITTER * (2 * draws[5:] - 1)).clamp_(0, 255).to(torch.uint8)


def _crop(photos: Tensor, draws: Tensor, mirrored: Tensor, size: int) -> Tensor:
    side = CROP_SIDE + (1 - CROP_SIDE) * draws[:2]  # height and width, as shares
    centre = (1 - side) * (2 * draws[2:] - 1)
    theta = photos.new_zeros(len(photos), 2, 3)
    theta[:, 0, 0] = torch.where(mirrored, -side[1], side[1])
    theta[:, 1, 1] = side[0]
    theta[:, 0, 2], theta[:, 1, 2] = centre[1], centre[0]
    grid = F.affine_grid(theta, [*photos.shape[:2], size, size], align_corners=False)
    return F.grid_sample(photos, grid, padding_mode="border", align_corners=False)


def _colour(photos: Tensor, factors: Tensor) -> Tensor:
    brightness, contrast, saturation = factors.view(3, -1, 1, 1, 1)
    weights = photos.new_tensor(GREY).view(1, 3, 1, 1)
    photos = photos * brightness
    grey = (photos * weights).sum(1, keepdim=True)
    photos = grey + (photos - grey) * saturation
    mean = grey.mean((2, 3), keepdim=True)
    return mean + (photos - mean) * contrast
