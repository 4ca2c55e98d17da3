"""What a visitor chooses is what the captioner is asked for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner import Captioner
from captioner.errors import OptionError
from captioner.ui.options import Choices, chosen, listed, visitor


def test_the_pages_fields_become_the_captioners_options() -> None:
    choices = chosen(4.0, 2, 9, False, 0.7, 3, "red ball， dog", "a;the")
    assert choices.options() == {
        "beam": 4, "top": 2, "max_length": 9, "sampling": False,
        "include": ("red ball", "dog"), "avoid": ("a", "the"),
    }  # fmt: skip


def test_a_draw_has_no_beam_and_no_words_that_must_appear() -> None:
    choices = chosen(4, 2, 9, True, 0.7, None, "dog", None)
    assert choices.options() == {
        "top": 2, "max_length": 9, "sampling": True, "temperature": 0.7, "seed": 0, "avoid": (),
    }  # fmt: skip


@pytest.mark.parametrize("sampling", [False, True])
def test_the_captioner_takes_them(tiny: Captioner, sampling: bool) -> None:
    from PIL import Image

    options = chosen(3, 5, 6, sampling, 1.0, 1, "ball", "dog").options()
    caption = tiny.caption(Image.new("RGB", (9, 9)), **options)
    words = [word for one in (caption, *caption.alternatives) for word in one.tokens]
    assert "dog" not in words
    assert sampling or "ball" in caption.tokens


@pytest.mark.parametrize(
    "wrong",
    [
        {"beam": 0}, {"beam": 11}, {"top": 0}, {"top": 11}, {"max_length": 0}, {"max_length": 31},
        {"seed": -1}, {"seed": 10**18}, {"sampling": True, "include": ("dog",)},
    ],
)  # fmt: skip
def test_what_would_take_too_long_or_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"^{next(iter(wrong))}|^include"):
        Choices(**wrong)


def test_words_are_separated_in_either_languages_way() -> None:
    assert listed(" dog, red ball;猫、狗，\n 鸟 ,, ") == ("dog", "red ball", "猫", "狗", "鸟")
    assert listed(None) == listed("") == ()


def test_no_model_is_the_languages_own() -> None:
    assert visitor("zh", None, 3, 1, 9, False, 1, 1, "", "").model == ""


@given(st.fixed_dictionaries({}, optional={
    name: st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
    | st.just({}) | st.just(10**5000) for name in Choices.__dataclass_fields__
}))  # fmt: skip
def test_any_values_are_choices_or_one_sentence(values: dict[str, Any]) -> None:
    try:
        choices = Choices(**values)
    except OptionError as error:
        sentence = str(error)
    else:
        sentence = "none."
        assert isinstance(hash(choices), int)
        assert type(choices.beam) is type(choices.top) is type(choices.seed) is int
    assert len(sentence) < 200


def test_very_many_words_that_must_appear_are_not_searched_for(tiny: Captioner) -> None:
    Choices(include=("a dog runs on grass",), beam=6).check(tiny)
    for choices, most in (
        (Choices(include=("dog",) * 6, beam=6), 5),
        (Choices(include=("a",) * 11, beam=1), 10),
    ):
        with pytest.raises(OptionError, match=f"at most {most} are searched for here"):
            choices.check(tiny)
    with pytest.raises(OptionError, match="does not know the word 'xyz'"):
        Choices(include=("xyz",)).check(tiny)
