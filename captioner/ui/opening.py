"""Opening what visitors gave: few large photos at a time, whoever they are from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captioner.images import Limits, MemoryBudget, Photo
from captioner.ui.zips import Refusal

if TYPE_CHECKING:
    from PIL import Image

    from captioner.pipeline import Captioner

_MOST_MEMORY = 10**9  # bytes of all photos that are being decoded
LIMITS = Limits(memory=_MOST_MEMORY, seconds=10, shared=MemoryBudget(_MOST_MEMORY))
_UNPACKED = MemoryBudget(4 * 10**8)  # of zip files, before they are decoded


def opened(captioner: Captioner, photo: Photo | Refusal) -> Image.Image:
    """A photo as large as the model needs it; waits until there is memory for it.

    Raises:
        CaptionerError: in words for the person, who knows the file by its own name and not by
            its place in a temporary folder on this computer.
    """
    detail = captioner.model.config.preprocessing.detail
    if isinstance(photo, Refusal):
        raise photo.error
    with _UNPACKED.taken(photo.member.size if photo.member else 0):
        return photo.open(detail, LIMITS)
