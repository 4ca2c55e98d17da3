"""One photo side by side: by two models, or by several settings of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from captioner.errors import OptionError
from captioner.options import CaptionOptions
from captioner.ui.captioning import tell
from captioner.ui.html import contents_html, element, problem_html, text
from captioner.ui.i18n import Texts
from captioner.ui.one_photo import OnePhoto
from captioner.ui.options import Visitor, values_of, visitor
from captioner.ui.sentences import sureness
from captioner.ui.service import Service
from captioner.ui.words import WORDS, Words

if TYPE_CHECKING:
    from captioner.pipeline import Captioner

BEAMS = (1, 3, 10)
TEMPERATURES = (0.3, 1.0, 1.5)


class Setting(NamedTuple):
    """One row: what it is called, who writes it, and how."""

    name: str
    captioner: Captioner
    options: CaptionOptions


def lay_out(service: Service, texts: Texts) -> gr.Radio:
    """Place what is compared, and the comparison, which compare.js asks for, folded away."""

    def compared(request: Any) -> dict[str, str]:
        return compare_for_visitor(service, request)

    fold = gr.Accordion(open=0, elem_id="compare")  # type: ignore[arg-type]  # as of the choices
    with texts.say(fold, label=lambda w: w.compare):
        what = texts.say(gr.Radio(), label=lambda w: w.compare_what, choices=_choices)
        gr.HTML(
            None,
            html_template=contents_html(),
            elem_id="comparison",
            server_functions=[compared],
            js_on_load="captioner.openComparison(element, server)",
        )
    return what


def connect(what: gr.Radio, one: OnePhoto, language: gr.Radio) -> None:
    """Compare when something is chosen; what was said of another photo goes with it."""
    what.input(None, what, None, js="(what) => captioner.compare(what)", api_visibility="private")
    gr.on(
        [one.photo.upload, language.change], None, None, what,
        js="() => captioner.compare(null)", api_visibility="private",
    )  # fmt: skip


def compare_for_visitor(service: Service, request: object) -> dict[str, str]:
    """What compare.js asks: a `table` in HTML, or why there is none.

    request: [what is compared; the upload; the values of the page's fields].
    """
    try:
        what, photo, fields = values_of(request, 3)
        table = compare(service, photo, visitor(*values_of(fields)), what)
    except Exception as error:
        table = problem_html(error)
    return {"table": table}


def compare(service: Service, photo: object, who: Visitor, what: object) -> str:
    """A table of what is written with each setting, in HTML.

    Raises CaptionerError.
    """
    words = WORDS[who.language]
    if photo is None:
        return element("p", text(words.compare_waiting), class_="hint")
    upload = service.uploads.take(photo)
    rows = []
    for setting in settings(service, who, what):
        kept = service.memory.of(upload.path)
        told = tell(service.batcher, setting.captioner, upload, setting.options, kept)
        service.memory.keep(told.kept)
        caption, model = told.caption, setting.captioner.model.config
        rows.append(
            element(
                "tr", element("th", text(setting.name), scope="row"),
                element("td", element("span", text(caption.text), lang=caption.language),
                        sureness(caption, model, words)),
            )
        )  # fmt: skip
    return element("table", element("tbody", *rows))


def settings(service: Service, who: Visitor, what: object) -> Iterator[Setting]:
    """What is compared; a choice of the page that is not compared stays. Raises CaptionerError."""
    words, options = WORDS[who.language], who.options
    own = service.captioner(who.model, who.language)
    plain = _one(options)
    if what == "models":
        for name in service.models.languages:
            writer = service.captioner(name, who.language)
            yield Setting(name, writer, plain)
    elif what == "beams":
        for beam in BEAMS:
            search = replace(plain, temperature=None, seed=None, beam=beam)
            yield Setting(words.compare_beam.format(beam), own, search)
    elif what == "avoid":
        if not options.avoid:
            raise OptionError("There are no words to avoid: give some under the choices first.")
        listed = ", ".join(options.avoid)
        yield Setting(words.compare_without.format(listed), own, plain)
        yield Setting(words.compare_free, own, replace(plain, avoid=None))
    elif what == "temperatures":
        for temperature in TEMPERATURES:
            draw = replace(
                plain, beam=None, require=None, temperature=temperature, seed=options.seed or 1
            )
            yield Setting(words.compare_temperature.format(temperature), own, draw)
    else:
        raise OptionError("There is nothing of that name to compare.")


def _one(options: CaptionOptions) -> CaptionOptions:
    return replace(options, top=1)


def _choices(words: Words) -> list[tuple[str, str]]:
    return [
        (words.models, "models"),
        (words.beams, "beams"),
        (words.avoid, "avoid"),
        (words.temperatures, "temperatures"),
    ]
