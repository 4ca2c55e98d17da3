"""How a photo becomes what a model sees; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from captioner.errors import ModelError
from captioner.fields import shown

LARGEST = 2048  # side of a model's photos: beyond it, one of them would fill the memory


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a tensor; kept in the model folder, since a model knows only one way.

    Attributes:
        size: side of the square image, in pixels.
        mean: per channel (red, green, blue), of values from 0 to 1; ImageNet's by default.
        std: standard deviation per channel, likewise.

    Raises:
        ModelError: a value is out of range.
    """

    size: int = 257
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
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
