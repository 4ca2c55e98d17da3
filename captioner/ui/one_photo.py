"""One photo: the part of the page where it is given, and what happens then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from captioner.errors import CaptionerError, OptionError
from captioner.ui.captioning import Kept, tell
from captioner.ui.explanation import begin_key, beginning
from captioner.ui.html import element, in_both, problem_html, reason_html, text
from captioner.ui.i18n import Texts
from captioner.ui.middleware import EXAMPLES
from captioner.ui.options import Visitor, visitor
from captioner.ui.options_form import Fields
from captioner.ui.sentences import answer_html, strip_html
from captioner.ui.service import Service
from captioner.ui.words import ENGLISH, WORDS, Words, about_language

if TYPE_CHECKING:
    from captioner.pipeline import Captioner
    from captioner.ui.uploads import Upload


class OnePhoto(NamedTuple):
    """The components: the photo, and what the page says about it."""

    photo: gr.HTML
    begin: gr.HTML
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
    texts.say(gr.HTML(elem_id="examples"), value=examples_html)
    # Never seen; player.js sets its value, for "what if it had said horse?".
    begin = gr.HTML(
        None, html_template="", elem_id="begin", js_on_load="captioner.openBegin(props, trigger)"
    )
    both = texts.say(
        gr.Checkbox(False, container=False, elem_id="both"), label=lambda w: w.both_languages
    )
    return OnePhoto(photo, begin, problem, sentences, both)


def connect(
    page: gr.Blocks, service: Service, one: OnePhoto, language: gr.Radio, how: Fields
) -> None:
    """Answer a photo, and answer it again whenever something else is chosen."""
    kept = gr.State(None, time_to_live=service.keep_seconds)

    def answer_visitor(
        photo: object, known: Kept | None, both: object, begin: object, *fields: Any
    ) -> Answer:
        try:
            return answer(service, photo, known, visitor(*fields), both is True, begin=begin)
        except Exception as error:
            return _refused(service, photo, known, error)

    # The file goes to the captioner untouched (`preprocess=False`): gradio would open it itself,
    # and fail with a traceback on what is no image.
    gr.on(
        [one.photo.upload, one.both.change, one.begin.input, language.change, *how.changes()],
        answer_visitor,
        [one.photo, kept, one.both, one.begin, language, *how],  # in photo.js as well
        [one.sentences, one.problem, kept],
        preprocess=False,
        show_progress="minimal",
        show_progress_on=one.sentences,
        trigger_mode="always_last",
        js="(...values) => captioner.whenThere(...values)",
        api_visibility="private",
    )
    choices = [one.both, *how]
    page.load(
        None, choices, choices, js="(...values) => captioner.choicesAgain(...values)",
        api_visibility="private",
    )  # fmt: skip


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


def examples_html(words: Words) -> str:
    """Pictures of our own to begin with; examples.js gives the chosen one to the page."""
    items = [
        element(
            "li",
            element(
                "button", f'<img src=".{path}" alt="{text(name)}" width="120" height="90">',
                type="button", data_example=path.rpartition("/")[2],
            ),
        )
        for path, name in zip(EXAMPLES, words.example_names, strict=True)
    ]  # fmt: skip
    said = element("p", text(words.examples), class_="hint")
    return said + element("ul", *items) + element("p", text(words.examples_wrong), class_="hint")


class Answer(NamedTuple):
    """What the page shows: sentences, or a problem, each in HTML; and what is kept of the photo.

    sentences: or gradio's word for what is shown already.
    """

    sentences: Any
    problem: str = ""
    kept: Kept | None = None


def answer(
    service: Service,
    photo: object,
    kept: Kept | None,
    who: Visitor,
    both: bool = False,
    *,
    begin: object = "",
) -> Answer:
    """Answer a photo, as a request names it, in the page's language.

    both: whether the best sentence in the other language is wanted, too. begin: as player.js has
    set it.

    Raises CaptionerError.
    """
    words = WORDS[who.language]
    if photo is None:
        return Answer(waiting_html(words))
    upload = service.uploads.take(photo)
    captioner = service.captioner(who.model, who.language)
    model = captioner.model.config
    chosen = beginning(begin, begin_key(upload.path, model))
    if who.options.is_sampling:
        chosen = ()
    search = not who.options.is_sampling
    told = tell(
        service.batcher, captioner, upload, who.options, kept,
        trace=True, search=search, begin=chosen,
    )  # fmt: skip
    note = about_language(who.language, captioner.language, who.model)
    shown = answer_html(
        told, upload.name, model, words,
        options=who.options, begin=chosen, name_of_model=captioner.name, note=note,
    )  # fmt: skip
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


def _refused(service: Service, photo: object, kept: Kept | None, error: Exception) -> Answer:
    """A choice that cannot be leaves the answer to the same photo where it is."""
    try:
        same = kept is not None and service.uploads.take(photo).path == kept.path
    except CaptionerError:
        same = False
    if same and isinstance(error, OptionError):
        return Answer(gr.skip(), problem_html(error, class_="choice"), kept)
    return Answer("", problem_html(error), kept)


def waiting_html(words: Words) -> str:
    """What stands in the sentence's place before there is one."""
    return element("p", text(words.waiting), class_="waiting")
