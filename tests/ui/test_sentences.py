"""A photo's sentences in HTML, parsed as a browser would."""

import json
import math
from html.parser import HTMLParser
from typing import Any

import pytest
import torch

from captioner.errors import ImageError
from captioner.images import Preprocessing
from captioner.model import DecoderConfig, EncoderConfig, ModelConfig
from captioner.pipeline import Caption
from captioner.ui.attention import shades
from captioner.ui.captioning import Kept, Told
from captioner.ui.html import element, problem_html
from captioner.ui.sentences import answer_html, probability, sureness
from captioner.ui.words import CHINESE, ENGLISH


class Page(HTMLParser):
    """Every element with its attributes and the text directly inside."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any], str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.elements.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        tag, attributes, text = self.elements[-1]
        self.elements[-1] = (tag, attributes, text + data)

    def having(self, attribute: str) -> list[tuple[dict[str, Any], str]]:
        return [(own, text) for _, own, text in self.elements if attribute in own]

    def of_class(self, name: str) -> list[str]:
        return [text for _, own, text in self.elements if own.get("class") == name]


def sentence(text: str, probability: float, **more: Any) -> Caption:
    words = tuple(text.split())
    generator = torch.Generator().manual_seed(len(words))
    maps = torch.rand(len(words), 3, 4, generator=generator)
    return Caption(text, words, math.log(probability), 0.0, maps, **more)


NASTY = "a <b onclick=\"x\">dog</b> & 'cat'"
BEST = sentence("a dog", 0.041, alternatives=(sentence(NASTY, 0.02), sentence("it", 0.0001)))
CONFIG = ModelConfig(
    EncoderConfig("mobilenet_v2"),
    DecoderConfig(),
    Preprocessing(),
    certainty=(0.3, 0.35, 0.4),
)
TOLD = Told(BEST, Kept("/tmp/x.jpg", "data:image/jpeg;base64,AA"))


@pytest.fixture
def page() -> Page:
    return Page(answer_html(TOLD, 'my "<i>dog".jpg', CONFIG, ENGLISH))


def test_all_sentences_are_there_and_the_best_is_shown(page: Page) -> None:
    assert page.of_class("sentence") == ["a dog", NASTY, "it"]
    shown = [own["data-sentence"] for own, _ in page.having("data-sentence") if "hidden" not in own]
    assert shown == ["0"]


def test_each_can_be_chosen_and_says_its_probability(page: Page) -> None:
    buttons = page.having("data-choose")
    assert [own["data-choose"] for own, _ in buttons] == ["0", "1", "2"]
    assert [own["aria-pressed"] for own, _ in buttons] == ["true", "false", "false"]
    listed = [(tag, text) for tag, _, text in page.elements if tag == "data"]
    assert listed == [("data", said) for said in ("4.1\u00a0%", "2.0\u00a0%", "1 in 10,000")]


def test_nothing_in_a_sentence_or_name_becomes_html(page: Page) -> None:
    assert not {"b", "i"} & {tag for tag, _, _ in page.elements}
    assert page.having("data-name")[0][0]["data-name"] == 'my "<i>dog"'
    assert not page.having("onclick")


def test_each_word_is_a_button_with_its_map(page: Page) -> None:
    words = [text for _, text in page.having("data-word")]
    assert words == ["a", "dog", *NASTY.split(), "it"]
    for (own, _), caption in zip(page.having("data-maps"), (BEST, *BEST.alternatives), strict=True):
        assert json.loads(own["data-grid"]) == [3, 4]
        assert json.loads(own["data-maps"]) == shades(caption.attention)


def test_tab_stops_once_at_the_words_of_a_sentence(page: Page) -> None:
    stops = [own["data-word"] for own, _ in page.having("data-word") if own["tabindex"] == "0"]
    assert stops == ["0", "0", "0"]


def test_a_word_button_says_where_the_model_looked(page: Page) -> None:
    labels = [own["aria-label"] for own, _ in page.having("data-word")]
    assert all(": looked at the " in label for label in labels)


def test_a_model_without_attention_has_no_words_and_no_strip() -> None:
    blind = Caption("a dog", ("a", "dog"), -1.0, -1.0)
    page = Page(answer_html(Told(blind, TOLD.kept), "x.jpg", CONFIG, ENGLISH))
    assert page.of_class("sentence") == ["a dog"]
    assert not page.having("data-word")
    assert not page.having("data-choose")
    assert "canvas" not in {tag for tag, _, _ in page.elements}


def test_the_sentence_is_in_the_models_language_and_the_rest_in_the_pages() -> None:
    html = answer_html(TOLD, "x.jpg", CONFIG, CHINESE, "附言")
    assert CHINESE.copy in html
    assert "附言" in html
    assert ENGLISH.copy not in html
    page = Page(html)
    said = [own for _, own, _ in page.elements if own.get("class") == "sentence"]
    assert {own["lang"] for own in said} == {"en"}


@pytest.mark.parametrize(
    ("each_word", "level", "dots"),
    [(0.9, 3, "●●●●"), (0.36, 2, "●●●○"), (0.32, 1, "●●○○"), (0.2, 0, "●○○○")],
)
def test_sureness_goes_by_the_mean_probability_of_a_word(
    each_word: float, level: int, dots: str
) -> None:
    caption = Caption("a dog", ("a", "dog"), 3 * math.log(each_word), 0.0)
    said = sureness(caption, CONFIG.certainty, ENGLISH)
    assert ENGLISH.sureness[level] in said
    assert dots in said
    assert f"{probability(3 * math.log(each_word), ENGLISH)}." in said
    unknown = sureness(caption, (), ENGLISH)
    assert f"{probability(3 * math.log(each_word), ENGLISH)}." in unknown
    assert not any(word in unknown for word in (*ENGLISH.sureness, "●"))


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (1.0, "100 %", "100 %"),
        (0.123, "12 %", "12 %"),
        (0.0996, "10 %", "10 %"),
        (0.041, "4.1 %", "4.1 %"),
        (0.03, "3.0 %", "3.0 %"),
        (0.001, "0.10 %", "0.10 %"),
        (1 / 1234, "1 in 1,200", "1,200分之一"),
        (1 / 98765, "1 in 99,000", "9.9 万分之一"),
        (1 / 1.6e5, "1 in 160,000", "16 万分之一"),
        (1 / 3.2e6, "1 in 3.2 million", "320 万分之一"),
        (1 / 4.7e10, "1 in 47 billion", "470 亿分之一"),
        (1 / 5.6e15, "1 in 5,600 trillion", "5,600 万亿分之一"),
    ],
)
def test_probabilities_are_said_with_two_digits(value: float, english: str, chinese: str) -> None:
    for words, said in ((ENGLISH, english), (CHINESE, chinese)):
        assert probability(math.log(value), words).replace("\u00a0", " ") == said


def test_the_least_probability_can_be_said() -> None:
    assert "trillion" in probability(-2000.0, ENGLISH)


def test_an_element_leaves_out_what_is_not_so() -> None:
    assert element("p", "x", hidden=True, id=None, lang=False) == "<p hidden>x</p>"
    assert element("b", class_="c", data_a=[1, "<"]) == (
        '<b class="c" data-a="[1,&quot;&lt;&quot;]"></b>'
    )


def test_a_problem_is_said_in_both_languages_and_never_as_html() -> None:
    html = problem_html(ImageError("{} is empty.", "<img src=x>.jpg"))
    page = Page(html)
    assert page.of_class("in-en") == ["<img src=x>.jpg is empty."]
    assert page.of_class("in-zh") == ["<img src=x>.jpg 是空文件。"]
    assert page.elements[0][1] == {"role": "alert"}
