"""Small copies of photos for web pages."""

from __future__ import annotations

import base64
import io

from PIL.Image import Image


def thumbnail(image: Image, side: int) -> str:
    """A photo made small, as an address that holds all of it: a `data:` URI with a JPEG.

    side: the longer one has at most as many pixels.
    """
    small = image.copy()
    small.thumbnail((side, side))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
