"""The search by lists, over NumPy and over torch, against that by tensors, all over the same tables
of probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from captioner.decoding import BeamOptions, Hypothesis, tensors
from captioner.decoding import beam_search as by_lists
from captioner.errors import ModelError, OptionError
from captioner.onnx.beam import Floats, Numbers, Photo, State, beam_search, largest
from captioner.text import END, START, Trigrams

Search = Callable[..., Any]


@dataclass(frozen=True)
class Rows:
    """A torch state: a number for each row, by which its table is known."""

    values: Tensor
    photos: int

    def reorder(self, parents: Tensor) -> Rows:
        own = self.values.view(self.photos, -1).gather(1, parents)
        return Rows(own.flatten(), self.photos)

    def keep(self, images: Tensor) -> Rows:
        return Rows(self.values.view(self.photos, -1)[images].flatten(), len(images))


def table(seed: int, words: int, spread: float) -> Floats:
    """Logits `[states, words, words]` of the next word after each, in each of seven states."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(7, words, words)) * spread).astype(np.float32)


def by_numpy(logits: Floats, photos: int, options: BeamOptions) -> list[list[Hypothesis]]:
    def step(photo: Photo, tokens: Numbers, state: State) -> tuple[Floats, State]:
        rows = torch.from_numpy(logits[state[0][:, :, 0].astype(int), tokens])
        after = (state[0] * 3 + tokens[:, :, None]) % 7
        return rows.log_softmax(2).numpy(), (after.astype(np.float32),)

    state = np.arange(photos, dtype=np.float32)[:, None, None] % 7
    return beam_search(step, {}, (state,), options)


def by_torch(
    search: Search, logits: Floats, photos: int, options: BeamOptions
) -> list[list[Hypothesis]]:
    weights = torch.from_numpy(logits)

    def step(tokens: Tensor, state: Rows) -> tuple[Tensor, Rows]:
        after = (state.values * 3 + tokens) % 7
        return weights[state.values, tokens], Rows(after, state.photos)

    state = Rows(torch.arange(photos) % 7, photos)
    return search(step, state, photos, START, END, options)


# Of a filter that finds about half of whatever it is asked for.
bits = st.integers(0, 2**32 - 1).map(
    lambda seed: np.packbits(np.random.default_rng(seed).random(2**12) < 0.7).tobytes()
)


@st.composite
def asked(draw: st.DrawFn) -> BeamOptions:
    most = draw(st.integers(1, 9))
    phrases = st.lists(st.lists(st.integers(3, 4), min_size=2, max_size=3), max_size=2)
    options = BeamOptions(
        beam=draw(st.integers(1, 6)),
        top=draw(st.integers(1, 6)),
        max_length=most,
        min_length=draw(st.integers(0, most)),
        length_penalty=draw(st.sampled_from([-1.0, 0.0, 0.8, 2.0])),
        no_repeat_ngram=draw(st.integers(0, 3)),
        no_repeat_within=draw(st.integers(0, 3)),
        repeatable=(4,),
        avoid=tuple(draw(st.lists(st.integers(0, 4), max_size=3))),
        avoid_phrases=tuple(map(tuple, draw(phrases))),
        trigrams=draw(st.none() | st.builds(Trigrams, bits)),
    )
    require = tuple(map(tuple, draw(st.lists(st.lists(st.integers(3, 4), min_size=1), max_size=2))))
    try:
        return replace(options, require=require)
    except OptionError:  # of words that are too many, or that must not appear
        return options


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    words=st.integers(5, 30),
    spread=st.sampled_from([0.5, 2.0, 5.0]),
    photos=st.integers(1, 4),
    options=asked(),
)
def test_every_search_finds_the_same(
    seed: int, words: int, spread: float, photos: int, options: BeamOptions
) -> None:
    logits = table(seed, words, spread)
    expected = by_torch(tensors.search, logits, photos, options)
    found = by_numpy(logits, photos, options), by_torch(by_lists, logits, photos, options)
    for own, other in zip(chain(*found), chain(expected, expected), strict=True):
        for one, two in zip(own, other, strict=True):
            # Sentences that walk the same ways in another order are equally likely.
            assert one.tokens == two.tokens or one.log_prob == pytest.approx(two.log_prob, abs=1e-5)
            assert one.log_prob == pytest.approx(two.log_prob, abs=1e-4)
            assert one.score == pytest.approx(two.score, abs=1e-4)


def test_a_model_that_gives_nothing_a_probability_is_told_of() -> None:
    logits = np.full_like(table(0, 6, 1.0), np.nan)
    with pytest.raises(ModelError, match="gives no next word a probability"):
        by_numpy(logits, 2, replace(BeamOptions(), max_length=3))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 12), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_largest_of_many_are_those_that_sorting_finds(
    length: int, most: int, different: int, seed: int
) -> None:
    """With ties, and some that are impossible."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, different, max(length, most)).astype(np.float32)
    scores[rng.random(len(scores)) < rng.random()] = -np.inf
    expected = np.argsort(-scores, kind="stable")[:most]
    np.testing.assert_array_equal(largest(scores, most), expected)
