"""What a person can look at while a model is trained: TensorBoard, curves, captioned photos."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from captioner.datasets import Photos
from captioner.errors import TrainingError
from captioner.files import writing
from captioner.messages import Message

log = logging.getLogger(__name__)

COUNT, COLUMNS = 12, 4  # photos of a contact sheet, and how many of them lie side by side
_SIDE, _LINES, _SIZE = 240, 4, 16  # pixels of a photo's side, lines of a caption, pixels of a line
_GAP = 8
# By their file names, which Pillow looks for where each system keeps its fonts.
_CHINESE_FONTS = (
    "NotoSansCJK-Regular.ttc", "SourceHanSansCN-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf", "PingFang.ttc", "STHeiti Light.ttc", "msyh.ttc", "simhei.ttf",
)  # fmt: skip


@contextmanager
def _nothing_worse_than_a_warning(path: Path) -> Iterator[None]:
    """A training goes on without its pictures, as on a full disk."""
    try:
        with writing(path, TrainingError):
            yield
    except TrainingError as error:
        log.warning(error)


class Board:
    """Numbers for TensorBoard, where it is installed; elsewhere they are not kept.

    first: the step that comes next; what an interrupted run had written from there on is dropped.
    enabled: False keeps nothing anywhere, as in all processes of a run but the first.
    """

    def __init__(self, folder: Path, first: int, enabled: bool = True) -> None:
        self._folder = folder
        self._writer: Any = None
        if not enabled:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        with _nothing_worse_than_a_warning(folder):
            self._writer = SummaryWriter(folder, purge_step=first)

    def add(self, group: str, values: Mapping[str, float], step: int) -> None:
        """Keep numbers by name, each a curve over the steps of the whole run."""
        writer, self._writer = self._writer, None  # nothing more after it has failed once
        if writer is not None:
            with _nothing_worse_than_a_warning(self._folder):
                for name, value in values.items():
                    writer.add_scalar(f"{group}/{name}", value, step)
                self._writer = writer

    def close(self) -> None:
        """Write what is still in memory."""
        if self._writer is not None:
            with _nothing_worse_than_a_warning(self._folder):
                self._writer.close()


def same_photos(names: Sequence[str], count: int = COUNT) -> list[int]:
    """Which photos are shown: always the same of a dataset, whatever its order, in file order."""
    marks = [hashlib.sha256(name.encode()).digest() for name in names]
    return sorted(sorted(range(len(names)), key=lambda row: marks[row])[:count])


def save_contact_sheet(
    folder: Path, title: str, photos: Photos, captions: Sequence[str], rows: Sequence[int]
) -> None:
    """Draw those rows' photos and their captions into `folder/title.png`.

    Where no font here can draw the captions, they are numbered and lie in `folder/title.txt`.
    """
    path = folder / f"{re.sub('[^0-9A-Za-z-]+', '-', title)}.png"
    shown = [captions[row] for row in rows]
    font = _font("".join(shown))
    if font is None:
        lines = [f"{number} {text}" for number, text in enumerate(shown, start=1)]
        shown = [str(number) for number, _ in enumerate(shown, start=1)]
    with _nothing_worse_than_a_warning(path):
        folder.mkdir(exist_ok=True)
        if font is None:
            path.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        contact_sheet(photos.pixels[list(rows)], shown, font or _default_font()).save(path)


def contact_sheet(
    pixels: np.ndarray, captions: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> Image.Image:
    """Photos `uint8 [n, 3, S, S]` side by side, each with its caption below."""
    width, height = _SIDE + _GAP, _SIDE + _LINES * (_SIZE + 4) + _GAP
    down = -(-len(captions) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width + _GAP, down * height + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (photo, caption) in enumerate(zip(pixels, captions, strict=True)):
        left, top = _GAP + index % COLUMNS * width, _GAP + index // COLUMNS * height
        tile = Image.fromarray(np.ascontiguousarray(photo.transpose(1, 2, 0)))
        sheet.paste(tile.resize((_SIDE, _SIDE)), (left, top))
        lines = _wrapped(caption, pen, font)
        pen.multiline_text((left, top + _SIDE + 2), lines, "black", font, spacing=2)
    return sheet


def save_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw loss or reward and the dev scores by epoch, with the phases marked.

    rows: of `metrics.jsonl`, one an epoch. Without matplotlib the log says that nothing is drawn.
    """
    try:
        with _nothing_worse_than_a_warning(path):
            _curves(rows).savefig(path)
    except ImportError:
        log.info(Message("No {}, since matplotlib is not installed.", path.name))


def _curves(rows: Sequence[Mapping[str, Any]]) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for name, axes, colour in (("loss", above, "C0"), ("reward", above.twinx(), "C1")):
        axes.set_ylabel(name, color=colour)
        _line(axes, rows, name, colour=colour)
    for name, title in (("cider", "CIDEr"), ("bleu_4", "BLEU-4"), ("rouge_l", "ROUGE-L")):
        _line(below, rows, name, label=title)
    _line(below, rows, "held_out_cider", label="CIDEr, held out")
    _mark_phases((above, below), [row["phase"] for row in rows])
    below.set(xlabel="epoch", ylabel="dev score, percent")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    if below.get_legend_handles_labels()[0]:  # a run may have lost its metrics
        below.legend()
    return figure


def _line(
    axes: Any, rows: Sequence[Mapping[str, Any]], name: str, label: str = "", colour: str = ""
) -> None:
    points = [(x, row[name]) for x, row in enumerate(rows, start=1) if name in row]
    if points:
        style = {"color": colour} if colour else {"label": label}
        axes.plot(*zip(*points, strict=True), marker=".", **style)


def _mark_phases(axes: Sequence[Any], phases: Sequence[str]) -> None:
    first = 1
    for name, rows in groupby(phases):
        for panel in axes:
            panel.axvline(first - 0.5, color="0.8", linewidth=1)
        transform = axes[0].get_xaxis_transform()
        axes[0].text(first - 0.4, 1.01, name, transform=transform, fontsize="small")
        first += len(list(rows))


def _default_font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_SIZE)


def _font(text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    """A font that can draw every letter of the text, None where there is none."""
    default = _default_font()
    if _draws(default, text):
        return default
    for name in _CHINESE_FONTS:
        try:
            font = ImageFont.truetype(name, _SIZE)
        except OSError:
            continue
        if _draws(font, text):
            return font
    return None


def _draws(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> bool:
    """Whether no letter comes out as the box that stands for a missing one."""
    try:
        missing = bytes(font.getmask("\uffff"))
        return all(bytes(font.getmask(letter)) != missing for letter in set(text) - {" "})
    except UnicodeEncodeError:  # Pillow without FreeType has Latin letters only
        return text.isascii()


def _wrapped(
    text: str, pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> str:
    """The text in lines that are no wider than a photo, broken at spaces if it has any."""
    words = text.split() if " " in text else list(text)
    between = " " if " " in text else ""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}{between}{word}" if lines else word
        if lines and pen.textlength(longer, font) <= _SIDE:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines[:_LINES])
