"""One photo: the part of the page where it is given, and what happens then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from captioner.errors import CaptionerError
from captioner.ui.captioning import Kept, tell
from captioner.ui.html import element, in_both, problem_html, reason_html, text
from captioner.ui.i18n import Texts
from captioner.ui.options import Visitor, visitor
from captioner.ui.options_form import Fields
from captioner.ui.sentences import answer_html, strip_html
from captioner.ui.service import Service
from captioner.ui.words import ENGLISH, WORDS, Words

if TYPE_CHECKING:
    from captioner.pipeline import Captioner
    from captioner.ui.uploads import Upload


class OnePhoto(NamedTuple):
    """The components: the photo, and what the page says about it."""

    photo: gr.HTML
    problem: gr.HTML
    sentences: gr.HTML
    both: gr.Checkbox


def lay_out_strip(texts: Texts) -> None:
    """Place the words' maps, all in a row; the browser draws them."""
    texts.say(gr.HTML(elem_id="strip"), value=strip_html)


def lay_out(texts: Texts) -> OnePhoto:
    """Place the components."""
    photo = gr.HTML(
        None,
        html_template=photo_box_html(),
        elem_id="photo",
        js_on_load="captioner.openPhoto(element, props, trigger)",
    )
    problem = gr.HTML(elem_id="problem", elem_classes="problem")
    sentences = gr.HTML(
        waiting_html(ENGLISH),
        elem_id="answer",
        js_on_load="captioner.answered(element); watch('value', () => captioner.answered(element))",
    )
    both = texts.say(
        gr.Checkbox(False, container=False, elem_id="both"), label=lambda w: w.both_languages
    )
    return OnePhoto(photo, problem, sentences, both)


def connect(service: Service, one: OnePhoto, language: gr.Radio, how: Fields) -> None:
    """Answer a photo, and answer it again whenever something else is chosen."""
    kept = gr.State(None, time_to_live=service.keep_seconds)

    def answer_visitor(photo: object, known: Kept | None, both: object, *fields: Any) -> Answer:
        try:
            return answer(service, photo, known, visitor(*fields), both is True)
        except Exception as error:
            return Answer("", problem_html(error), known)

    # The file goes to the captioner untouched (`preprocess=False`): gradio would open it itself,
    # and fail with a traceback on what is no image.
    gr.on(
        [one.photo.upload, one.both.change, language.change, *how.changes()],
        answer_visitor,
        [one.photo, kept, one.both, language, *how],
        [one.sentences, one.problem, kept],
        preprocess=False,
        show_progress="minimal",
        show_progress_on=one.sentences,
        trigger_mode="always_last",
        js="(...values) => captioner.whenThere(...values)",
        api_visibility="private",
    )


def photo_box_html() -> str:
    """The box for a photo; photo.js does what happens in it."""
    hint = element("span", in_both(lambda w: w.photo_hint), class_="hint")
    other = element("span", in_both(lambda w: w.photo_other), class_="other")
    field = '<input type="file" accept="image/*,*/*">'
    surface = element("label", field, '<img alt="">', hint, other, class_="surface")
    video = "<video playsinline muted></video>"
    tools = (
        element("button", in_both(speak), type="button", class_=name)
        for name, speak in PHOTO_TOOLS.items()
    )
    notice = element("p", role="alert", class_="notice")
    return element(
        "div", surface, video, element("div", *tools, class_="tools"), notice, class_="photo-box"
    )


PHOTO_TOOLS: dict[str, Callable[[Words], str]] = {
    "choose": lambda w: w.choose,
    "paste": lambda w: w.paste,
    "camera-on": lambda w: w.camera,
    "take": lambda w: w.take,
    "leave": lambda w: w.leave,
}


class Answer(NamedTuple):
    """What the page shows: sentences, or a problem, each in HTML; and what is kept of the photo."""

    sentences: str
    problem: str = ""
    kept: Kept | None = None


def answer(
    service: Service, photo: object, kept: Kept | None, who: Visitor, both: bool = False
) -> Answer:
    """Answer a photo, as a request names it, in the page's language.

    both: whether the best sentence in the other language is wanted, too.

    Raises CaptionerError.
    """
    words = WORDS[who.language]
    if photo is None:
        return Answer(waiting_html(words))
    upload = service.uploads.take(photo)
    captioner = service.captioner(who.model, who.language)
    told = tell(service.batcher, captioner, upload, who.options, kept)
    note = "" if who.model or captioner.language == who.language else words.no_model
    shown = answer_html(told, upload.name, captioner.model.config, words, note)
    if both:
        for other in service.models.others(captioner, who.model):
            shown += _also(service, other, upload, who, told.kept)
    return Answer(shown, kept=told.kept)


def _also(service: Service, captioner: Captioner, upload: Upload, who: Visitor, kept: Kept) -> str:
    """The best sentence in another language; the reason where the choices do not suit that."""
    try:
        told = tell(service.batcher, captioner, upload, replace(who.options, top=1), kept)
    except CaptionerError as error:
        return element("p", reason_html(error), class_="also")
    return element("p", text(told.caption.text), class_="also", lang=captioner.language)


def waiting_html(words: Words) -> str:
    """What stands in the sentence's place before there is one."""
    return element("p", text(words.waiting), class_="waiting")
