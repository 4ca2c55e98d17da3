"""One photo: the part of the page where it is given, and what happens then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from captioner.errors import CaptionerError, OptionError
from captioner.ui.captioning import Kept, tell
from captioner.ui.explanation import begin_key, beginning
from captioner.ui.html import contents_html, element, in_both, problem_html, reason_html, text
from captioner.ui.i18n import Texts
from captioner.ui.middleware import EXAMPLES
from captioner.ui.options import Visitor, values_of, visitor
from captioner.ui.sentences import answer_html, strip_html
from captioner.ui.service import Service
from captioner.ui.words import WORDS, Words, about_language

if TYPE_CHECKING:
    from captioner.pipeline import Captioner
    from captioner.ui.uploads import Upload


class OnePhoto(NamedTuple):
    """The components that others need: the photo, and whether both languages are wanted."""

    photo: gr.HTML
    both: gr.Checkbox


def lay_out_strip(texts: Texts) -> None:
    """Place the words' maps, all in a row; the browser draws them."""
    texts.say(gr.HTML(elem_id="strip"), value=strip_html)


def lay_out(service: Service, texts: Texts) -> OnePhoto:
    """Place the components, which photo.js fills."""

    def answered(request: Any) -> dict[str, Any]:
        return answer_visitor(service, request)

    photo = gr.HTML(
        None,
        html_template=photo_box_html(),
        elem_id="photo",
        server_functions=[answered],
        js_on_load="captioner.openPhoto(element, props, trigger, server)",
    )
    gr.HTML(None, html_template=contents_html(), elem_id="problem", elem_classes="problem")
    waiting = element("p", in_both(lambda w: w.waiting), class_="waiting")
    gr.HTML(None, html_template=contents_html(waiting), elem_id="answer")
    texts.say(gr.HTML(elem_id="examples"), value=examples_html)
    both = texts.say(
        gr.Checkbox(False, container=False, elem_id="both"), label=lambda w: w.both_languages
    )
    return OnePhoto(photo, both)


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


def answer_visitor(service: Service, request: object) -> dict[str, Any]:
    """What photo.js asks; it asks again whenever something else is chosen.

    request: [the upload; whether an answer to it is shown; whether both languages are wanted;
    `begin` of player.js; the values of the page's fields, as `options.visitor` takes them].

    Returns `sentences` and `problem`, each in HTML; `sentences` is None where a choice cannot be
    and those that are shown stay.
    """
    is_shown: object = False
    try:
        photo, is_shown, both, begin, fields = values_of(request, 5)
        sentences = answer(service, photo, visitor(*values_of(fields)), both is True, begin=begin)
    except Exception as error:
        if is_shown is True and isinstance(error, OptionError):
            return {"sentences": None, "problem": problem_html(error, class_="choice")}
        return {"sentences": "", "problem": problem_html(error)}
    return {"sentences": sentences, "problem": ""}


def answer(
    service: Service, photo: object, who: Visitor, both: bool = False, *, begin: object = ""
) -> str:
    """Answer a photo, as a request names it, in the page's language, in HTML.

    both: whether the best sentence in the other language is wanted, too. begin: as player.js has
    set it.

    Raises CaptionerError.
    """
    words = WORDS[who.language]
    upload = service.uploads.take(photo)
    captioner = service.captioner(who.model, who.language)
    model = captioner.model.config
    chosen = beginning(begin, begin_key(upload.path, model))
    if who.options.is_sampling:
        chosen = ()
    search = not who.options.is_sampling
    told = tell(
        service.batcher, captioner, upload, who.options, service.memory.of(upload.path),
        trace=True, search=search, begin=chosen,
    )  # fmt: skip
    service.memory.keep(told.kept)
    note = about_language(who.language, captioner.language, who.model)
    shown = answer_html(
        told, upload.name, model, words,
        options=who.options, begin=chosen, name_of_model=captioner.name, note=note,
    )  # fmt: skip
    if both:
        for other in service.models.others(captioner, who.model):
            shown += _also(service, other, upload, who, told.kept)
    return shown


def _also(service: Service, captioner: Captioner, upload: Upload, who: Visitor, kept: Kept) -> str:
    """The best sentence in another language; the reason where the choices do not suit that."""
    try:
        told = tell(service.batcher, captioner, upload, replace(who.options, top=1), kept)
    except CaptionerError as error:
        return element("p", reason_html(error), class_="also")
    return element("p", text(told.caption.text), class_="also", lang=captioner.language)
