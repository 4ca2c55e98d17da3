"""Attention as numbers for the browser, and in words."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captioner.ui.attention import described, places, tints
from captioner.ui.words import CHINESE, ENGLISH


def test_a_tint_is_where_a_word_looked_more_than_the_others() -> None:
    # All look at the first place; each of the first two at one more of its own.
    maps = torch.tensor(
        [[[0.6, 0.4], [0.0, 0.0]], [[0.6, 0.0], [0.4, 0.0]], [[0.6, 0.2], [0.2, 0.0]]]
    )
    assert tints(maps) == [[0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 0]]


def test_a_word_that_hardly_differs_is_hardly_tinted() -> None:
    maps = torch.tensor([[[0.5, 0.5]], [[0.51, 0.49]], [[0.0, 1.0]]])
    (most, *_), _, (_, own) = tints(maps)
    assert own == 255
    assert 100 < most <= 255
    even = torch.full((2, 1, 4), 0.25)
    assert tints(even) == [[0] * 4] * 2
    assert tints(torch.tensor([[[0.1, 0.9]]])) == [[0, 255]]  # against an even spread


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 10**6))
def test_tints_fit_a_byte(height: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(3, height, width, generator=generator)
    for numbers in tints(maps):
        assert len(numbers) == height * width
        assert 0 <= min(numbers) <= max(numbers) <= 255


def test_a_map_of_nothing_is_dark() -> None:
    assert tints(torch.zeros(1, 1, 2)) == [[0, 0]]


@pytest.mark.parametrize("size", [3, 7, 9, 12])
@pytest.mark.parametrize("ninth", range(9))
def test_each_ninth_of_the_photo_has_its_name(size: int, ninth: int) -> None:
    map_ = torch.full((size, size), 0.01)
    row, column = ((2 * part + 1) * size // 6 for part in divmod(ninth, 3))
    map_[row, column] = 5
    assert places(torch.stack([map_, torch.ones(size, size)])) == [ninth, None]
    assert described("dog", ninth, ENGLISH) == f"dog: looked at the {ENGLISH.places[ninth]}"
    assert described("狗", ninth, CHINESE) == f"狗：看的是{CHINESE.places[ninth]}"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 9])
def test_even_attention_has_no_place(size: int) -> None:
    even = torch.full((size, size), 1 / size**2)
    assert (places(even[None]) == [None]) == (size > 2)


def test_a_photo_looked_at_as_a_whole_is_said_so() -> None:
    assert described("a", None, ENGLISH) == "a: looked at the whole photo"
