"""Opening photos, and the transforms that make tensors of them."""

from captioner.images.opening import ImageSource, open_image
from captioner.images.transforms import (
    Preprocessing,
    augment,
    normalise,
    to_batch,
    to_pixels,
    to_tensor,
)

__all__ = [
    "ImageSource",
    "Preprocessing",
    "augment",
    "normalise",
    "open_image",
    "to_batch",
    "to_pixels",
    "to_tensor",
]
