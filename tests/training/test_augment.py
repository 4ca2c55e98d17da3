"""Augmentation: what a crop, a mirror image and other colours may and may not do."""

import pytest
import torch
from torch import Tensor

from captioner.training import augment as module
from captioner.training.augment import CROP_SIDE, JITTER, augment
from captioner.training.augment import draw as numbers

SIZE = 64


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops and mirror images only, so that colours tell places."""
    monkeypatch.setattr(module, "JITTER", 0.0)


def coordinates(count: int) -> Tensor:
    """Red says where a pixel is from left to right, green from top to bottom; blue is 128."""
    ramp = torch.linspace(0, 255, SIZE)
    x, y = ramp.expand(SIZE, SIZE), ramp[:, None].expand(SIZE, SIZE)
    photo = torch.stack([x, y, torch.full_like(x, 128)]).to(torch.uint8)
    return photo.expand(count, 3, SIZE, SIZE)


def draw(pixels: Tensor, mirror: bool, seed: int = 0) -> Tensor:
    allowed = torch.full((len(pixels),), mirror)
    return augment(pixels, allowed, numbers(len(pixels), torch.Generator().manual_seed(seed)))


def edges(batch: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which places of the photo are seen at the left, right, top and bottom, from 0 to 1."""
    batch = batch.float() / 255
    x, y = batch[:, 0].mean(1), batch[:, 1].mean(2)
    return x[:, 0], x[:, -1], y[:, 0], y[:, -1]


def test_the_form_is_kept() -> None:
    out = draw(coordinates(3), True)
    assert (out.shape, out.dtype) == ((3, 3, SIZE, SIZE), torch.uint8)


def test_a_smaller_crop_shows_the_same_part_of_the_photo() -> None:
    pixels, draws = coordinates(5), numbers(5, torch.Generator().manual_seed(3))
    large, small = (augment(pixels, torch.ones(5) > 0, draws, size) for size in (0, 24))
    assert small.shape == (5, 3, 24, 24)
    shrunk = torch.nn.functional.interpolate(large.float(), (24, 24), mode="area")
    assert (small.float() - shrunk).abs().mean() < 3


def test_a_generator_repeats_the_augmentation() -> None:
    pixels = coordinates(4)
    assert torch.equal(draw(pixels, True, 1), draw(pixels, True, 1))
    assert not torch.equal(draw(pixels, True, 1), draw(pixels, True, 2))
    assert not torch.equal(*draw(pixels, True, 1)[:2])


@pytest.mark.usefixtures("plain")
def test_half_of_the_photos_are_mirrored_when_allowed_and_none_when_not() -> None:
    left, right, *_ = edges(draw(coordinates(400), True))
    assert 0.4 < (left > right).float().mean() < 0.6
    left, right, *_ = edges(draw(coordinates(400), False))
    assert (left < right).all()


def test_mirroring_does_not_change_the_other_draws() -> None:
    pixels = coordinates(20)
    for one, other in zip(draw(pixels, True), draw(pixels, False), strict=True):
        same = [(one.float() - o.float()).abs().max() <= 1 for o in (other, other.flip(-1))]
        assert any(same)


@pytest.mark.usefixtures("plain")
def test_crops_keep_their_size_and_move_within_the_photo() -> None:
    left, right, top, bottom = edges(draw(coordinates(500), False))
    assert (top < bottom).all()
    for near, far in ((left, right), (top, bottom)):
        side = far - near
        assert side.min() == pytest.approx(CROP_SIDE, abs=0.03)
        assert side.max() == pytest.approx(1.0, abs=0.03)
        assert near.min() == pytest.approx(0.0, abs=0.02)
        assert near.max() > 0.15
        assert far.max() == pytest.approx(1.0, abs=0.02)


def test_colours_change_only_mildly() -> None:
    flat = torch.tensor([150, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1)
    batch = draw(flat.expand(300, 3, SIZE, SIZE), False).float()
    grey = 0.299 * batch[:, 0] + 0.587 * batch[:, 1] + 0.114 * batch[:, 2]
    brightness = grey.mean((1, 2)) / (0.299 * 150 + 0.587 * 100 + 0.114 * 50)
    assert brightness.min() == pytest.approx(1 - JITTER, abs=0.03)
    assert brightness.max() == pytest.approx(1 + JITTER, abs=0.03)
    saturation = (batch[:, 0] - batch[:, 2]).mean((1, 2)) / 100
    assert saturation.min() > (1 - JITTER) ** 3 - 0.02  # all three factors scale it
    assert saturation.max() < (1 + JITTER) ** 3 + 0.02
    assert saturation.max() - saturation.min() > 0.4
