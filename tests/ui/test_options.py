"""What a visitor chooses is what the captioner is asked for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner import Captioner, CaptionOptions
from captioner.errors import OptionError
from captioner.messages import translate
from captioner.ui.options import check, chosen, listed, visitor


def test_the_pages_fields_become_the_captioners_options() -> None:
    assert chosen(4.0, 2, 9, False, 0.7, 3, "red ball， dog", "a;the") == CaptionOptions(
        beam=4, top=2, max_length=9, require=["red ball", "dog"], avoid=["a", "the"]
    )


def test_a_draw_has_no_beam_and_no_words_that_must_appear() -> None:
    assert chosen(4, 2, 9, True, 0.7, None, "dog", None) == CaptionOptions(
        top=2, max_length=9, temperature=0.7, seed=0
    )


def test_an_emptied_field_says_nothing_and_a_wrong_one_is_called_as_on_the_page() -> None:
    assert chosen(None, None, None, False, 1, 1, None, None) == CaptionOptions()
    with pytest.raises(OptionError) as wrong:
        chosen(4, 99, 9, False, 0.7, 1, "", "")
    assert str(wrong.value).startswith("How many sentences must be a whole number from 1 to 10")
    assert translate(wrong.value, "zh").startswith("句子数量")


@pytest.mark.parametrize("sampling", [False, True])
def test_the_captioner_takes_them(tiny: Captioner, sampling: bool) -> None:
    from PIL import Image

    options = chosen(3, 5, 6, sampling, 1.0, 1, "ball", "dog")
    caption = tiny.caption(Image.new("RGB", (9, 9)), options)
    words = [word for one in (caption, *caption.alternatives) for word in one.tokens]
    assert "dog" not in words
    assert sampling or "ball" in caption.tokens


@pytest.mark.parametrize("sampling", [None, 1, "true"])
def test_whether_to_draw_is_true_or_false(sampling: Any) -> None:
    with pytest.raises(OptionError, match=r"^sampling must be true or false"):
        chosen(3, 5, 6, sampling, 1.0, 1, "", "")


def test_words_are_separated_in_either_languages_way() -> None:
    assert listed(" dog, red ball;猫、狗，\n 鸟 ,, ") == ("dog", "red ball", "猫", "狗", "鸟")
    assert listed(None) == listed("") == ()


def test_no_model_is_the_languages_own() -> None:
    assert visitor("zh", None, 3, 1, 9, False, 1, 1, "", "").model == ""


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()),
    st.just({}), st.just(10**5000),
)  # fmt: skip


@given(st.tuples(*[ANYTHING] * 8))
def test_any_values_of_the_fields_are_options_or_one_sentence(values: tuple[Any, ...]) -> None:
    try:
        sentence = f"{len(repr(chosen(*values)))}."
    except OptionError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    assert len(sentence) < 200


def test_very_many_words_that_must_appear_are_not_searched_for(tiny: Captioner) -> None:
    check(CaptionOptions(require=("a dog runs near grass",), beam=6), tiny)
    check(CaptionOptions(seed=1), tiny)
    for options, most in (
        (CaptionOptions(require=("dog",) * 6, beam=6), 5),
        (CaptionOptions(require=("a",) * 11, beam=1), 10),
    ):
        with pytest.raises(OptionError, match=f"at most {most} are searched for here"):
            check(options, tiny)
    with pytest.raises(OptionError, match="does not know the word 'xyz'"):
        check(CaptionOptions(require=("xyz",)), tiny)
