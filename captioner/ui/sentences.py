"""A photo's sentences in HTML: how sure the model is of each, where it looked for each word."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING

from captioner.ui.attention import described, shades
from captioner.ui.html import element, text
from captioner.ui.words import Words

if TYPE_CHECKING:
    from captioner.model import ModelConfig
    from captioner.pipeline import Caption
    from captioner.ui.captioning import Told


def answer_html(told: Told, name: str, model: ModelConfig, words: Words, note: str = "") -> str:
    """All sentences, of which the browser shows one at a time in full.

    Args:
        told: the caption with its alternatives.
        name: the photo's, after which a saved picture is called.
        model: which wrote them.
        words: the page's.
        note: what else is to be said.
    """
    captions = (told.caption, *told.caption.alternatives)
    stem = PurePath(name).stem or "photo"
    parts = [
        *(_sentence(number, caption, model, words) for number, caption in enumerate(captions)),
        element("p", text(note), class_="hint") if note else "",
        _choice(captions, model.language, words) if len(captions) > 1 else "",
    ]
    return element("div", *parts, class_="answer", data_name=stem, data_picture=told.kept.picture)


def _sentence(number: int, caption: Caption, model: ModelConfig, words: Words) -> str:
    copy = element(
        "button", text(words.copy), type="button", class_="copy", data_copied=words.copied
    )
    spoken = element("p", text(caption.text), class_="sentence", lang=model.language)
    top = element("div", spoken, copy, class_="spoken")
    maps, shape = None, None
    if caption.attention is not None:
        maps, shape = shades(caption.attention), list(caption.attention.shape[1:])
    return element(
        "article", top, sureness(caption, model.certainty, words),
        _word_buttons(caption, model.language, words),
        data_sentence=str(number), hidden=number > 0, data_maps=maps, data_grid=shape,
    )  # fmt: skip


def sureness(caption: Caption, limits: tuple[float, ...], words: Words) -> str:
    """How sure the model is: as so many of four dots, in words, and as a number.

    limits: of certainty, at which each of `Words.sureness` after the first begins; the number alone
        is said where they are unknown.
    """
    because = element("span", text(words.sure_because.format(probability(caption.log_prob, words))))
    if len(limits) != len(words.sureness) - 1:
        return element("p", because, class_="sure")
    level = sum(caption.certainty >= limit for limit in limits)
    dots = "●" * (level + 1) + "○" * (len(limits) - level)
    return element(
        "p", element("span", dots, class_="dots", aria_hidden="true"), " ",
        element("strong", text(words.sureness[level])), " ", because,
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
            aria_label=described(token, own, words),
        )
        for number, (token, own) in enumerate(zip(caption.tokens, caption.attention, strict=True))
    ]  # fmt: skip
    hint = element("p", text(words.words_hint), class_="hint")
    return hint + element("div", *buttons, class_="words", role="toolbar", aria_label=words.words)


def _choice(captions: tuple[Caption, ...], language: str, words: Words) -> str:
    """All sentences in a list, one of which is pressed."""
    items = [
        element("li", _choice_button(number, caption, language, words))
        for number, caption in enumerate(captions)
    ]
    heading = element("h2", text(words.sentences))
    return element("section", heading, element("ol", *items))


def _choice_button(number: int, caption: Caption, language: str, words: Words) -> str:
    said = element("span", text(caption.text), lang=language)
    shown = probability(caption.log_prob, words)
    chance = element("data", shown, value=math.exp(caption.log_prob))
    pressed = "true" if number == 0 else "false"
    return element(
        "button", said, chance, type="button", data_choose=str(number), aria_pressed=pressed
    )


def strip_html(words: Words) -> str:
    """Where page.js draws all maps of the sentence that is shown, and the button to save them."""
    heading = element("h2", text(words.strip))
    save = element("button", text(words.save), type="button", class_="save")
    canvas = element("canvas", role="img", aria_label=words.strip)
    return element("div", heading, save, class_="titled") + canvas


def probability(log_prob: float, words: Words) -> str:
    """Say a log-probability so that a person can compare it: 4.1 %, or 1 in 160,000."""
    value = math.exp(log_prob)
    if value >= 0.001:
        return (f"{100 * value:.0f}" if value >= 0.0995 else f"{100 * value:#.2g}") + "\u00a0%"
    return words.one_in.format(_large_number(math.exp(min(-log_prob, 60)), words))


def _large_number(value: float, words: Words) -> str:
    """With two digits that mean something, and the language's own words for many zeros."""
    value = float(f"{value:.1e}")
    size, name = next((unit for unit in words.numbers if value >= unit[0]), (1, ""))
    digits = 1 if size > 1 and value < 10 * size else 0
    return f"{value / size:,.{digits}f}\u00a0{name}".rstrip("\u00a0")
