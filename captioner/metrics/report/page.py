"""The report as one web page that needs nothing else: styles and photos lie inside it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from captioner.metrics.report.captions import Entry
from captioner.metrics.report.comparison import Comparison
from captioner.metrics.report.report import Report, columns
from captioner.metrics.scores import TITLES, Scores
from captioner.templates import read_template
from captioner.text import LANGUAGES

EXTREMES = 12
RANDOM = 50
_ON_A_CARD = ("cider", "rouge_l", "bleu_4", "meteor", "spice")


@dataclass(frozen=True)
class _Tile:
    """One metric at a glance; the bars' lengths are in percent of the room they have."""

    title: str
    score: float
    bar: float
    human: float | None
    human_bar: float


@dataclass(frozen=True)
class _Card:
    """One photo on the page, with its data URI; other: the caption it is compared with."""

    entry: Entry
    scores: dict[str, float]
    photo: str | None
    other: str | None


def report_page(
    report: Report,
    photo: Callable[[str], str | None] = lambda image: None,
    comparison: Comparison | None = None,
) -> str:
    """The report as HTML: scores, the best and the worst dozen photos by CIDEr, a random fifty.

    photo: gives a photo's data URI by its name, None where there is none; it is asked once for
    each photo that the page shows. comparison: shown too, its captions beside the report's.

    Raises MissingError where jinja2 is not installed.
    """
    template = load_template()

    @cache
    def card(row: int) -> _Card:
        entry = report.captions.entries[row]
        other = comparison.other_captions.get(entry.image) if comparison else None
        return _Card(entry, _card_scores(report.each[row]), photo(entry.image), other)

    return template.render(
        report=report,
        language=LANGUAGES[report.captions.language],
        tiles=_tiles(report),
        titles={name: TITLES[name] for name in columns(report.lines.values())},
        comparison=comparison,
        comparison_titles=TITLES,
        notes=(*report.notes, *(comparison.notes() if comparison else ())),
        sections={title: [card(row) for row in rows] for title, rows in _chosen(report).items()},
    )


def load_template() -> Any:
    """The page's template. Raises MissingError where jinja2 is not installed."""
    return read_template(Path(__file__).with_name("page.html"))


def _chosen(report: Report) -> dict[str, list[int]]:
    """Which captions each section of the page shows, by their row in the report."""
    ranked = sorted(range(len(report.each)), key=lambda row: _quality(report.each[row]))
    some = min(EXTREMES, (len(ranked) + 1) // 2)
    drawn = random.Random(0).sample(range(len(ranked)), min(RANDOM, len(ranked)))
    return {"The best": ranked[::-1][:some], "The worst": ranked[:some], "At random": drawn}


def _quality(scores: Scores) -> tuple[float, ...]:
    """CIDEr, and where two have the same, as many have zero, what other metrics say."""
    return scores.cider, scores.rouge_l, scores.bleu_1


def _card_scores(scores: Scores) -> dict[str, float]:
    known = scores.as_dict()
    return {TITLES[name]: known[name] for name in _ON_A_CARD if name in known}


def _tiles(report: Report) -> list[_Tile]:
    people = report.lines["human"].scores.as_dict() if "human" in report.lines else {}
    tiles = []
    for name, score in report.scores.as_dict().items():
        human = people.get(name)
        # Room for both bars, and a full bar only where a metric can't go higher.
        room = max(100.0, score, human or 0.0)
        tiles.append(
            _Tile(TITLES[name], score, 100 * score / room, human, 100 * (human or 0.0) / room)
        )
    return tiles
