"""One photo: the part of the page where it is given, and what happens then."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from captioner.ui.captioning import Kept, tell
from captioner.ui.html import element, problem_html, text
from captioner.ui.i18n import Texts
from captioner.ui.options import Visitor, visitor
from captioner.ui.options_form import Fields
from captioner.ui.sentences import answer_html, strip_html
from captioner.ui.service import Service
from captioner.ui.words import ENGLISH, WORDS, Words


class OnePhoto(NamedTuple):
    """The components: the photo, and what the page says about it."""

    photo: gr.Image
    problem: gr.HTML
    sentences: gr.HTML


def lay_out_strip(texts: Texts) -> None:
    """Place the words' maps, all in a row; the browser draws them."""
    texts.say(gr.HTML(elem_id="strip"), value=strip_html)


def lay_out(texts: Texts) -> OnePhoto:
    """Place the components."""
    photo = texts.say(
        gr.Image(
            type="filepath",
            sources=["upload", "webcam", "clipboard"],
            show_label=False,
            buttons=[],
            height="min(46vh, 26rem)",
            elem_id="photo",
        ),
        label=lambda w: w.photo,
        placeholder=lambda w: w.photo_hint,
    )
    problem = gr.HTML(
        elem_id="problem", elem_classes="problem", js_on_load=takes_problems("#photo")
    )
    sentences = gr.HTML(
        waiting_html(ENGLISH),
        elem_id="answer",
        js_on_load="captioner.answered(element); watch('value', () => captioner.answered(element))",
    )
    return OnePhoto(photo, problem, sentences)


def connect(service: Service, one: OnePhoto, language: gr.Radio, how: Fields) -> None:
    """Answer a photo, and answer it again whenever something else is chosen."""
    kept = gr.State(None, time_to_live=service.keep_seconds)

    def answer_visitor(photo: object, known: Kept | None, *fields: Any) -> Answer:
        try:
            return answer(service, photo, known, visitor(*fields))
        except Exception as error:
            return Answer("", problem_html(error), known)

    # The file goes to the captioner untouched (`preprocess=False`): gradio would open it itself,
    # and fail with a traceback on what is no image.
    gr.on(
        [one.photo.change, language.change, *how.changes()],
        answer_visitor,
        [one.photo, kept, language, *how],
        [one.sentences, one.problem, kept],
        preprocess=False,
        show_progress="minimal",
        show_progress_on=one.sentences,
        trigger_mode="always_last",
        api_visibility="private",
    )


def takes_problems(box: str) -> str:
    """Lets upload.js show what is wrong with a file for a box, given by its selector."""
    return f"captioner.takeProblems('{box} input[type=file]', props)"


class Answer(NamedTuple):
    """What the page shows: sentences, or a problem, each in HTML; and what is kept of the photo."""

    sentences: str
    problem: str = ""
    kept: Kept | None = None


def answer(service: Service, photo: object, kept: Kept | None, who: Visitor) -> Answer:
    """Answer a photo, as a request names it, in the page's language. Raises CaptionerError."""
    words = WORDS[who.language]
    if photo is None:
        return Answer(waiting_html(words))
    upload = service.uploads.take(photo)
    captioner = service.captioner(who.model, who.language)
    told = tell(service.batcher, captioner, upload, who.options, kept)
    note = "" if who.model or captioner.language == who.language else words.no_model
    shown = answer_html(told, upload.name, captioner.model.config, words, note)
    return Answer(shown, kept=told.kept)


def waiting_html(words: Words) -> str:
    """What stands in the sentence's place before there is one."""
    return element("p", text(words.waiting), class_="waiting")
