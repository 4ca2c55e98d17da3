"""Sampling against the probabilities it must draw from."""

import math
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from captioner.decoding import Hypothesis, SamplingOptions, sample
from captioner.errors import ModelError, OptionError

END, START = 0, 1
PROBABILITIES = (0.05, 0.15, 0.3, 0.5)  # of tokens 0 to 3 after the start token
DRAWS = 20_000


class LastToken:
    """The state of a model that looks at the last token only: nothing to remember."""

    def reorder(self, parents: Tensor) -> "LastToken":
        return self


def draw(table: Tensor, images: int = 1, **values: Any) -> list[list[Hypothesis]]:
    """Sample from a model whose logits are the table's row of the last token."""

    def step(tokens: Tensor, state: LastToken) -> tuple[Tensor, LastToken]:
        return table[tokens], state

    options = SamplingOptions(**{"seed": 0, **values})
    return sample(step, LastToken(), images, START, END, options)


def one_token(**values: Any) -> dict[int, float]:
    """Give the frequency of each one-token caption; the empty caption counts as the end token."""
    table = torch.tensor(PROBABILITIES).log().repeat(4, 1)
    options: dict[str, Any] = {"top": DRAWS, "min_length": 0, "max_length": 1, **values}
    drawn = Counter((caption.tokens or (END,))[0] for caption in draw(table, **options)[0])
    return {token: count / DRAWS for token, count in drawn.items()}


def assert_close(frequencies: dict, probabilities: dict) -> None:
    assert frequencies.keys() == probabilities.keys()
    for outcome, p in probabilities.items():
        assert abs(frequencies[outcome] - p) <= 5 * math.sqrt(p * (1 - p) / DRAWS)


def random_table(seed: int, vocabulary: int = 4) -> Tensor:
    return torch.randn(vocabulary, vocabulary, generator=torch.Generator().manual_seed(seed))


def log_prob_of(tokens: tuple[int, ...], table: Tensor, max_length: int) -> float:
    emitted = tokens if len(tokens) == max_length else (*tokens, END)
    log_probs = table.double().log_softmax(dim=-1)
    pairs = zip((START, *tokens)[: len(emitted)], emitted, strict=True)
    return sum(float(log_probs[last, token]) for last, token in pairs)


def test_whole_captions_come_as_often_as_the_model_says() -> None:
    table = random_table(7, vocabulary=3)
    captions = [(), (1,), (2,), (1, 1), (1, 2), (2, 1), (2, 2)]
    drawn = Counter(
        caption.tokens for caption in draw(table, top=DRAWS, min_length=0, max_length=2)[0]
    )
    expected = {tokens: math.exp(log_prob_of(tokens, table, 2)) for tokens in captions}
    assert sum(expected.values()) == pytest.approx(1)
    assert_close({tokens: count / DRAWS for tokens, count in drawn.items()}, expected)


def test_tokens_come_as_often_as_the_model_says() -> None:
    assert_close(one_token(), dict(enumerate(PROBABILITIES)))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_is_a_power_of_the_probabilities(temperature: float) -> None:
    powers = [p ** (1 / temperature) for p in PROBABILITIES]
    expected = {token: power / sum(powers) for token, power in enumerate(powers)}
    assert_close(one_token(temperature=temperature), expected)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9])
def test_top_k_draws_among_the_k_likeliest(k: int) -> None:
    kept = dict(list(enumerate(PROBABILITIES))[-k:])
    total = sum(kept.values())
    assert_close(one_token(top_k=k), {token: p / total for token, p in kept.items()})


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.01, 1), (0.45, 1), (0.55, 2), (0.79, 2), (0.9, 3), (0.96, 4), (1.0, 4)]
)
def test_top_p_draws_among_the_fewest_that_reach_the_sum(top_p: float, kept: int) -> None:
    nucleus = dict(list(enumerate(PROBABILITIES))[-kept:])
    total = sum(nucleus.values())
    assert_close(one_token(top_p=top_p), {token: p / total for token, p in nucleus.items()})


def test_top_p_works_on_what_top_k_left() -> None:
    # Of 0.5 and 0.3 renormalised, the first alone reaches 0.6.
    assert one_token(top_k=2, top_p=0.6).keys() == {3}


def test_forbidden_tokens_are_never_drawn() -> None:
    assert one_token(avoid=(2,), min_length=1).keys() == {1, 3}


def test_no_word_is_drawn_twice_with_unigrams() -> None:
    options = {"top": 500, "max_length": 8, "min_length": 8, "no_repeat_ngram": 1}
    drawn = draw(random_table(1), **options)[0]
    # Three words, then none is left: the end is allowed in spite of the least length.
    assert {tuple(sorted(caption.tokens)) for caption in drawn} == {(1, 2, 3)}


def test_lengths_keep_within_their_limits() -> None:
    lengths = {
        len(c.tokens) for c in draw(random_table(2), top=2000, min_length=2, max_length=5)[0]
    }
    assert lengths == {2, 3, 4, 5}


def test_log_prob_is_the_models_own_whatever_shaped_the_draw() -> None:
    table = random_table(3)
    shape: dict[str, Any] = {
        "temperature": 2.0,
        "top_k": 3,
        "top_p": 0.9,
        "no_repeat_ngram": 2,
        "min_length": 2,
    }
    for caption in draw(table, top=200, max_length=9, length_penalty=0.5, **shape)[0]:
        expected = log_prob_of(caption.tokens, table, 9)
        assert caption.log_prob == pytest.approx(expected, abs=1e-4)
        length = min(len(caption.tokens) + 1, 9)
        assert caption.score == pytest.approx(expected / length**0.5, abs=1e-4)


def test_each_image_is_drawn_from_its_own_distribution() -> None:
    class Image:
        def __init__(self, rows: Tensor) -> None:
            self.rows = rows

        def reorder(self, parents: Tensor) -> "Image":
            return Image(self.rows.view(parents.shape[0], -1).gather(1, parents).flatten())

    table = torch.full((3, 4), -torch.inf)
    table[range(3), range(1, 4)] = 0.0  # image i always says token i + 1

    def step(tokens: Tensor, state: Image) -> tuple[Tensor, Image]:
        return table[state.rows], state

    options = SamplingOptions(no_repeat_ngram=0, top=2, max_length=3)
    found = sample(step, Image(torch.arange(3)), 3, START, END, options)
    assert [[c.tokens for c in captions] for captions in found] == [
        [(1, 1, 1)] * 2,
        [(2, 2, 2)] * 2,
        [(3, 3, 3)] * 2,
    ]


def test_a_seed_repeats_the_draw_and_another_does_not() -> None:
    table = random_table(4)
    options = {"images": 2, "top": 20}
    assert draw(table, seed=1, **options) == draw(table, seed=1, **options)
    assert draw(table, seed=1, **options) != draw(table, seed=2, **options)


def test_with_a_seed_an_image_has_the_draws_that_it_has_alone() -> None:
    table = random_table(4)
    (alone,) = draw(table, seed=1, top=20)
    assert draw(table, seed=1, top=20, images=3) == [alone] * 3


def test_without_a_seed_the_global_generator_is_used() -> None:
    table = random_table(5)
    torch.manual_seed(0)
    first = draw(table, top=20, seed=None)
    assert draw(table, top=20, seed=None) != first
    torch.manual_seed(0)
    assert draw(table, top=20, seed=None) == first


def test_a_seed_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    draw(random_table(6), top=5, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 0.0},
        {"temperature": math.inf},
        {"temperature": math.nan},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top": 0},
    ],
)
def test_an_impossible_option_is_named_in_one_sentence(values: dict) -> None:
    with pytest.raises(OptionError, match=rf"^{next(iter(values))} .*\.$"):
        SamplingOptions(**values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_logits_that_are_no_numbers_give_one_sentence(value: float) -> None:
    with pytest.raises(ModelError, match="The model gives no next word a probability"):
        draw(torch.full((4, 4), value), top=3)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_one_image_without_probabilities_is_noticed_among_others(value: float) -> None:
    table = random_table(0)
    table[2, 3] = value
    with pytest.raises(ModelError, match="no next word a probability"):
        draw(table, images=50, max_length=20, min_length=20, no_repeat_ngram=0)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-30])
def test_the_lowest_temperature_always_draws_the_likeliest(temperature: float) -> None:
    assert one_token(temperature=temperature, avoid=(3,)) == {2: 1.0}


@pytest.mark.parametrize("temperature", [1e30, 1e308])
def test_the_highest_temperature_draws_all_that_is_allowed_alike(temperature: float) -> None:
    assert_close(one_token(temperature=temperature, avoid=(3,)), {0: 1 / 3, 1: 1 / 3, 2: 1 / 3})
