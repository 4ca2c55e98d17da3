"""Photos as the encoder takes them, by NumPy, bit for bit as `captioner.images.to_batch` has them.

That resizes by torch's antialiased bicubic filter on bytes: a fixed-point product for each axis,
first along the rows, then along the columns, each rounded to bytes (as Pillow-SIMD does). Here the
weights are computed likewise, and the products are of matrices, a band of outputs at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captioner.images import Preprocessing

_CUBIC = -0.5  # the coefficient a of Keys' kernel that antialiasing filters use
_MOST_BITS = 22  # of a weight's fraction, as long as the weight fits 16 bits
_TOGETHER = 32  # outputs whose weights make one matrix: few enough for little of it to be zeros


class _Band(NamedTuple):
    """The weights `[outputs, inputs]` of neighbouring outputs, and where their inputs begin."""

    first: int
    weights: NDArray[np.floating]


def to_batch(images: Sequence[Image.Image], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """RGB photos to one batch `float32 [B, 3, size, size]`, each squashed to a square."""
    pixels = np.stack([to_pixels(image, preprocessing.size) for image in images])
    return normalise(pixels, preprocessing)


def to_pixels(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Squash one RGB photo to `uint8 [size, size, 3]`."""
    pixels = np.asarray(image)
    if image.width != size:
        pixels = _resized(pixels.swapaxes(0, 1), size).swapaxes(0, 1)
    return _resized(pixels, size) if image.height != size else pixels


def normalise(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Pixels `uint8 [B, S, S, 3]` to what the encoder takes, `float32 [B, 3, S, S]`."""
    mean, std = (np.array(own, np.float32) for own in (preprocessing.mean, preprocessing.std))
    channels = pixels.transpose(0, 3, 1, 2).astype(np.float32, order="C")
    channels *= (1 / (255 * std))[:, None, None]
    channels -= (mean / std)[:, None, None]
    return channels


def _resized(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The first axis of `[L, M, 3]` resized to `size`."""
    length, others, _ = pixels.shape
    bands, bits = _bands(length, size)
    rows = pixels.astype(bands[0].weights.dtype, order="C").reshape(length, -1)
    totals = [own.weights @ rows[own.first : own.first + own.weights.shape[1]] for own in bands]
    rounded = (np.concatenate(totals).astype(np.int32) + (1 << (bits - 1))) >> bits
    return rounded.clip(0, 255).astype(np.uint8).reshape(size, others, 3)


@lru_cache(maxsize=64)
def _bands(length: int, size: int) -> tuple[list[_Band], int]:
    """What makes `size` outputs of `length` inputs, in weights of so many bits' fraction.

    Whole numbers, held in floats that can add them up without rounding.
    """
    fixed, first, bits = _weights(length, size)
    exact = np.abs(fixed).sum(axis=1).max() * 255 < 2**24
    bands = []
    for start in range(0, size, _TOGETHER):
        own, begins = fixed[start : start + _TOGETHER], first[start : start + _TOGETHER]
        offsets = (begins - begins[0])[:, None] + np.arange(fixed.shape[1])
        band = np.zeros((len(own), offsets.max() + 1), np.float32 if exact else np.float64)
        np.put_along_axis(band, offsets, own, axis=1)
        bands.append(_Band(int(begins[0]), band[:, : length - begins[0]]))
    return bands, bits


def _weights(length: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Of each output the weights `[size, taps]` of its inputs, the first of these `[size]`, and the
    bits of the weights' fraction."""
    scale = length / size
    stretch = max(scale, 1.0)
    support = 2 * stretch
    centre = scale * (np.arange(size) + 0.5)
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    end = np.minimum((centre + support + 0.5).astype(np.int64), length)
    taps = np.arange(2 * int(np.ceil(support)) + 1)
    weight = _cubic((taps + (first - centre + 0.5)[:, None]) / stretch)
    weight *= taps < (end - first)[:, None]
    weight /= weight.sum(axis=1, keepdims=True)
    bits = 0
    while bits < _MOST_BITS and int(0.5 + weight.max() * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    return np.trunc(weight * (1 << bits) + np.copysign(0.5, weight)).astype(np.int64), first, bits


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel (1981)."""
    x = np.abs(x)
    near = ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _CUBIC
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
