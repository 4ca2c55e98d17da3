"""A photo's sentences in HTML, parsed as a browser would."""

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
import torch

from captioner.captioning import Caption, Word
from captioner.errors import ImageError
from captioner.images import Preprocessing
from captioner.model import DecoderConfig, EncoderConfig, ModelConfig
from captioner.options import CaptionOptions
from captioner.ui.attention import tints
from captioner.ui.captioning import Kept, Told
from captioner.ui.html import element, problem_html
from captioner.ui.numbers import probability
from captioner.ui.sentences import (
    answer_html,
    differing,
    sureness,
    worth_reading,
)
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
    """Its score is as if each sentence were one word long."""
    words = tuple(text.split())
    generator = torch.Generator().manual_seed(len(words))
    maps = torch.rand(len(words), 3, 4, generator=generator)
    log_prob = math.log(probability)
    return Caption(text, words, log_prob, log_prob, maps, language="en", **more)


NASTY = "a <b onclick=\"x\">dog</b> & 'cat'"
BEST = sentence("a dog", 0.041, alternatives=(sentence(NASTY, 0.036), sentence("it", 0.021)))
CONFIG = ModelConfig(
    EncoderConfig("mobilenet_v2"),
    DecoderConfig(),
    Preprocessing(),
    certainty=(0.3, 0.35, 0.4),
    borne_out=(0.504, 0.59, 0.67, 0.77),
)
BEAMS, DRAWS = CaptionOptions(beam=5, top=5), CaptionOptions(seed=1, top=5)
TOLD = Told(BEST, Kept("/tmp/x.jpg", "data:image/jpeg;base64,AA"))


@pytest.fixture
def page() -> Page:
    return Page(answer_html(TOLD, 'my "<i>dog".jpg', CONFIG, ENGLISH, options=BEAMS))


def test_all_sentences_are_there_and_the_best_is_shown(page: Page) -> None:
    assert page.of_class("sentence") == ["a dog", NASTY, "it"]
    shown = [own["data-sentence"] for own, _ in page.having("data-sentence") if "hidden" not in own]
    assert shown == ["0"]


def test_each_can_be_chosen_and_says_its_score(page: Page) -> None:
    buttons = page.having("data-choose")
    assert [own["data-choose"] for own, _ in buttons] == ["0", "1", "2"]
    assert [own["aria-pressed"] for own, _ in buttons] == ["true", "false", "false"]
    listed = [(tag, text) for tag, _, text in page.elements if tag == "data"]
    assert listed == [("data", said) for said in ("4.1", "3.6", "2.1")]


def test_the_list_has_each_sentence_once_and_nothing_that_was_left_over() -> None:
    def shown(*others: Caption, options: CaptionOptions = BEAMS) -> list[str]:
        best = sentence("a dog runs", 0.5, alternatives=others)
        return [own.text for own in worth_reading(best, options)]

    half, far = sentence("a cat runs", 0.26), sentence("a group of", 0.24)
    cut_off = sentence("a dog and", 0.4)
    short = CaptionOptions(beam=5, top=5, max_length=3)
    assert shown(half, far) == ["a dog runs", "a cat runs"]
    assert shown(half, half) == ["a dog runs", "a cat runs"]
    assert shown(half, far, half, options=DRAWS) == ["a dog runs", "a cat runs", "a group of"]
    assert shown(cut_off, options=short) == ["a dog runs", "a dog and"]  # so is the best
    longer = CaptionOptions(beam=5, top=5, max_length=4)
    assert shown(sentence("a dog and a", 0.4), options=longer) == ["a dog runs"]


def test_the_words_that_differ_from_the_best_are_strong() -> None:
    best = sentence("a brown dog runs on grass", 0.5)
    other = replace(
        sentence("", 0.4), text="A brown <cat> runs on the grass.",
        tokens=("a", "brown", "<cat>", "runs", "on", "the", "grass"),
    )  # fmt: skip
    assert differing(other, best) == (
        "A brown <strong>&lt;cat&gt;</strong> runs on <strong>the</strong> grass."
    )
    chinese = Caption("一只猫", ("一只", "猫"), -1.0, -1.0)
    assert differing(chinese, replace(chinese, tokens=("一只", "狗"))) == "一只<strong>猫</strong>"


def test_draws_have_a_heading_of_their_own_and_can_be_drawn_again() -> None:
    drawn = Page(answer_html(TOLD, "x.jpg", CONFIG, CHINESE, options=DRAWS))
    headings = [text for tag, _, text in drawn.elements if tag == "h2"]
    assert headings == [CHINESE.draws]
    assert drawn.of_class("draw") == [CHINESE.draw_again]
    alone = Told(replace(BEST, alternatives=()), TOLD.kept)
    again = Page(answer_html(alone, "x.jpg", CONFIG, ENGLISH, options=DRAWS))
    assert again.of_class("draw") == [ENGLISH.draw_again]
    assert not Page(answer_html(alone, "x.jpg", CONFIG, ENGLISH, options=BEAMS)).having(
        "data-choose"
    )


def test_nothing_in_a_sentence_or_name_becomes_html(page: Page) -> None:
    assert not {"b", "i"} & {tag for tag, _, _ in page.elements}
    assert page.having("data-name")[0][0]["data-name"] == 'my "<i>dog"'
    assert not page.having("onclick")


def test_each_word_is_a_button_with_its_map(page: Page) -> None:
    words = [text for _, text in page.having("data-word")]
    assert words == ["a", "dog", *NASTY.split(), "it"]
    for (own, _), caption in zip(page.having("data-maps"), (BEST, *BEST.alternatives), strict=True):
        assert json.loads(own["data-grid"]) == [3, 4]
        assert json.loads(own["data-maps"]) == tints(caption.attention)


def test_tab_stops_once_at_the_words_of_a_sentence(page: Page) -> None:
    stops = [own["data-word"] for own, _ in page.having("data-word") if own["tabindex"] == "0"]
    assert stops == ["0", "0", "0"]


def test_a_word_button_says_where_the_model_looked(page: Page) -> None:
    labels = [own["aria-label"] for own, _ in page.having("data-word")]
    assert all(": looked at the " in label for label in labels)


def test_a_model_without_attention_has_no_words_and_no_strip() -> None:
    blind = Caption("a dog", ("a", "dog"), -1.0, -1.0)
    page = Page(answer_html(Told(blind, TOLD.kept), "x.jpg", CONFIG, ENGLISH, options=BEAMS))
    assert page.of_class("sentence") == ["a dog"]
    assert not page.having("data-word")
    assert not page.having("data-choose")
    assert "canvas" not in {tag for tag, _, _ in page.elements}


def test_the_sentence_is_in_the_models_language_and_the_rest_in_the_pages() -> None:
    html = answer_html(TOLD, "x.jpg", CONFIG, CHINESE, options=BEAMS, note="附言")
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
def test_sureness_goes_by_the_words_that_tell_what_is_there(
    each_word: float, level: int, dots: str
) -> None:
    words = (Word("a", 0.001, ()), Word("dog", each_word, ()), Word("", 0.9, ()))
    caption = replace(BEST, words=words)
    number = f"{probability(caption.log_prob, ENGLISH)}."
    said = sureness(caption, CONFIG, ENGLISH)
    assert ENGLISH.sureness[level] in said
    assert dots in said
    assert f"people used {('50', '59', '67', '77')[level]}\u00a0% for" in said
    assert number in said
    unmeasured = replace(CONFIG, borne_out=())
    for own, config in ((caption, unmeasured), (replace(caption, words=()), CONFIG)):
        unknown = sureness(own, config, ENGLISH)
        assert number in unknown
        assert not any(word in unknown for word in (*ENGLISH.sureness, "●", "people"))


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (1.0, "100 %", "100 %"),
        (0.123, "12 %", "12 %"),
        (0.0996, "10 %", "10 %"),
        (0.041, "4.1 %", "4.1 %"),
        (0.03, "3.0 %", "3.0 %"),
        (0.001, "0.10 %", "0.10 %"),
        (1 / 1234, "1 in 1,200", "1/1,200"),
        (1 / 98765, "1 in 99,000", "1/99,000"),
        (1 / 1.6e5, "1 in 160,000", "1/160,000"),
        (1 / 3.2e6, "1 in 3.2 million", "1/3,200,000"),
        (1 / 4.7e10, "1 in 47 billion", "1/470 亿"),
        (1 / 5.6e15, "1 in 5,600 trillion", "1/5,600 万亿"),
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
