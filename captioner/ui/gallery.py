"""Many photos in HTML: a card for each, how far it is, and the buttons for taking them home.

All of it is in both languages at once: the captions may have been corrected by hand when a visitor
changes the language, so nothing here is made again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from captioner.captions import Row
from captioner.ui.bulk import Captioned
from captioner.ui.downloads import FORMS
from captioner.ui.html import element, in_both, reason_html, text
from captioner.ui.words import sentence_of

if TYPE_CHECKING:
    from captioner.pipeline import Captioner

PACE = 0.4  # seconds between two changes of the gallery: each costs the browser some work


def galleries(
    results: Iterable[Captioned], total: int, captioner: Captioner, stopped: threading.Event
) -> Iterator[str]:
    """The gallery in HTML, again and again, until all results are in it or it is stopped."""
    cards: list[str] = []
    missing = 0
    shown = float("-inf")
    yield gallery_html(progress_html(0, total), cards)
    for result in results:
        missing += result.caption is None
        cards.append(card(len(cards), result, captioner))
        if stopped.is_set():
            break
        if len(cards) < total and time.monotonic() > shown + PACE:
            yield gallery_html(progress_html(len(cards), total), cards)
            shown = time.monotonic()
    head = end_html(len(cards), missing, total)
    yield gallery_html(head + downloads_html(), cards)


def gallery_html(head: str, cards: Sequence[str]) -> str:
    """What stands above the cards, and the cards."""
    return element("div", head, class_="head") + element("ul", *cards, class_="cards")


def progress_html(done: int, total: int) -> str:
    """How far it is."""
    bar = element("progress", value=done, max=total, aria_labelledby="progress-count")
    count = element("p", in_both(lambda w: w.progress.format(done, total)), id="progress-count")
    return bar + count


def end_html(done: int, missing: int, total: int) -> str:
    """How it went."""
    captioned = done - missing
    if done < total:
        said = in_both(lambda w: w.stopped.format(captioned, total))
    elif missing:
        said = in_both(lambda w: w.done_except.format(captioned, total))
    else:
        said = in_both(lambda w: w.done.format(total))
    return element("p", said, role="status")


def downloads_html() -> str:
    """A button for each form in which captions can be had."""
    label = element("span", in_both(lambda w: w.download), id="download-label")
    buttons = [element("button", form, type="button", data_form=form) for form in FORMS]
    return element(
        "div", label, *buttons,
        class_="downloads", role="group", aria_labelledby="download-label",
    )  # fmt: skip


def card(number: int, result: Captioned, captioner: Captioner) -> str:
    """A photo with its caption to be edited, or with the reason why it has none."""
    name = element("span", text(result.name), class_="name", id=f"card-{number}")
    if result.caption is None:
        said = element("p", reason_html(result.error), class_="reason")
        failed = Row(result.name, error=sentence_of(result.error)).as_dict()
        picture = element("span", class_="picture")
        return element("li", picture, element("div", name, said), data_row=failed)
    caption = result.caption
    edited = element(
        "textarea", text(caption.text), rows=2, lang=captioner.language,
        aria_labelledby=f"card-{number}",
    )  # fmt: skip
    picture = f'<img class="picture" alt="{text(caption.text)}" src="{result.picture}">'
    row = replace(caption.row(result.name, captioner.name), alternatives=())
    return element("li", picture, element("div", name, edited), data_row=row.as_dict())
