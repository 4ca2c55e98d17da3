"""A photo's sentences in HTML: how sure the model is of each, where it looked for each word."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import PurePath
from typing import TYPE_CHECKING

from captioner.ui.attention import described, places, tints
from captioner.ui.explanation import begin_key, gates, likely, search_html, what_if_html
from captioner.ui.html import element, text
from captioner.ui.numbers import probability
from captioner.ui.words import ENGLISH, Words

if TYPE_CHECKING:
    from captioner.captioning import Caption
    from captioner.model import ModelConfig
    from captioner.options import CaptionOptions
    from captioner.ui.captioning import Told

_WORTH_READING = 0.5  # of the best sentence's score, as it is shown
# What attention.js and player.js say.
_SAID_BY_SCRIPTS = (
    *("play", "pause", "here", "what_if_word", "the_end", "gates", "input_gate", "forget_gate"),
    *("output_gate", "about_gates", "cells", "by_model"),
)


def answer_html(
    told: Told,
    name: str,
    model: ModelConfig,
    words: Words,
    *,
    options: CaptionOptions,
    begin: Sequence[str] = (),
    name_of_model: str = "",
    note: str = "",
) -> str:
    """All sentences, of which the browser shows one at a time in full.

    Args:
        told: the caption with its alternatives.
        name: the photo's, after which a saved picture is called.
        model: which wrote them.
        words: the page's.
        options: by which they were written.
        begin: the words that they had to begin with.
        name_of_model: as a saved picture tells it.
        note: what else is to be said.
    """
    captions = worth_reading(told.caption, options)
    stem = PurePath(name).stem or "photo"
    parts = [
        what_if_html(begin, model.language, words),
        *(_sentence(number, caption, model, words) for number, caption in enumerate(captions)),
        element("p", text(note), class_="hint") if note else "",
        _choice(captions, options.is_sampling, words),
    ]
    return element(
        "div", *parts, class_="answer", data_name=stem, data_picture=told.kept.picture,
        data_key=begin_key(told.kept.path, model), data_model=name_of_model,
        data_says={own: getattr(words, own) for own in _SAID_BY_SCRIPTS},
    )  # fmt: skip


def worth_reading(best: Caption, options: CaptionOptions) -> tuple[Caption, ...]:
    """The sentences that are shown, best first and each once.

    Of those that the search found, none that was cut off where the best was not, and none that is
    far below it: they are what was left over.
    """
    longest = options.all()["max_length"]
    shown = {best.text: best}
    for other in best.alternatives:
        cut_off = len(other.tokens) >= longest > len(best.tokens)
        far = math.exp(other.score) < _WORTH_READING * math.exp(best.score)
        if options.is_sampling or not (cut_off or far):
            shown.setdefault(other.text, other)
    return tuple(shown.values())


def _sentence(number: int, caption: Caption, model: ModelConfig, words: Words) -> str:
    copy = element(
        "button", text(words.copy), type="button", class_="copy", data_copied=words.copied
    )
    spoken = element("p", text(caption.text), class_="sentence", lang=model.language)
    top = element("div", spoken, copy, class_="spoken")
    maps, shape = None, None
    if caption.attention is not None:
        maps, shape = tints(caption.attention), list(caption.attention.shape[1:])
    return element(
        "article", top, sureness(caption, model, words),
        _word_buttons(caption, model.language, words),
        search_html(caption, words),
        data_sentence=str(number), hidden=number > 0, data_maps=maps, data_grid=shape,
        data_likely=likely(caption), data_gates=gates(caption),
    )  # fmt: skip


def level_of(caption: Caption, model: ModelConfig) -> int | None:
    """How many of the model's limits the certainty has reached, which is one fewer than dots.

    None where the caption has no certainty, or where what the marks mean was not measured.
    """
    limits = model.certainty
    known = len(model.borne_out) == len(limits) + 1 == len(ENGLISH.sureness)
    if caption.certainty is None or not known:
        return None
    return sum(caption.certainty >= limit for limit in limits)


def sureness(caption: Caption, model: ModelConfig, words: Words) -> str:
    """How sure the model is: as so many of four dots, in words, in what that has meant for other
    sentences, and as a number.

    The number alone is said where the caption has no certainty, or where what the marks of this
    model mean was not measured.
    """
    because = element("span", text(words.sure_because.format(probability(caption.log_prob, words))))
    level = level_of(caption, model)
    if level is None:
        return element("p", because, class_="sure")
    dots = "●" * (level + 1) + "○" * (len(model.certainty) - level)
    measured = words.borne_out.format(f"{100 * model.borne_out[level]:.0f}\u00a0%")
    return element(
        "p", element("span", dots, class_="dots", aria_hidden="true"), " ",
        element("strong", text(words.sureness[level])), " ",
        element("span", text(measured)), " ", because,
        class_="sure",
    )  # fmt: skip


def _word_buttons(caption: Caption, language: str, words: Words) -> str:
    """One Tab stop for all words; page.js lets the arrow keys go from word to word."""
    if caption.attention is None:
        return ""
    buttons = [
        element(
            "button", text(token), type="button", lang=language, data_word=str(number),
            tabindex="0" if number == 0 else "-1", aria_pressed="false",
            aria_label=described(token, place, words),
        )
        for number, (token, place) in enumerate(
            zip(caption.tokens, places(caption.attention), strict=True)
        )
    ]  # fmt: skip
    play = element("button", text(words.play), type="button", class_="play", aria_pressed="false")
    hint = element("p", text(words.words_hint), class_="hint")
    row = element("div", *buttons, class_="words", role="toolbar", aria_label=words.words)
    return element("div", hint, play, class_="titled") + row + element("div", class_="thought")


def _choice(captions: tuple[Caption, ...], is_sampling: bool, words: Words) -> str:
    """All sentences in a list, one of which is pressed; a single one has no list."""
    heading = element("h2", text(words.draws if is_sampling else words.sentences))
    if is_sampling:
        again = element("button", text(words.draw_again), type="button", class_="draw")
        heading = element("div", heading, again, class_="titled")
    elif len(captions) == 1:
        return ""
    items = [
        element("li", _choice_button(number, caption, captions[0]))
        for number, caption in enumerate(captions)
    ]
    hint = element("p", text(words.sentences_hint), class_="hint")
    return element("section", heading, hint, element("ol", *items))


def _choice_button(number: int, caption: Caption, best: Caption) -> str:
    said = element("span", differing(caption, best), lang=caption.language)
    chance = math.exp(caption.score)
    shown = element("data", f"{100 * chance:.1f}", value=chance)
    pressed = "true" if number == 0 else "false"
    return element(
        "button", said, shown, type="button", data_choose=str(number), aria_pressed=pressed
    )


def differing(caption: Caption, other: Caption) -> str:
    """A sentence in HTML, with the words strong that the other one does not have there."""
    same = SequenceMatcher(None, other.tokens, caption.tokens, autojunk=False)
    shared = {
        n for block in same.get_matching_blocks() for n in range(block.b, block.b + block.size)
    }
    parts, done = [], 0
    for number, token in enumerate(caption.tokens):
        found = re.compile(re.escape(token), re.IGNORECASE).search(caption.text, done)
        if not found:  # spelt another way in the sentence than in the vocabulary
            continue
        spelt = text(found[0]) if number in shared else element("strong", text(found[0]))
        parts += [text(caption.text[done : found.start()]), spelt]
        done = found.end()
    return "".join(parts) + text(caption.text[done:])


def strip_html(words: Words) -> str:
    """Where page.js draws all maps of the sentence that is shown, and the button to save them."""
    heading = element("h2", text(words.strip))
    save = element("button", text(words.save), type="button", class_="save")
    canvas = element("canvas", role="img", aria_label=words.strip)
    return element("div", heading, save, class_="titled") + canvas
