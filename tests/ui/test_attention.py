"""Attention as numbers for the browser, and in words."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captioner.ui.attention import described, place, shades
from captioner.ui.words import CHINESE, ENGLISH


def test_the_most_looked_at_place_has_the_most_light() -> None:
    maps = torch.tensor([[[0.1, 0.4], [0.2, 0.3]], [[0.0, 0.0], [1.0, 0.0]]])
    assert shades(maps) == [[64, 255, 128, 191], [0, 0, 255, 0]]


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 10**6))
def test_shades_fit_a_byte(height: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    map_ = torch.rand(1, height, width, generator=generator)
    (numbers,) = shades(map_)
    assert len(numbers) == height * width
    assert min(numbers) >= 0
    assert max(numbers) == 255


def test_a_map_of_nothing_is_dark() -> None:
    assert shades(torch.zeros(1, 1, 2)) == [[0, 0]]


@pytest.mark.parametrize("size", [3, 7, 9, 12])
@pytest.mark.parametrize("ninth", range(9))
def test_each_ninth_of_the_photo_has_its_name(size: int, ninth: int) -> None:
    map_ = torch.full((size, size), 0.01)
    row, column = ((2 * part + 1) * size // 6 for part in divmod(ninth, 3))
    map_[row, column] = 5
    assert place(map_) == ninth
    assert described("dog", map_, ENGLISH) == f"dog: looked at the {ENGLISH.places[ninth]}"
    assert described("狗", map_, CHINESE) == f"狗：看的是{CHINESE.places[ninth]}"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 9])
def test_even_attention_has_no_place(size: int) -> None:
    even = torch.full((size, size), 1 / size**2)
    assert (place(even) is None) == (size > 2)


def test_a_photo_looked_at_as_a_whole_is_said_so() -> None:
    assert described("a", torch.ones(9, 9), ENGLISH) == "a: looked at the whole photo"
