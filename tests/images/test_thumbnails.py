"""Small copies of photos for web pages."""

import base64
import io

import pytest
from PIL import Image

from captioner.images import thumbnail


@pytest.mark.parametrize(
    ("size", "small"), [((800, 400), (100, 50)), ((30, 60), (30, 60)), ((1, 900), (1, 100))]
)
def test_a_thumbnail_is_a_jpeg_no_longer_than_asked_for(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    photo = Image.new("RGB", size, "red")
    kind, content = thumbnail(photo, 100).split(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as made:
        assert made.format == "JPEG"
        assert made.size == small
    assert photo.size == size
