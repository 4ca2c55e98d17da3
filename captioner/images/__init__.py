"""Opening photos, and the transforms that make tensors of them."""

from captioner.images.limits import Limits, MemoryBudget
from captioner.images.opening import ImageSource, open_image
from captioner.images.transforms import Preprocessing, normalise, to_batch, to_pixels

__all__ = [
    "ImageSource",
    "Limits",
    "MemoryBudget",
    "Preprocessing",
    "normalise",
    "open_image",
    "to_batch",
    "to_pixels",
]
