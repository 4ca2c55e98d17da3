"""How a sentence came about, in HTML and as data for the browser."""

import json
import re

import pytest
import torch

from captioner.captioning import Branch, Caption, Trace, Word
from captioner.errors import OptionError
from captioner.ui.explanation import beginning, gates, likely, search_html, what_if_html
from captioner.ui.words import ENGLISH

A_DOG = Caption("a dog", ("a", "dog"), -1.0, -1.0, language="en")


def branch(words: str, log_prob: float, *, ended: bool = False, kept: bool = True) -> Branch:
    return Branch(tuple(words.split()), ended, log_prob, kept)


def shape(html: str) -> str:
    """The tree with its elements' names alone."""
    inner = html[html.index("<ul>") : html.rindex("</ul>") + 5]
    return re.sub(r"<(\w+)[^>]*>", r"<\1>", re.sub(r" <small>.*?</small>", "", inner))


def test_the_tree_has_what_was_kept_and_what_was_left_behind() -> None:
    steps = (
        (branch("a", -0.1), branch("<b>", -2.5), branch("the", -3.0, kept=False)),
        (
            *(branch("a dog", -0.4), branch("a cat", -1.5, kept=False)),
            *(branch("<b>", -4.0, ended=True, kept=False), branch("a x", -9.0, kept=False)),
        ),
        (branch("a dog", -0.5, ended=True), branch("a dog runs", -1.9)),
    )
    html = search_html(Caption(**{**vars(A_DOG), "search": steps}), ENGLISH)
    end = ENGLISH.tree_end
    assert shape(html) == (
        "<ul><li><strong>a</strong>"
        f"<ul><li><strong>dog</strong><ul><li><strong>{end}</strong></li>"
        "<li><span>runs</span></li></ul></li>"
        "<li><button><s>cat</s></button></li></ul></li>"  # "a x" is far too unlikely for a line
        f"<li><span>&lt;b&gt;</span><ul><li><s>{end}</s></li></ul></li>"
        "<li><button><s>the</s></button></li></ul>"
    )
    begins = [
        json.loads(own.replace("&quot;", '"')) for own in re.findall('data-begin="(.*?)"', html)
    ]
    assert begins == [["a", "cat"], ["the"]]
    assert search_html(A_DOG, ENGLISH) == ""


def test_a_search_that_was_begun_by_hand_has_its_tree_from_there() -> None:
    steps = ((branch("a dog", -1.0), branch("a cat", -2.0, kept=False)),)
    html = search_html(Caption(**{**vars(A_DOG), "search": steps}), ENGLISH)
    assert shape(html) == (
        "<ul><li><strong>dog</strong></li><li><button><s>cat</s></button></li></ul>"
    )


def test_gates_are_told_by_their_mean_over_all_units() -> None:
    halves = torch.tensor([[[0.0, 1.0]], [[0.2, 0.4]]])
    trace = Trace(halves, halves / 2, 1 - halves, halves)
    assert gates(Caption(**{**vars(A_DOG), "trace": trace})) == [[0.5, 0.25, 0.5], [0.3, 0.15, 0.7]]
    assert gates(A_DOG) is None


def test_the_likeliest_words_go_to_the_browser() -> None:
    words = (Word("a", 0.9, (("a", 0.9), ("", 0.1))),)
    told = Caption(**{**vars(A_DOG), "words": words})
    assert likely(told) == [["a", 0.9, [["a", 0.9], ["", 0.1]]]]
    assert likely(A_DOG) is None


@pytest.mark.parametrize("value", ["x", "[]", "{}", '{"key": "k"}', '{"key": "k", "words": "a"}',
                                   '{"key": "k", "words": [1]}', 3, "[" * 4000])  # fmt: skip
def test_a_beginning_of_another_form_gets_a_sentence(value: object) -> None:
    with pytest.raises(OptionError, match=r"^A beginning must be a list of words\.$"):
        beginning(value, "k")


def test_a_beginning_is_of_one_photo_and_one_vocabulary() -> None:
    chosen = json.dumps({"key": "k", "words": ["a", "horse"]})
    assert beginning(chosen, "k") == ("a", "horse")
    assert beginning(chosen, "another") == beginning("", "k") == beginning(None, "k") == ()


def test_what_it_had_to_begin_with_is_said_as_a_text() -> None:
    assert what_if_html((), "en", ENGLISH) == ""
    html = what_if_html(("a", "<b>"), "en", ENGLISH)
    assert '<q lang="en">a &lt;b&gt;</q>' in html
    assert ENGLISH.its_own in html
    assert '<q lang="zh">一只狗</q>' in what_if_html(("一只", "狗"), "zh", ENGLISH)
