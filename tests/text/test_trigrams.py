"""The set of trigrams against a set of Python's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.errors import ModelError
from captioner.text import END, START, Trigrams

WORD = st.integers(1, 60_000)  # 0 is padding


def filled(trigrams: set[tuple[int, ...]], pairs: set[tuple[int, ...]], size: int) -> Trigrams:
    arrays = (
        np.array(sorted(own), np.int64).reshape(-1, n) for own, n in ((trigrams, 3), (pairs, 2))
    )
    return Trigrams.of(*arrays, size)


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.tuples(WORD, WORD, WORD), max_size=50),
    st.sets(st.tuples(WORD, WORD), max_size=50),
    st.lists(st.tuples(WORD, WORD, WORD), max_size=50),
)
def test_what_is_in_it_is_found_and_nothing_else_in_a_large_one(
    trigrams: set[tuple[int, ...]], pairs: set[tuple[int, ...]], others: list[tuple[int, ...]]
) -> None:
    large, smallest = filled(trigrams, pairs, 2**20), filled(trigrams, pairs, 1)
    for asked in (*trigrams, *others):
        assert large.holds(*asked) == (asked in trigrams)
        assert large.is_common(*asked[:2]) == (asked[:2] in pairs)
    assert all(smallest.holds(*asked) for asked in trigrams)
    assert all(smallest.is_common(*asked) for asked in pairs)


def test_of_fourteen_bits_each_one_in_sixty_others_is_found() -> None:
    """Bloom's share, (1 - e to the -k n / m)² for two bits of each."""
    rng = np.random.default_rng(0)
    rows = np.unique(rng.integers(3, 2400, (600_000, 3)), axis=0)
    those, others = rows[::2], rows[1::2].T
    found = filled(set(), set(), 2**19)
    found = Trigrams.of(those, np.empty((0, 2), np.int64), len(found.bits))
    as_tensor = replace(found, bits=torch.frombuffer(bytearray(found.bits), dtype=torch.uint8))
    share = as_tensor.holds(*torch.from_numpy(others.copy())).float().mean()
    assert share == pytest.approx((1 - np.exp(-2 * len(those) / 2**22)) ** 2, rel=0.05)


@given(st.tuples(WORD, WORD, WORD), st.integers(0, 2**32 - 1))
def test_numbers_arrays_and_tensors_are_asked_alike(asked: tuple[int, ...], seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 256, 64, np.uint8)
    for backward in (False, True):
        by_number = Trigrams(bits.tobytes(), backward=backward)
        by_tensor = Trigrams(torch.from_numpy(bits.copy()), backward=backward)
        tensors = [torch.tensor([word]) for word in asked]
        assert by_tensor.holds(*tensors).tolist() == [by_number.holds(*asked)]
        assert by_tensor.is_common(*tensors[:2]).tolist() == [by_number.is_common(*asked[:2])]


@given(st.lists(st.integers(3, 9), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_a_sentence_read_backward_has_the_same_trigrams(words: list[int], seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 256, 8, np.uint8).tobytes()
    forward, backward = Trigrams(bits), Trigrams(bits).turned(True)
    ahead, back = [START, *words, END], [START, *words[::-1], END]
    for n, ask in ((3, "holds"), (2, "is_common")):
        one, other = (
            [getattr(own, ask)(*read[at : at + n]) for at in range(len(read) - n + 1)]
            for own, read in ((forward, ahead), (backward, back))
        )
        assert one == other[::-1]
    assert backward.turned(False) == forward


@pytest.mark.parametrize("size", [0, 3, 1000])
def test_a_file_of_no_power_of_two_of_bytes_is_damaged(size: int, tmp_path: Path) -> None:
    path = tmp_path / "trigrams.bin"
    path.write_bytes(bytes(size))
    with pytest.raises(ModelError, match=rf"trigrams\.bin: .* power of two .* {size}\."):
        Trigrams.load(path, 0.7)


@pytest.mark.parametrize("penalty", [-0.1, float("nan"), float("inf"), 1001])
def test_a_penalty_that_cannot_be_is_told(penalty: float) -> None:
    with pytest.raises(ModelError, match="unseen_penalty must be from 0 to 1000"):
        Trigrams(bytes(8), penalty)
