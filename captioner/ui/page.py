"""The web page: a photo is given, its sentence appears."""

import html
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
from starlette.middleware import Middleware

from captioner.errors import CaptionerError, ImageError
from captioner.ui.offline import SameOriginOnly
from captioner.ui.words import WORDS, Words

if TYPE_CHECKING:
    from captioner.pipeline import Caption, Captioner

OTHERS = 4  # sentences listed below the sentence
STYLE_SHEET = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
# A photo is deleted at the first sweep after it has reached the age, so at the latest after an
# hour: age and interval together.
SWEEP_SECONDS, AGE_SECONDS = 600, 3000

# What gradio says of an uploaded file: "path" on this computer, "orig_name" on the person's.
Upload = Mapping[str, Any]

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What the page shows for a photo: a sentence and others in HTML, or a problem in HTML."""

    sentence: str = ""
    others: str = ""
    problem: str = ""


def percent(log_prob: float, words: Words) -> str:
    """Say a log-probability as a percentage with two digits that mean something."""
    value = 100 * math.exp(log_prob)
    if value < 0.0001:
        return words.less_than.format("0.0001\u00a0%")
    return (f"{value:.0f}" if value >= 9.95 else f"{value:#.2g}") + "\u00a0%"


def others_html(caption: "Caption", words: Words) -> str:
    """The sentence's probability, and the other sentences with theirs, in HTML."""
    note = f"<p>{words.probability.format(percent(caption.log_prob, words))}</p>"
    items = "".join(
        f"<li><span>{html.escape(other.text)}</span>"
        f"<data value='{math.exp(other.log_prob)}'>{percent(other.log_prob, words)}</data></li>"
        for other in caption.alternatives
    )
    return note + (f"<h2>{words.others}</h2><ol>{items}</ol>" if items else "")


def caption_upload(captioner: "Captioner", upload: Upload) -> "Caption":
    """Caption an uploaded photo.

    Raises:
        CaptionerError: in words for the person, who knows the file by its own name and not by
            its place in a temporary folder on this computer.
    """
    path = upload.get("path")
    if not path:
        raise ImageError("No photo arrived; please give it again.")
    try:
        return captioner.caption(path, top=1 + OTHERS)
    except CaptionerError as error:
        name = upload.get("orig_name") or Path(path).name
        raise type(error)(str(error).replace(path, name)) from error


def answer(captioner: "Captioner", upload: Upload | None, words: Words) -> Answer:
    """Answer a photo; whatever is wrong with it becomes a sentence, never an exception."""
    if upload is None:
        return Answer()
    try:
        caption = caption_upload(captioner, upload)
    except CaptionerError as error:
        return Answer(problem=_alert(str(error)))
    except Exception:
        log.exception("captioning failed")
        return Answer(problem=_alert(words.unexpected))
    return Answer(caption.text, others_html(caption, words))


def answer_program(captioner: "Captioner", upload: Upload | None) -> dict[str, Any]:
    """Answer another program's call of the end point `/caption`, as a value for JSON.

    Raises:
        gradio.Error: the same sentence that a person would read.
    """
    try:
        caption = caption_upload(captioner, upload or {})
    except CaptionerError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return {
        "model": captioner.name,
        "language": captioner.language,
        **_sentence(caption),
        "alternatives": [_sentence(other) for other in caption.alternatives],
    }


def _alert(message: str) -> str:
    return f'<p role="alert">{html.escape(message)}</p>'


def _sentence(caption: "Caption") -> dict[str, Any]:
    return {
        "text": caption.text,
        "log_prob": caption.log_prob,
        "probability": math.exp(caption.log_prob),
    }


def theme() -> gr.themes.Base:
    """A theme with the computer's own fonts: gradio's default may fetch them from a server."""
    fonts = ("system-ui", "Segoe UI", "Roboto", "PingFang SC", "Microsoft YaHei", "sans-serif")
    return gr.themes.Default(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=fonts,
        font_mono=("monospace",),
    )


def build_page(captioner: "Captioner", language: str = "en") -> gr.Blocks:
    """Lay out the page around a model.

    Args:
        captioner: answers the photos, one at a time.
        language: of the page's own words, a key of `WORDS`.
    """
    words = WORDS[language]
    page = gr.Blocks(
        title=words.title,
        analytics_enabled=False,
        delete_cache=(SWEEP_SECONDS, AGE_SECONDS),
    )
    with page:
        gr.HTML(f"<h1>{words.title}</h1><p>{words.introduction}</p>", elem_id="heading")
        photo = gr.Image(
            type="filepath",
            sources=["upload", "webcam", "clipboard"],
            label=words.photo,
            show_label=False,
            placeholder=words.photo_hint,
            buttons=[],
            height="min(46vh, 26rem)",
            elem_id="photo",
        )
        problem = gr.HTML(elem_id="problem")
        sentence = gr.Textbox(
            label=words.sentence,
            placeholder=words.sentence_hint,
            interactive=False,
            buttons=["copy"],
            elem_id="sentence",
        )
        others = gr.HTML(elem_id="others")
        # The file goes to the captioner untouched (`preprocess=False`): gradio would open it
        # itself, and fail with a traceback on what is no image.
        photo.change(
            lambda upload: answer(captioner, upload, words),
            photo,
            [sentence, others, problem],
            preprocess=False,
            show_progress_on=sentence,
            concurrency_id="model",
            api_visibility="private",
        )
        gr.Button(visible=False).click(
            lambda upload: answer_program(captioner, upload),
            photo,
            gr.JSON(visible=False),
            preprocess=False,
            concurrency_id="model",
            api_name="caption",
        )
    return page


def launch(captioner: "Captioner", host: str, port: int, open_browser: bool = False) -> gr.Blocks:
    """Start serving the page in the background; returns the running page, to be closed."""
    page = build_page(captioner)
    page.launch(
        server_name=host,
        server_port=port,
        inbrowser=open_browser,
        prevent_thread_lock=True,
        quiet=True,
        inline=False,
        share=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size="200mb",
        theme=theme(),
        css_paths=STYLE_SHEET,
        # In the head it runs before there is a box to give a photo to; gradio's `js` runs after.
        head=f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>",
        app_kwargs={"middleware": [Middleware(SameOriginOnly)]},
    )
    return page
