"""Consensus against brute force: every caption that two toy models could write."""

import math
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from captioner.decoding import (
    BeamOptions,
    Hypothesis,
    SamplingOptions,
    beam_search,
    better_of_each,
    consensus,
)

END, START, WORDS = 0, 1, (2, 3, 4)
Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Toy:
    """A model whose next token depends on the last one, for one image."""

    table: Tensor  # [5, 5] logits

    def step(self, tokens: Tensor, state: "Toy") -> tuple[Tensor, "Toy"]:
        return self.table[tokens], self

    def reorder(self, parents: Tensor) -> "Toy":
        return self

    def log_prob(self, tokens: Tokens, options: BeamOptions) -> float:
        """Of the tokens, and of their end if there is room for one, in plain Python."""
        rows, total, last = self.table.tolist(), 0.0, START
        ended = (END,) if len(tokens) < options.max_length else ()
        for token in (*tokens, *ended):
            total += rows[last][token] - math.log(sum(map(math.exp, rows[last])))
            last = token
        return total

    def search(self, options: BeamOptions) -> list[Hypothesis]:
        return beam_search(self.step, self, 1, START, END, options)[0]


def captions(length: int) -> list[Tokens]:
    """All of so many words at most, but for the empty one."""
    longest: list[Tokens] = [()]
    found: list[Tokens] = []
    for _ in range(length):
        longest = [(*tokens, word) for tokens in longest for word in WORDS]
        found += longest
    return found


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    penalty=st.sampled_from([0.0, 0.8, 2.0]),
    top=st.integers(1, 3),
    length=st.integers(1, 4),
)
def test_consensus_equals_the_best_of_all_captions_both_ways(
    seed: int, penalty: float, top: int, length: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    toys = [Toy(2 * torch.randn(5, 5, generator=generator)) for _ in range(2)]
    for toy in toys:
        toy.table[:, START] = -100.0
    # So wide that the searches are exhaustive.
    options = BeamOptions(
        beam=200, top=top, max_length=length, length_penalty=penalty, no_repeat_ngram=0
    )
    ahead, back = (toy.search(options) for toy in toys)
    found = consensus([ahead, [replace(h, tokens=h.tokens[::-1]) for h in back]], options)

    def rank(number: int, tokens: Tokens) -> tuple[bool, float]:
        read = tokens[::-1] if number else tokens
        ended = len(tokens) < length
        log_prob = toys[number].log_prob(read, options)
        return ended, log_prob / (len(tokens) + ended) ** penalty

    every = {tokens: max((rank(n, tokens), n) for n in (0, 1)) for tokens in captions(length)}
    right = sorted(every, key=lambda tokens: every[tokens], reverse=True)[:top]
    assert [choice.hypothesis.tokens for choice in found] == right
    for choice in found:
        (_, score), decoder = every[choice.hypothesis.tokens]
        assert choice.hypothesis.score == pytest.approx(score, abs=1e-4)
        assert choice.decoder == decoder
        if penalty == 0:
            assert choice.hypothesis.log_prob == choice.hypothesis.score


def hypothesis(tokens: Tokens, score: float) -> Hypothesis:
    return Hypothesis(tokens, 2 * score, score)


def test_the_better_score_of_a_caption_that_both_found_counts() -> None:
    ahead = [hypothesis((2, 3), -1.0), hypothesis((4,), -3.0)]
    back = [hypothesis((3,), -1.5), hypothesis((2, 3), -2.0)]
    found = consensus([ahead, back], BeamOptions(top=4, max_length=5))
    assert [(c.decoder, c.hypothesis.tokens, c.hypothesis.score) for c in found] == [
        (0, (2, 3), -1.0), (1, (3,), -1.5), (0, (4,), -3.0),
    ]  # fmt: skip


def test_a_caption_that_was_cut_off_comes_last() -> None:
    cut = hypothesis((2, 3, 4), -0.1)
    found = consensus([[cut], [hypothesis((2,), -9.0)]], BeamOptions(top=2, max_length=3))
    assert [choice.hypothesis.tokens for choice in found] == [(2,), (2, 3, 4)]


def test_a_caption_with_more_of_what_it_must_include_comes_first() -> None:
    options = BeamOptions(top=3, max_length=4, require=((2, 3),))
    ahead = [hypothesis((3, 2), -0.1)]
    back = [hypothesis((4, 2, 3), -5.0), hypothesis((2, 4, 3), -0.2)]
    found = consensus([ahead, back], options)
    assert [c.hypothesis.tokens for c in found] == [(4, 2, 3), (3, 2), (2, 4, 3)]


def test_samples_are_compared_draw_by_draw_and_the_best_comes_first() -> None:
    ahead = [hypothesis((2,), -3.0), hypothesis((3,), -1.0), hypothesis((2, 2, 2), -0.5)]
    back = [hypothesis((4,), -2.0), hypothesis((3,), -4.0), hypothesis((4, 4), -7.0)]
    found = better_of_each([ahead, back], SamplingOptions(top=3, max_length=3))
    assert [(choice.decoder, choice.hypothesis.score) for choice in found] == [
        (0, -1.0), (1, -2.0), (1, -7.0),
    ]  # fmt: skip


def test_a_single_decoder_has_the_last_word() -> None:
    own = [hypothesis((2,), -1.0), hypothesis((3,), -2.0)]
    assert [c.hypothesis for c in consensus([own], BeamOptions(top=2, max_length=5))] == own
    assert [c.hypothesis for c in better_of_each([own], SamplingOptions(top=2))] == own
