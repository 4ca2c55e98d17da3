"""One photo side by side: by two models, or by several settings of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from captioner.errors import OptionError
from captioner.options import CaptionOptions
from captioner.ui.captioning import Kept, tell
from captioner.ui.html import element, problem_html, text
from captioner.ui.i18n import Texts
from captioner.ui.one_photo import OnePhoto
from captioner.ui.options import Visitor, visitor
from captioner.ui.options_form import Fields
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


def lay_out(texts: Texts) -> tuple[gr.Radio, gr.HTML]:
    """What is compared, and the comparison, folded away."""
    fold = gr.Accordion(open=0, elem_id="compare")  # type: ignore[arg-type]  # as of the choices
    with texts.say(fold, label=lambda w: w.compare):
        what = texts.say(gr.Radio(), label=lambda w: w.compare_what, choices=_choices)
        table = gr.HTML()
    return what, table


def connect(  # noqa: PLR0917
    service: Service, what: gr.Radio, table: gr.HTML, one: OnePhoto, language: gr.Radio, how: Fields
) -> None:
    """Compare when something is chosen; what was said of another photo goes with it."""
    kept = gr.State(None, time_to_live=service.keep_seconds)

    def compare_for_visitor(chosen: object, photo: object, known: Kept | None, *fields: Any) -> Any:
        try:
            return compare(service, photo, known, visitor(*fields), chosen)
        except Exception as error:
            return problem_html(error), known

    what.input(
        compare_for_visitor, [what, one.photo, kept, language, *how], [table, kept],
        preprocess=False, show_progress="minimal", show_progress_on=table,
        trigger_mode="always_last", api_visibility="private",
    )  # fmt: skip
    gr.on(
        [one.photo.upload, language.change], None, None, [what, table],
        js="() => [null, '']", api_visibility="private",
    )  # fmt: skip


def compare(
    service: Service, photo: object, kept: Kept | None, who: Visitor, what: object
) -> tuple[str, Kept | None]:
    """A table of what is written with each setting; and what is kept of the photo.

    Raises CaptionerError.
    """
    words = WORDS[who.language]
    if photo is None:
        return element("p", text(words.compare_waiting), class_="hint"), kept
    upload = service.uploads.take(photo)
    rows = []
    for setting in settings(service, who, what):
        told = tell(service.batcher, setting.captioner, upload, setting.options, kept)
        caption, kept, model = told.caption, told.kept, setting.captioner.model.config
        rows.append(
            element(
                "tr", element("th", text(setting.name), scope="row"),
                element("td", element("span", text(caption.text), lang=caption.language),
                        sureness(caption, model, words)),
            )
        )  # fmt: skip
    return element("table", element("tbody", *rows)), kept


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
