"""The page's example pictures, with the shipped model: what the page says of them is true."""

import pytest

import captioner
from captioner.ui.middleware import EXAMPLES
from captioner.ui.options import TOP
from captioner.ui.words import WORDS

pytestmark = pytest.mark.skipif(not captioner.available_models(), reason="weights/ holds no model")

SEEN = {
    "en": {"beach": "two people", "dog": "black dog", "skier": "skiing", "surfer": "surfboard"},
    "zh": {"beach": "两个人", "dog": "狗", "skier": "滑雪", "surfer": "冲浪"},
}
WRONG = {"en": "snowman", "zh": "雪人"}


@pytest.mark.parametrize("language", WORDS)
def test_each_example_is_told_rightly_but_the_one_that_is_to_be_wrong(language: str) -> None:
    model = captioner.load_model().in_language(language)
    names = [path.rpartition("/")[2].removesuffix(".jpg") for path in EXAMPLES]
    assert names == ["beach", "dog", "skier", "snowman", "surfer"]  # as `example_names` are
    options = captioner.CaptionOptions(beam=TOP, top=TOP)
    said = {
        name: model.caption(photo, options).text
        for name, photo in zip(names, EXAMPLES.values(), strict=True)
    }
    assert {name: word for name, word in SEEN[language].items() if word not in said[name]} == {}
    assert WRONG[language] not in said["snowman"]
