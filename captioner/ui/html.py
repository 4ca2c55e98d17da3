"""Small pieces of HTML that several parts of the page are made of; all text in them is escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from captioner.images import thumbnail
from captioner.messages import translate
from captioner.ui.words import WORDS, Words, sentence_of

if TYPE_CHECKING:
    from PIL import Image

_SMALL = 320  # pixels on the longer side


def element(name: str, *content: str, **attributes: Any) -> str:
    """An element around HTML; a trailing underscore of an attribute is dropped, others are `-`.

    An attribute that is None or False is left out, one that is True has no value, and a list
    becomes JSON.
    """
    return f"<{name}{''.join(map(_attribute, attributes.items()))}>{''.join(content)}</{name}>"


def _attribute(pair: tuple[str, Any]) -> str:
    name, value = pair[0].rstrip("_").replace("_", "-"), pair[1]
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    spelt = json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
    return f' {name}="{text(spelt)}"'


def text(value: Any) -> str:
    """A text as HTML that shows it, whatever it holds; fit for attributes, too."""
    return html.escape(str(value))


def contents_html(*content: str) -> str:
    """What a script fills in the place of gradio, which knows nothing of it."""
    return element("div", *content, class_="contents")


def in_both(speak: Callable[[Words], str]) -> str:
    """What is said in both languages, of which the page shows its own."""
    return "".join(
        element("span", text(speak(words)), class_=f"in-{code}", lang=code)
        for code, words in WORDS.items()
    )


def reason_html(error: Exception | None) -> str:
    """What went wrong, as a sentence in both languages."""
    return "".join(
        element("span", text(translate(sentence_of(error), code)), class_=f"in-{code}", lang=code)
        for code in WORDS
    )


def problem_html(error: Exception, **attributes: Any) -> str:
    """The same as a message that a screen reader says at once."""
    return element("p", reason_html(error), role="alert", **attributes)


def small_picture(image: Image.Image) -> str:
    """A photo, made small, as an address that holds all of it: nothing is kept on a disk."""
    return thumbnail(image, _SMALL)
