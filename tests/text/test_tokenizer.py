"""Which tokenizers there are: languages, their units, and what is said of others."""

import pytest

from captioner.errors import OptionError
from captioner.text import LANGUAGES, tokenizer, units


def test_each_language_has_the_fields_own_unit_first() -> None:
    assert {language: units(language) for language in LANGUAGES} == {
        "en": ("word",),
        "zh": ("word", "character"),
    }


def test_a_unit_is_chosen_by_name_and_is_the_first_without() -> None:
    assert tokenizer("en").tokenize("A dog.") == ["a", "dog"]
    assert tokenizer("zh", "character").tokenize("女孩。") == ["女", "孩"]
    assert tokenizer("zh", "word").tokenize("女孩。") == ["女孩"]
    assert tokenizer("zh") == tokenizer("zh", "") == tokenizer("zh", "word")
    assert tokenizer("zh").detokenize(["女孩", "笑"]) == "女孩笑"


@pytest.mark.parametrize(
    ("language", "unit", "said"),
    [
        ("xx", None, "no tokenizer for language 'xx'; there is: en, zh"),
        ("zh", "letter", "no unit 'letter' for language 'zh'; there is: word, character"),
        ("en", "character", "no unit 'character' for language 'en'; there is: word"),
    ],
)
def test_what_there_is_not_is_answered_with_what_there_is(
    language: str, unit: str | None, said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        tokenizer(language, unit)


def test_units_of_an_unknown_language_are_refused() -> None:
    with pytest.raises(OptionError, match="language 'xx'"):
        units("xx")
