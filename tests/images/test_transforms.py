"""From photos to tensors: the right values in the right places."""

import numpy as np
import pytest
import torch
from PIL import Image

from captioner.images import Preprocessing, augment, to_batch, to_tensor, transforms
from captioner.images.transforms import CROP_RATIO, CROP_SCALE, _crop_box

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


def test_pixels_are_scaled_and_normalised_by_channel() -> None:
    image = noise(257, 257)
    expected = (np.asarray(image) / 255 - MEAN) / STD
    tensor = to_tensor(image, Preprocessing())
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
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


def draws(flip: bool, image: Image.Image, number: int = 200) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.stack([augment(image, PLAIN, generator, flip=flip) for _ in range(number)])


def test_augmented_photos_have_the_size_and_type_of_plain_ones() -> None:
    tensor = augment(noise(70, 50), Preprocessing(), flip=True)
    assert tensor.shape == (3, 257, 257)
    assert tensor.dtype == torch.float32


def test_a_generator_repeats_the_augmentation() -> None:
    assert torch.equal(draws(True, noise(60, 40), 5), draws(True, noise(60, 40), 5))
    first, second = draws(True, noise(60, 40), 2)
    assert not torch.equal(first, second)


def mirrored(batch: torch.Tensor) -> torch.Tensor:
    return batch[:, 0, :, 0].mean(dim=1) > batch[:, 0, :, -1].mean(dim=1)


def test_half_of_the_photos_are_mirrored_when_allowed() -> None:
    share = mirrored(draws(True, coordinates(90, 60), 400)).float().mean()
    assert 0.4 < share < 0.6


def test_no_photo_is_mirrored_when_forbidden() -> None:
    assert not mirrored(draws(False, coordinates(90, 60))).any()


def test_mirroring_does_not_change_the_other_draws() -> None:
    image = noise(60, 40)
    allowed, forbidden = draws(True, image, 20), draws(False, image, 20)
    for one, other in zip(allowed, forbidden, strict=True):
        assert torch.equal(one, other) or torch.equal(one, other.flip(-1))


def test_no_photo_is_turned_upside_down() -> None:
    batch = draws(True, coordinates(90, 60))
    assert (batch[:, 1, 0].mean(dim=1) < batch[:, 1, -1].mean(dim=1)).all()


def test_crops_keep_within_their_area_shape_and_photo() -> None:
    generator = torch.Generator().manual_seed(0)
    areas, ratios = [], []
    for _ in range(2000):
        four = torch.rand(4, generator=generator).tolist()
        left, top, right, bottom = _crop_box((90, 60), four)
        assert 0 <= left < right <= 90
        assert 0 <= top < bottom <= 60
        width, height = (right - left) / 90, (bottom - top) / 60
        areas.append(width * height)
        ratios.append(width / height)
    for values, (low, high) in ((areas, CROP_SCALE), (ratios, CROP_RATIO)):
        assert min(values) == pytest.approx(low, abs=0.03)
        assert max(values) == pytest.approx(high, abs=0.03)
        assert low - 1e-6 <= min(values)
        assert max(values) <= high + 1e-6


def test_photos_are_cropped_at_a_different_place_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transforms, "JITTER", 0.0)
    batch = draws(False, coordinates(90, 60))
    left, right = batch[:, 0, :, 0].mean(dim=1), batch[:, 0, :, -1].mean(dim=1)
    top, bottom = batch[:, 1, 0].mean(dim=1), batch[:, 1, -1].mean(dim=1)
    for near, far in ((left, right), (top, bottom)):
        assert near.min() < 0.05
        assert near.max() > 0.2
        assert far.min() < 0.8
        assert far.max() > 0.95


def test_colours_change_only_mildly() -> None:
    flat = Image.new("RGB", (40, 40), (150, 100, 50))
    batch = draws(False, flat)
    brightness = batch.mean(dim=(1, 2, 3)) / (100 / 255)
    assert 0.75 < brightness.min() < 0.9
    assert 1.1 < brightness.max() < 1.25
    saturation = (batch[:, 0] - batch[:, 2]).mean(dim=(1, 2)) / (100 / 255)
    assert 0.45 < saturation.min() < 0.8  # brightness, contrast and saturation all scale it
    assert 1.2 < saturation.max() < 1.75


def test_preprocessing_cannot_be_changed_by_accident() -> None:
    with pytest.raises(AttributeError):
        Preprocessing().size = 3  # type: ignore[misc]
