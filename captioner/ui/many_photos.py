"""Many photos: the part of the page where they are given, and what is asked about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from captioner.ui.downloads import FORMS
from captioner.ui.gallery import caption_photos, list_photos
from captioner.ui.html import element, in_both
from captioner.ui.service import Service
from captioner.ui.words import Words


def lay_out(service: Service) -> None:
    """Place the gallery, which the browser fills."""

    def listed(request: Any) -> dict[str, Any]:
        return list_photos(service, request)

    def captioned(request: Any) -> dict[str, Any]:
        return caption_photos(service, request)

    gr.HTML(
        None,
        html_template=gallery_html(),
        elem_id="gallery",
        server_functions=[listed, captioned],
        js_on_load="captioner.openGallery(element, server)",
    )


def gallery_html() -> str:
    """What stands around the cards: the field for files, how far it is, what can be done."""
    field = '<input type="file" multiple accept="image/*,.zip,*/*">'
    hint = element("span", in_both(lambda w: w.photos_hint), class_="hint")
    more = element("span", in_both(lambda w: w.more_hint), class_="more")
    area = element("label", field, hint, more, id="photos", class_="drop-area")
    progress = '<progress value="0" max="1" aria-labelledby="progress-count"></progress>'
    count = '<p id="progress-count"></p>'
    both = element(
        "label", '<input type="checkbox" class="both">', in_both(lambda w: w.both_languages),
        class_="check",
    )  # fmt: skip
    return element(
        "div",
        area,
        '<p role="alert" class="notice"></p>',
        '<div class="offer"></div>',
        element("div", progress, count, _button("stop", lambda w: w.stop), class_="run"),
        element("div", '<p role="status"></p>', _button("go-on", lambda w: w.go_on), class_="end"),
        both,
        _review_html(),
        '<ul class="cards"></ul>',
        element("span", in_both(lambda w: w.enlarge), id="say-enlarge", class_="unseen"),
        element("p", in_both(lambda w: w.kept_here), " ", _button("forget", lambda w: w.forget),
                class_="kept hint"),
        element("dialog", '<img alt="">', _button("close", lambda w: w.close), class_="large"),
        class_="album",
    )  # fmt: skip


def _review_html() -> str:
    """Above the cards: finding, sorting, replacing, downloading."""
    find = _field("filter", "search", lambda w: w.filter)
    sort = element(
        "button", in_both(lambda w: w.least_sure_first),
        type="button", class_="sort", aria_pressed="false",
    )  # fmt: skip
    replace = element(
        "details",
        element("summary", in_both(lambda w: w.replace)),
        element(
            "form",
            _field("from", "text", lambda w: w.replace_this),
            _field("to", "text", lambda w: w.replace_by),
            element("button", in_both(lambda w: w.replace_all), type="submit"),
        ),
        class_="replace",
    )
    label = element("span", in_both(lambda w: w.download), id="download-label")
    forms = [element("button", form, type="button", data_form=form) for form in FORMS]
    downloads = element(
        "div", label, *forms, class_="downloads", role="group", aria_labelledby="download-label"
    )
    again = _button("start-over", lambda w: w.again)
    return element(
        "div", element("div", find, sort, class_="tools"), replace,
        element("div", downloads, again, class_="tools"),
        element("p", in_both(lambda w: w.next_hint), class_="hint"), class_="review",
    )  # fmt: skip


def _field(name: str, kind: str, speak: Callable[[Words], str]) -> str:
    field = f'<input type="{kind}" class="{name}" autocomplete="off">'
    return element("label", element("span", in_both(speak)), field, class_="named")


def _button(name: str, speak: Callable[[Words], str]) -> str:
    return element("button", in_both(speak), type="button", class_=name)
