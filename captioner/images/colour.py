"""Any Pillow image as RGB, a tile at a time: beside the image itself little memory is needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LARGE = 2**25  # pixels; what has more is reduced where the caller needs no more
_TILE = 2**20  # pixels, about

Factors = tuple[int, int]
Convert = Callable[[Image.Image], Image.Image]


def to_rgb(image: Image.Image, factors: Factors = (1, 1)) -> Image.Image:
    """A loaded image as a new one of mode RGB, its sides divided by the factors.

    Transparency is laid on white; 16-bit and floating-point greyscale are scaled to 8 bits.
    """
    convert = _converter(image)
    boxes = list(_boxes(image.size, factors))
    if len(boxes) == 1:
        return _reduced(convert(image), factors)
    across, down = factors
    size = (-(-image.width // across), -(-image.height // down))
    rgb = Image.new("RGB", size)
    for box in boxes:
        tile = _reduced(convert(image.crop(box)), factors)
        rgb.paste(tile, (box[0] // across, box[1] // down))
    return rgb


def factors_for(size: tuple[int, int], at_least: int | None) -> Factors:
    """What the width and height of a huge image can be divided by, so that it is no longer huge
    and neither side falls below `at_least`.

    The same for both, except where a picture is so narrow that it would stay huge.
    """
    pixels = size[0] * size[1]
    if at_least is None or pixels <= LARGE:
        return 1, 1
    needed = math.ceil(math.sqrt(pixels / LARGE))
    both = max(1, min(needed, min(size) // at_least))
    more = math.ceil(pixels / both**2 / LARGE)
    return (both * more, both) if size[0] > size[1] else (both, both * more)


def _reduced(image: Image.Image, factors: Factors) -> Image.Image:
    return image if factors == (1, 1) else image.reduce(factors)


def _boxes(size: tuple[int, int], factors: Factors) -> Iterator[tuple[int, int, int, int]]:
    """Tiles that cover an image, whose sides are multiples of the factors but at its end."""
    across, down = factors
    columns = min(size[0], max(1, _TILE // down // across) * across)
    rows = min(size[1], max(1, _TILE // columns // down) * down)
    for top in range(0, size[1], rows):
        for left in range(0, size[0], columns):
            yield left, top, min(left + columns, size[0]), min(top + rows, size[1])


def _converter(image: Image.Image) -> Convert:
    """What makes RGB of any part of the image."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _integers(*_extremes(image))
    if image.mode == "F":
        return _floats(*_extremes(image))
    if image.has_transparency_data:
        return _on_white
    return lambda tile: tile.convert("RGB")


def _extremes(image: Image.Image) -> tuple[float, float]:
    boxes = list(_boxes(image.size, (1, 1)))
    tiles = [image] if len(boxes) == 1 else (image.crop(box) for box in boxes)
    values = map(_values, tiles)
    found = [(channel.min(), channel.max()) for channel in values]
    return min(low for low, _ in found), max(high for _, high in found)


def _values(image: Image.Image) -> NDArray[Any]:
    values = np.asarray(image)
    return np.nan_to_num(values.astype(np.float64)) if image.mode == "F" else values


def _integers(low: float, high: float) -> Convert:
    """Divide 16-bit values by 257, so that 65535 becomes 255; stretch any wider range."""
    if low < 0 or high > 65535:
        return _stretched(low, high)
    return lambda tile: _grey(_values(tile).astype(np.float32) / 257)


def _floats(low: float, high: float) -> Convert:
    """Take 0 to 1 as black to white, or else 0 to 255; stretch any wider range."""
    if low < 0 or high > 255:
        return _stretched(low, high)
    return lambda tile: _grey(_values(tile) * (255 if high <= 1 else 1))


def _stretched(low: float, high: float) -> Convert:
    low, high = float(low), float(high)
    scale = 255 / (high - low) if high > low else 0.0
    return lambda tile: _grey((_values(tile).astype(np.float64) - low) * scale)


def _grey(values: NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.rint(values).astype(np.uint8)).convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")
