"""Whose turn it is, counted over many epochs."""

from collections import Counter
from fractions import Fraction
from math import floor

import torch
from hypothesis import given
from hypothesis import strategies as st

from captioner.training.mixing import Mixture

# Tenths have no exact binary form, which is where rounding could lose a photo.
weights = st.sampled_from([0, *(n / 10 for n in range(1, 31))])


def mixture(values: list[float], seed: int = 1) -> Mixture:
    return Mixture(torch.tensor(values, dtype=torch.float64), seed)


@given(st.lists(weights, max_size=40), st.integers(0, 500))
def test_ten_epochs_show_each_photo_ten_times_its_weight(values: list[float], first: int) -> None:
    mixed = mixture(values)
    seen: Counter[int] = Counter()
    for epoch in range(first, first + 10):
        seen.update(mixed.rows(epoch).tolist())
    assert seen == {row: round(10 * weight) for row, weight in enumerate(values) if weight}


@given(st.lists(weights, max_size=40), st.integers(0, 500))
def test_an_epoch_is_as_long_as_the_weights_say(values: list[float], epoch: int) -> None:
    exact = {w: round(10 * w) * Fraction(values.count(w), 10) for w in set(values)}
    least = sum(map(floor, exact.values()))
    assert len(mixture(values)) == least
    assert least <= len(mixture(values).rows(epoch)) <= least + len(exact)


@given(st.lists(weights, max_size=40), st.integers(0, 500), st.integers(0, 5))
def test_no_photo_comes_again_before_the_others_had_their_turn(
    values: list[float], epoch: int, seed: int
) -> None:
    times = Counter(mixture(values, seed).rows(epoch).tolist())
    for row, weight in enumerate(values):
        assert floor(weight) <= times[row] <= floor(weight) + 1


def test_weight_one_shows_each_photo_once_in_the_files_order() -> None:
    assert mixture([1.0] * 7).rows(3).tolist() == list(range(7))


def test_the_seed_decides_who_comes_first() -> None:
    firsts = {tuple(mixture([0.5] * 20, seed).rows(0).tolist()) for seed in range(5)}
    assert len(firsts) == 5
    assert mixture([0.5] * 20).rows(0).tolist() == mixture([0.5] * 20).rows(0).tolist()
