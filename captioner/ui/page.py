"""The web page as a whole: its parts, its language, its looks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gradio as gr
from gradio import routes
from jinja2 import FunctionLoader

from captioner.speed.workers import worker_count
from captioner.ui import comparison, many_photos, one_photo
from captioner.ui.api import Api
from captioner.ui.batching import Batcher
from captioner.ui.downloads import description
from captioner.ui.html import element, text
from captioner.ui.i18n import Texts
from captioner.ui.middleware import API_DOCUMENT, Guard, Names
from captioner.ui.models import installed
from captioner.ui.offline import fetch_nothing
from captioner.ui.options_form import fields, tell_scripts
from captioner.ui.service import Service
from captioner.ui.serving import Serving
from captioner.ui.tools import serve_tools
from captioner.ui.uploads import Uploads
from captioner.ui.words import ENGLISH, WORDS, Words

if TYPE_CHECKING:
    from captioner.pipeline import Captioner

FOLDER = Path(__file__).parent
SCRIPTS = (
    "language.js", "manners.js", "server.js", "choices.js", "give.js", "photo.js", "examples.js",
    "player.js", "attention.js", "compare.js", "drafts.js", "downloads.js", "cards.js", "run.js",
    "gallery.js",
)  # fmt: skip
MOST_SESSIONS = 200  # visitors of whom gradio keeps anything
MOST_QUEUED = 500  # questions that wait for a thread; beyond these gradio says that it is full
# Seconds between two looks of gradio's queue whether anybody asks, and of what tells how far it is.
# Its own are 0.001 and 0.01, which is a good part of a core, and disturbs the threads of the model.
LOOKS = {"sleep_when_free": 0.01, "progress_update_sleep_when_free": 0.2}


def build_page(service: Service) -> gr.Blocks:
    """Lay out the page around what answers its visitors."""
    texts = Texts()
    page = gr.Blocks(
        title=ENGLISH.title,
        analytics_enabled=False,
        delete_cache=(service.sweep_seconds, service.keep_seconds),
    )
    with page:
        with gr.Row(elem_id="top"):
            texts.say(gr.HTML(elem_id="heading"), value=heading_html)
            language = _language(page)
        with gr.Tabs(elem_id="tabs"):
            with texts.say(gr.Tab(elem_id="one"), label=lambda w: w.one):
                one = one_photo.lay_out(service, texts)
            with texts.say(gr.Tab(elem_id="many"), label=lambda w: w.many):
                many_photos.lay_out(service)
        how = fields(texts, service.models)
        what = comparison.lay_out(service, texts)
        # Far from the photo, so that the fields are near the sentences that they change.
        one_photo.lay_out_strip(texts)
        texts.say(gr.HTML(elem_id="foot"), value=foot_html)
        comparison.connect(what, one, language)
        tell_scripts(page, one.both, language, how)
        language.change(
            None, language, texts.components, js=texts.script(), api_visibility="private"
        )
        Api(service).register()
    page.queue(default_concurrency_limit=None, max_size=MOST_QUEUED)
    for name, seconds in LOOKS.items():
        setattr(page._queue, name, seconds)
    return page


def heading_html(words: Words) -> str:
    """The page's name, and what it is for."""
    return element("h1", text(words.title)) + element("p", text(words.introduction))


def foot_html(words: Words) -> str:
    """Where programs find what they can ask for."""
    return element("a", text(words.programs), href=API_DOCUMENT, target="_blank")


def _language(page: gr.Blocks) -> gr.Radio:
    """A switch, set by the browser to what it speaks or to what was chosen there before."""
    language = gr.Radio(
        [("English", "en"), ("中文", "zh")],
        value="en",
        label="Language 语言",
        show_label=False,
        container=False,
        min_width=100,
        elem_id="language",
    )
    page.load(None, None, language, js="() => captioner.begin()", api_visibility="private")
    return language


def theme() -> gr.themes.Base:
    """A theme with the computer's own fonts: gradio's default may fetch them from a server."""
    fonts = ("system-ui", "Segoe UI", "Roboto", "PingFang SC", "Microsoft YaHei", "sans-serif")
    return gr.themes.Default(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=fonts,
        font_mono=("monospace",),
    )


def head(service: Service) -> str:
    """The page's scripts and words. In the head they run before there is a box for a photo."""
    known = {
        "mostBytes": service.most_bytes,
        "words": {code: asdict(words) for code, words in WORDS.items()},
        "downloads": description(),
    }
    scripts = [f"window.captioner = {json.dumps(known)};"]
    scripts += [(FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "<script>" + "\n".join(scripts) + "</script>"


def run_first(script: str) -> None:
    """Have a script run before gradio's own, which `head` is too late for."""
    loader = routes.templates.env.loader
    if loader is None or isinstance(loader, FunctionLoader):  # this was done before
        return

    def document(name: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, path, is_new = loader.get_source(routes.templates.env, name)
        beginning = f"<head><script>{{% raw %}}{script}{{% endraw %}}</script>"
        return source.replace("<head>", beginning, 1), path, is_new

    routes.templates.env.loader = FunctionLoader(document)


def service_of(captioner: Captioner, serving: Serving, folder: Path) -> Service:
    """The service of a page that was started with one model. folder: of the uploads."""
    batcher = Batcher(worker_count(captioner.device))
    uploads = Uploads(folder, serving.most_waiting)
    return Service(installed(captioner), uploads, serving.most_bytes, batcher=batcher)


def launch(service: Service, serving: Serving, port: int) -> gr.Blocks:
    """Start serving the page in the background; returns the running page, to be closed."""
    fetch_nothing()
    run_first((FOLDER / "first.js").read_text(encoding="utf-8"))
    if serving.mcp:
        serve_tools()
    page = build_page(service)
    names = Names(serving.host, serving.allowed_hosts)

    @asynccontextmanager
    async def guarded(app: Any) -> AsyncIterator[None]:
        # Only so does the guard come before all middleware, of which gradio adds its own last.
        app.middleware_stack = Guard(app.middleware_stack, names, service, serving.mcp)
        yield

    page.launch(
        server_name=serving.host,
        server_port=port,
        inbrowser=serving.open_browser,
        share=serving.share,
        auth=serving.auth,
        mcp_server=serving.mcp,
        max_file_size=service.most_bytes,
        state_session_capacity=MOST_SESSIONS,
        prevent_thread_lock=True,
        quiet=True,
        inline=False,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        footer_links=[],
        favicon_path=FOLDER / "icon.svg",
        theme=theme(),
        css_paths=FOLDER / "page.css",
        head=head(service),
        app_kwargs={"lifespan": guarded},
    )
    if page.share_url:
        names.add(urlsplit(page.share_url).netloc)
    return page
