"""How a caption is written: what a person may ask for is checked, wherever it comes from."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner import CaptionOptions
from captioner.decoding import BeamOptions, SamplingOptions
from captioner.errors import OptionError
from captioner.options import OPTIONS, Number

NUMBERS = {name: takes for name, takes in OPTIONS.items() if isinstance(takes, Number)}
PHRASES = sorted(OPTIONS.keys() - NUMBERS.keys())


def test_nothing_is_said_unless_it_is() -> None:
    options = CaptionOptions()
    assert {getattr(options, name) for name in OPTIONS} == {None}
    assert list(OPTIONS) == [field.name for field in fields(CaptionOptions)]
    assert not options.is_sampling


def test_where_nothing_is_said_it_is_what_the_searches_take_as_usual() -> None:
    for options, usual in (
        (CaptionOptions(), BeamOptions()),
        (CaptionOptions(temperature=1), SamplingOptions()),
    ):
        for name, value in options.all().items():
            if name in NUMBERS and name != "no_repeat_within" and hasattr(usual, name):
                assert value == getattr(usual, name)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_limits_and_anything_else_is_one_sentence(name: str) -> None:
    takes = NUMBERS[name]
    longest = {"max_length": 30} if name == "min_length" else {}
    for value in (takes.least, takes.most):
        for own in (value, float(value), np.float64(value)):
            options = CaptionOptions(**{**longest, name: own})
            assert getattr(options, name) == value
            assert type(getattr(options, name)) is takes.kind
    whole = "a whole number" if takes.kind is int else "a number"
    for wrong in (takes.least - 1, takes.most * 2, math.nan, math.inf, True, "3", [3], 10**5000):
        with pytest.raises(OptionError) as raised:
            CaptionOptions(**{name: wrong})
        said = f"{name} must be {whole} from {takes.least} to {takes.most}, not "
        assert str(raised.value).startswith(said)
        assert str(raised.value).endswith(".")
    if takes.kind is int:
        with pytest.raises(OptionError, match="must be a whole number"):
            CaptionOptions(**{name: 1.5})


@pytest.mark.parametrize("name", PHRASES)
def test_a_string_is_one_phrase_and_none_are_nothing_said(name: str) -> None:
    for phrases, expected in (
        ("red ball", ("red ball",)),
        (["red ball", "dog"], ("red ball", "dog")),
        ([], None),
        ((), None),
    ):
        assert getattr(CaptionOptions(**{name: phrases}), name) == expected
    for wrong in ({"dog": 1}, 3, [None], [["dog"]], True):
        with pytest.raises(OptionError, match=f"^{name} must be a list of words, not "):
            CaptionOptions(**{name: wrong})
    for wrong in ("", " ", ["dog", " "]):
        with pytest.raises(OptionError, match=f"^{name} must not hold an empty phrase"):
            CaptionOptions(**{name: wrong})
    for wrong in (["dog"] * 101, "x" * 201):
        with pytest.raises(OptionError, match=f"^{name} may hold 100 words or phrases of 200"):
            CaptionOptions(**{name: wrong})


@pytest.mark.parametrize(
    "said", [{"temperature": 0.5}, {"top_k": 1}, {"top_p": 1}, {"seed": 0}, {"seed": 1, "top_k": 2}]
)
def test_draws_are_told_by_their_options_and_have_no_beam(said: dict[str, Any]) -> None:
    options = CaptionOptions(**said)
    assert options.is_sampling
    assert options.all()["beam"] is None
    assert options.all()["temperature"] == said.get("temperature", 1)
    for beam in ({"beam": 3}, {"require": "dog"}):
        with pytest.raises(OptionError, match=r"goes with beam search, .* with sampling"):
            CaptionOptions(**said, **beam)
    assert CaptionOptions(**said, require=[]) == options


def test_a_least_length_beyond_the_usual_most_is_one_sentence() -> None:
    with pytest.raises(
        OptionError, match=r"min_length must be from 0 to max_length \(20\), not 21"
    ):
        CaptionOptions(min_length=21)
    assert CaptionOptions(min_length=21, max_length=21).min_length == 21


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()),
    st.just({}), st.just(10**5000), st.just(object()),
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONS, ANYTHING)))
def test_any_values_are_options_or_one_sentence(values: dict[str, Any]) -> None:
    try:
        options = CaptionOptions(**values)
    except OptionError as error:
        sentence = str(error)
    else:
        sentence = f"{hash(options)}."
        assert CaptionOptions(**options.all()).all() == options.all()
    assert sentence.endswith(".")
    assert len(sentence) < 200
