"""Photos made ready by NumPy, against torch's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from captioner.images import Preprocessing, to_batch
from captioner.onnx import preprocessing


def both(image: Image.Image, config: Preprocessing) -> tuple[np.ndarray, np.ndarray]:
    return preprocessing.to_batch([image], config), to_batch([image], config).numpy()


@settings(max_examples=60)
@given(
    width=st.integers(1, 600),
    height=st.integers(1, 600),
    size=st.integers(1, 300),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_photo_is_what_torch_makes_of_it(width: int, height: int, size: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    ours, theirs = both(Image.fromarray(pixels), Preprocessing(size=size))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("value", [0, 255])
def test_edges_between_black_and_white_do_not_overflow(value: int) -> None:
    pixels = np.full((97, 131, 3), 255 - value, np.uint8)
    pixels[::3, ::5] = value
    ours, theirs = both(Image.fromarray(pixels), Preprocessing(size=257))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_mean_and_std_are_the_models() -> None:
    config = Preprocessing(size=8, mean=(0.1, 0.5, 0.9), std=(0.2, 1.0, 3.0))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    ours, theirs = both(Image.fromarray(pixels), config)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    expected = (pixels[0, 0] / 255 - config.mean) / config.std
    np.testing.assert_allclose(ours[0, :, 0, 0], expected, rtol=0, atol=1e-5)
