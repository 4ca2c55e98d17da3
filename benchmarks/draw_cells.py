"""Pictures and tables of what benchmarks/cells.py found.

    python benchmarks/draw_cells.py

Reads benchmarks/cells.json, draws docs/images/cells-*.png, and writes the table into docs/cells.md
and docs/cells.zh.md between the lines that are kept for it. Needs matplotlib, which comes with
`pip install 'captioner[train]'`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
Cells = Mapping[str, Mapping[str, Any]]


class Figure(NamedTuple):
    """Something that was measured: its name in the results, what it is, and its decimal places."""

    name: str
    title: str
    places: int


SCORES = (
    Figure("cider", "dev CIDEr", 1),
    Figure("bleu_4", "dev BLEU-4", 1),
    Figure("perplexity", "dev perplexity", 2),
)
SPEEDS = (
    Figure("captions_per_second", "training, captions a second", 0),
    Figure("milliseconds", "decoding one photo, beam 3, ms", 1),
)


class Page(NamedTuple):
    """The words of a page: the table's heads, the line below it, what each picture shows."""

    heads: Sequence[str]
    note: str
    pictures: Mapping[str, str]


PAGES = {
    "cells.md": Page(
        ("cell", "hidden", "parameters", "CIDEr", "BLEU-4", "perplexity", "training, captions/s",
         "decoding a photo, ms"),
        "Mean ± standard deviation: of scores over {seeds} seeds, of speeds over rounds that "
        "measure all in turn. Torch {torch}, {threads} threads, {device}.",
        {
            "cells-scores.png": "Scores by cell",
            "cells-curves.png": "Dev CIDEr by epoch",
            "cells-speed.png": "Speed by cell",
        },
    ),
    "cells.zh.md": Page(
        ("单元", "隐藏状态维数", "参数量", "CIDEr", "BLEU-4", "困惑度", "训练（句/秒）",
         "解码一张照片（毫秒）"),
        "均值 ± 标准差：得分取自 {seeds} 个随机种子，速度取自轮流测量的各轮。"
        "torch {torch}，{threads} 个线程，{device}。",
        {
            "cells-scores.png": "各种单元的得分",
            "cells-curves.png": "各轮训练后的验证集 CIDEr",
            "cells-speed.png": "各种单元的速度",
        },
    ),
}  # fmt: skip


def values(own: Mapping[str, Any], name: str) -> list[float]:
    """All that was measured of a figure: one value a seed; of speeds, one a round."""
    return own[name] if name in own else [run[name] for run in own["runs"]]


def spread(found: Sequence[float]) -> float:
    """The sample's standard deviation, nought for a single value."""
    return statistics.stdev(found) if len(found) > 1 else 0.0


def table(document: Mapping[str, Any], page: Page) -> str:
    """The results in Markdown, and the pictures of them."""
    rows = [page.heads, ["---"] * len(page.heads)]
    for name, own in document["cells"].items():
        figures = (_in_words(values(own, f.name), f.places) for f in (*SCORES, *SPEEDS))
        rows.append([f"`{name}`", str(own["hidden"]), f"{own['parameters']:,}", *figures])
    seeds = max(len(own["runs"]) for own in document["cells"].values())
    lines = [f"| {' | '.join(row)} |" for row in rows]
    pictures = [f"![{title}](images/{name})" for name, title in page.pictures.items()]
    return "\n".join([*lines, "", page.note.format(seeds=seeds, **document["machine"]), "",
                      *pictures])  # fmt: skip


def _in_words(found: Sequence[float], places: int) -> str:
    return f"{statistics.mean(found):.{places}f} ± {spread(found):.{places}f}"


def fill_in(path: Path, text: str) -> None:
    """Put a text between the page's two lines, in place of what was there."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"draw_cells.py: {path} has no lines {BEGIN} and {END} to write between.")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def bars(cells: Cells, figures: Sequence[Figure]) -> Any:
    """A panel a figure: each cell's values as dots, their mean and its standard deviation."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(4 * len(figures), 0.9 + 0.4 * len(cells)), layout="constrained")
    panels = canvas.subplots(1, len(figures), sharey=True, squeeze=False)[0]
    for panel, figure in zip(panels, figures, strict=True):
        for place, own in enumerate(cells.values()):
            found = values(own, figure.name)
            panel.plot(found, [place] * len(found), ".", color="0.6")
            panel.errorbar(
                statistics.mean(found), place, xerr=spread(found), fmt="o", color="C0", capsize=3
            )
        panel.set_xlabel(figure.title)
        panel.grid(axis="x", color="0.9")
        panel.set_axisbelow(True)
    panels[0].set_yticks(range(len(cells)), list(cells))
    panels[0].invert_yaxis()
    return canvas


def curves(cells: Cells) -> Any:
    """Dev CIDEr by epoch: each cell's mean over the seeds, its standard deviation as a band."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    canvas = Canvas(figsize=(8, 5), layout="constrained")
    panel = canvas.subplots()
    for name, own in cells.items():
        epochs = list(zip(*(run["curve"] for run in own["runs"]), strict=True))
        places = range(1, len(epochs) + 1)
        means, spreads = list(map(statistics.mean, epochs)), list(map(spread, epochs))
        (line,) = panel.plot(places, means, marker=".", label=name)
        low, high = (
            [m + sign * s for m, s in zip(means, spreads, strict=True)] for sign in (-1, 1)
        )
        panel.fill_between(places, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    panel.set(xlabel="epoch", ylabel="dev CIDEr")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.legend()
    return canvas


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, and fill the pages in; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "cells.json")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the pages lie")
    options = parser.parse_args(arguments)
    try:
        document = json.loads(options.results.read_text(encoding="utf-8"))
    except FileNotFoundError:
        print(f"draw_cells.py: there are no results {options.results}.", file=sys.stderr)
        return 2
    images = options.docs / "images"
    images.mkdir(exist_ok=True)
    cells = document["cells"]
    bars(cells, SCORES).savefig(images / "cells-scores.png", dpi=120)
    bars(cells, SPEEDS).savefig(images / "cells-speed.png", dpi=120)
    curves(cells).savefig(images / "cells-curves.png", dpi=120)
    for name, page in PAGES.items():
        fill_in(options.docs / name, table(document, page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
