"""From photos to tensors: the right values in the right places."""

import numpy as np
import pytest
import torch
from PIL import Image

from captioner.images import Preprocessing, normalise, to_batch, to_pixels

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PLAIN = Preprocessing(size=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def coordinates(width: int, height: int) -> Image.Image:
    """Red says where a pixel is from left to right, green from top to bottom; blue is 128."""
    x = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    y = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 128)], axis=-1).astype(np.uint8))


def to_tensor(image: Image.Image, preprocessing: Preprocessing) -> torch.Tensor:
    return to_batch([image], preprocessing)[0]


def test_pixels_are_scaled_and_normalised_by_channel() -> None:
    image = noise(257, 257)
    expected = (np.asarray(image) / 255 - MEAN) / STD
    tensor = to_tensor(image, Preprocessing())
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor.permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_a_photo_is_squashed_to_a_square_with_its_edges() -> None:
    tensor = to_tensor(coordinates(300, 100), PLAIN)
    assert tensor.shape == (3, 32, 32)
    slope = (torch.arange(32) + 0.5) / 32
    torch.testing.assert_close(tensor[0], slope.expand(32, 32), atol=0.01, rtol=0)
    torch.testing.assert_close(tensor[1], slope[:, None].expand(32, 32), atol=0.01, rtol=0)


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((320, 320, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    tensor = to_tensor(Image.fromarray(stripes), PLAIN)
    torch.testing.assert_close(tensor, torch.full((3, 32, 32), 0.5), atol=0.02, rtol=0)


def test_resizing_is_bicubic() -> None:
    step = np.zeros((1, 2, 3), dtype=np.uint8)
    step[:, 1] = 200
    row = to_tensor(Image.fromarray(step), Preprocessing(8, (0, 0, 0), (1, 1, 1)))[0, 0]

    def keys(x: float) -> float:  # the cubic kernel of Keys 1981 with a = -1/2
        x = abs(x)
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x < 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2

    for place, value in enumerate(row.tolist()):
        centre = (place + 0.5) / 4
        left, right = keys(centre - 0.5), keys(centre - 1.5)
        expected = min(max(200 * right / (left + right), 0), 255) / 255
        assert value == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("size", [(224, 224), (640, 422), (100, 300), (257, 40), (1, 1), (3000, 2)])
def test_resizing_agrees_with_pillow(size: tuple[int, int]) -> None:
    image = coordinates(*size) if min(size) > 1 else noise(*size)
    image.paste(noise(*size, seed=4).resize((size[0] // 2 + 1, size[1] // 2 + 1)))
    expected = np.asarray(image.resize((257, 257), Image.Resampling.BICUBIC)).astype(int)
    difference = np.abs(to_pixels(image, 257).permute(1, 2, 0).numpy().astype(int) - expected)
    assert difference.max() <= 3
    assert difference.mean() < 0.1  # as versions of the two round


def test_a_batch_holds_each_photo_in_channels_last_order() -> None:
    images = [noise(50, 40, 1), noise(30, 90, 2), noise(257, 257, 3)]
    batch = to_batch(images, Preprocessing())
    assert batch.shape == (3, 3, 257, 257)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    for tensor, image in zip(batch, images, strict=True):
        assert torch.equal(tensor, to_tensor(image, Preprocessing()))


def test_an_empty_batch_is_a_tensor_too() -> None:
    assert to_batch([], PLAIN).shape == (0, 3, 32, 32)


def test_kept_pixels_become_the_same_batch() -> None:
    images = [noise(50, 40, 1), noise(30, 90, 2)]
    pixels = torch.stack([to_pixels(image, 32) for image in images])
    assert pixels.dtype == torch.uint8
    assert torch.equal(normalise(pixels, PLAIN), to_batch(images, PLAIN))


def test_preprocessing_cannot_be_changed_by_accident() -> None:
    with pytest.raises(AttributeError):
        Preprocessing().size = 3  # type: ignore[misc]
