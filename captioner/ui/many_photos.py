"""Many photos: the part of the page where they are given, and what happens then."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr

from captioner.ui.bulk import captions_of
from captioner.ui.downloads import download
from captioner.ui.gallery import galleries
from captioner.ui.html import problem_html
from captioner.ui.i18n import Texts
from captioner.ui.one_photo import takes_problems
from captioner.ui.options import Visitor, check, visitor
from captioner.ui.options_form import Fields
from captioner.ui.service import Service
from captioner.ui.zips import photos_in


class ManyPhotos(NamedTuple):
    """The components: the files, the buttons, and the gallery with all the rest."""

    files: gr.File
    stop: gr.Button
    again: gr.Button
    problem: gr.HTML
    gallery: gr.HTML


def lay_out(texts: Texts) -> ManyPhotos:
    """Place the components."""
    files = texts.say(
        gr.File(file_count="multiple", elem_id="photos", height="12rem"),
        label=lambda w: w.photos_hint,
    )
    problem = gr.HTML(elem_classes="problem", js_on_load=takes_problems("#photos"))
    stop = texts.say(gr.Button(visible=False, elem_id="stop"), value=lambda w: w.stop)
    again = texts.say(gr.Button(visible=False, elem_id="again"), value=lambda w: w.again)
    gallery = gr.HTML(
        elem_id="gallery",
        server_functions=[download],
        js_on_load="captioner.offerDownloads(element, server)",
    )
    return ManyPhotos(files, stop, again, problem, gallery)


def connect(service: Service, many: ManyPhotos, language: gr.Radio, how: Fields) -> None:
    """Fill the gallery when files are given; stop; start over."""
    stopping = gr.State(None, time_to_live=service.keep_seconds)

    def fill(files: object, *fields: Any) -> Iterator[dict[Any, Any]]:
        stopped = threading.Event()
        yield {
            stopping: stopped,
            many.files: gr.update(value=None, visible=False),
            many.stop: gr.update(visible=True),
        }
        try:
            for shown in work(service, files, visitor(*fields), stopped):
                yield {many.gallery: shown}
        except Exception as error:
            yield {many.problem: problem_html(error)}
        yield {many.stop: gr.update(visible=False), many.again: gr.update(visible=True)}

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    outputs = [*many, stopping]
    many.files.upload(fill, [many.files, language, *how], outputs, preprocess=False, **quiet)
    many.stop.click(lambda stopped: stopped and stopped.set(), stopping, None, **quiet)
    many.again.click(
        lambda: (gr.update(visible=True), gr.update(visible=False), "", ""),
        None, [many.files, many.again, many.problem, many.gallery], **quiet,
    )  # fmt: skip


def work(service: Service, files: object, who: Visitor, stopped: threading.Event) -> Iterator[str]:
    """The gallery of files, as a request names them, again and again.

    Raises CaptionerError, before it begins.
    """
    captioner = service.captioner(who.model, who.language)
    check(who.options, captioner)
    photos = photos_in(service.uploads.take_all(files), service.most_bytes)
    wanted = service.visits.wanted_here()
    results = captions_of(
        service.batcher, captioner, photos, who.options, pictures=True, wanted=wanted
    )
    yield from galleries(results, len(photos), captioner, stopped)
