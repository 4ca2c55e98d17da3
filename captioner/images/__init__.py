"""Photos: what they are called, where they lie, opening them, and the tensors made of them."""

from typing import TYPE_CHECKING

from captioner.images.limits import Limits, MemoryBudget
from captioner.images.opening import ImageSource, open_image
from captioner.images.photos import Photo
from captioner.images.preprocessing import Preprocessing
from captioner.images.thumbnails import thumbnail
from captioner.lazy import offered

if TYPE_CHECKING:
    from captioner.images.transforms import normalise, to_batch, to_pixels

__all__ = [
    "ImageSource",
    "Limits",
    "MemoryBudget",
    "Photo",
    "Preprocessing",
    "normalise",
    "open_image",
    "thumbnail",
    "to_batch",
    "to_pixels",
]
__getattr__, __dir__ = offered(__name__, {"transforms": "normalise to_batch to_pixels"})
