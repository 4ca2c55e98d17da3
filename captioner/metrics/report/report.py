"""The report on a set of captions: their scores, each one's own, people's beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from captioner.messages import Message
from captioner.metrics.meteor import why_no_nltk_meteor
from captioner.metrics.official import OfficialScores
from captioner.metrics.report.captions import FORMAT, VERSION, Captions
from captioner.metrics.report.content import Content, Training, by_subject, content
from captioner.metrics.report.human import human_scores
from captioner.metrics.report.table import aligned
from captioner.metrics.scores import TITLES, Scores, Statistics, measure_for
from captioner.metrics.sense import Sense, beside_a_person, why_no_content_words
from captioner.text import tokenizer, units

_GROUPS = ("rare", "medium", "common")
_SENSE = {
    "different_captions": ("different captions", "d"),
    "different_words": ("different words", "d"),
    "stutters": ("stutters, %", ".1f"),
    "wrong": ("wrong, %", ".1f"),
    "told": ("told, %", ".1f"),
    "words_a_caption": ("words per caption", ".2f"),
}


@dataclass(frozen=True)
class Line:
    """One line of the table: whose captions, of how many photos, with which scores."""

    name: str | Message
    photos: int
    scores: Scores


@dataclass(frozen=True)
class Report:
    """Everything that is known about a set of captions.

    each: each caption's scores, in the order of the captions' entries, in the language's first
    unit. lines: the table, by a short name: "captions" together; "human", where photos have more
    than one reference; "rare", "medium" and "common", the captions of photos whose subjects are so
    in training, where it is known. Further units and scorers have lines of their own, such as
    "captions_character". sense: how the captions and a person's read, as "captions" and "human"; of
    photos with five references, so empty where there are none. notes: sentences for whoever reads
    the figures.
    """

    captions: Captions
    each: tuple[Scores, ...]
    lines: Mapping[str, Line]
    content: Content
    sense: Mapping[str, Sense]
    notes: tuple[Message, ...] = ()

    @property
    def scores(self) -> Scores:
        """The scores of all captions together."""
        return self.lines["captions"].scores

    def table(self) -> str:
        """The figures as lines of text: scores in percent to one decimal, content, sense."""
        tables = [scores_table(list(self.lines.values())), aligned(self.content.rows())]
        if self.sense:
            tables.append(aligned(self.sense_rows()))
        return "\n\n".join(tables)

    def sense_rows(self) -> list[list[str | Message]]:
        """The table of how captions read: a heading, and a row each."""
        known = {key: sense.as_dict() for key, sense in self.sense.items()}
        names = [name for name in _SENSE if any(name in sense for sense in known.values())]
        heading: list[str | Message] = [
            "",
            Message("photos"),
            *(Message(_SENSE[name][0]) for name in names),
        ]
        titles: dict[str, str | Message] = {
            "captions": self.captions.title,
            "human": Message("a person"),
        }
        rows: list[list[str | Message]] = []
        for key, sense in known.items():
            cells = (format(sense[n], _SENSE[n][1]) if n in sense else "" for n in names)
            rows.append([titles[key], str(self.sense[key].photos), *cells])
        return [heading, *rows]

    def as_dict(self) -> dict[str, Any]:
        """The whole report, ready for JSON; `read_report` takes the captions out of it again."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "title": self.captions.title,
            "source": self.captions.source,
            "language": self.captions.language,
            "photos": len(self.each),
            "scores": {
                key: {"name": str(line.name), "photos": line.photos, **line.scores.as_dict()}
                for key, line in self.lines.items()
            },
            "content": self.content.as_dict(),
            "sense": {key: sense.as_dict() for key, sense in self.sense.items()},
            "notes": list(map(str, self.notes)),
            "captions": [
                {
                    "image": entry.image,
                    "caption": entry.caption,
                    "references": list(entry.references),
                    "scores": scores.as_dict(),
                }
                for entry, scores in zip(self.captions.entries, self.each, strict=True)
            ],
        }


def make_report(
    captions: Captions,
    training: Sequence[str] | None = None,
    vocabulary: Collection[str] | None = None,
    official: OfficialScores | None = None,
    notes: Sequence[Message] = (),
) -> Report:
    """Scores captions and describes them.

    training: the captions the model was trained on; without them the figures that need them are
    left out, and a note says so. vocabulary: the words the model can write. official: what the
    field's own scorer says of the same captions. notes: to begin with.

    Raises OptionError if there is no caption, one has no reference, or the language is unknown.
    """
    first, *others = (_cut(captions, unit) for unit in units(captions.language))
    lines = dict(first.lines)
    for cut in others:
        lines |= {f"{key}_{cut.unit}": line for key, line in cut.lines.items()}
    known = None
    if training is not None:
        known = Training.of(map(tokenizer(captions.language).tokenize, training))
        lines |= _subject_lines(first, known)
    each = first.measured.each()
    if official:
        name = Message("{}, by pycocoevalcap", captions.title)
        line = Line(name, len(each), Scores(**official.corpus))
        lines = {"captions": lines.pop("captions"), "official": line, **lines}
        each = _with_official(each, official)
        notes = (*notes, *official.notes)
    figures = content(first.candidates, known, vocabulary)
    texts, references = zip(*((e.caption, e.references) for e in captions.entries), strict=True)
    read = beside_a_person(texts, references, captions.language)
    notes = (*notes, *_notes(captions, figures, lines), *_notes_on_sense(captions, read))
    return Report(captions, each, lines, figures, read, notes)


@dataclass(frozen=True)
class _Cut:
    """Captions cut into tokens of one unit, and what they score so."""

    unit: str
    candidates: list[list[str]]
    references: list[list[list[str]]]
    measured: Statistics
    lines: dict[str, Line]


def _cut(captions: Captions, unit: str) -> _Cut:
    measure = measure_for(captions.language)
    candidates, references = captions.tokens(unit)
    measured = measure(candidates, references)
    several_units = len(units(captions.language)) > 1
    title = Message(f"{{}}, by {unit}", captions.title) if several_units else captions.title
    lines = {"captions": Line(title, len(candidates), measured.together())}
    if people := human_scores(references, measure):
        several = sum(len(group) > 1 for group in references)
        person = Message(f"a person, by {unit}") if several_units else Message("a person")
        lines["human"] = Line(person, several, people)
    return _Cut(unit, candidates, references, measured, lines)


def columns(lines: Collection[Line]) -> list[str]:
    """The names of the metrics that any of the lines has."""
    return [name for name in TITLES if any(name in line.scores.as_dict() for line in lines)]


def scores_table(lines: Sequence[Line]) -> str:
    """The lines under their metrics' names."""
    names = columns(lines)
    rows: list[list[str | Message]] = [["", Message("photos"), *(TITLES[name] for name in names)]]
    for line in lines:
        known = line.scores.as_dict()
        cells = (f"{known[name]:.1f}" if name in known else "" for name in names)
        rows.append([line.name, str(line.photos), *cells])
    return aligned(rows)


def _subject_lines(cut: _Cut, training: Training) -> dict[str, Line]:
    groups = by_subject(cut.references, training)
    if not all(map(len, groups)):
        return {}
    return {
        name: Line(Message(f"{name} subjects"), len(rows), cut.measured.together(rows))
        for name, rows in zip(_GROUPS, groups, strict=True)
    }


def _with_official(each: Sequence[Scores], official: OfficialScores) -> tuple[Scores, ...]:
    """Each caption's own scores, joined by those that only the field's own scorer computes."""
    names = [name for name in ("meteor", "spice") if name in official.sentences]
    rows = zip(*(official.sentences[name] for name in names), strict=True)
    return tuple(
        replace(scores, **dict(zip(names, row, strict=True)))
        for scores, row in zip(each, rows, strict=True)
    )


def _notes(captions: Captions, figures: Content, lines: Mapping[str, Line]) -> list[Message]:
    notes = []
    if "human" in lines:
        notes.append(
            Message(
                "A person is each reference scored against the photo's others, one reference fewer "
                "than the captions have."
            )
        )
    if alone := sum(len(entry.references) == 1 for entry in captions.entries):
        notes.append(
            Message("Photos with one reference, left out of a person's scores: {}.", alone)
        )
    if captions.language == "en" and (why := why_no_nltk_meteor()):
        notes.append(Message("nltk's METEOR is left out: {}", why))
    if figures.new is None:
        notes.append(
            Message("No training captions are known: what compares with them is left out.")
        )
    elif "rare" not in lines:
        notes.append(
            Message("Too few photos have a word that two references share to group them by it.")
        )
    elif lost := len(captions.entries) - sum(lines[name].photos for name in _GROUPS):
        notes.append(
            Message("Photos whose references share no word, left out of the groups: {}.", lost)
        )
    if figures.empty:
        notes.append(Message("Empty captions, which all metrics score as zero: {}.", figures.empty))
    return notes


def _notes_on_sense(captions: Captions, read: Mapping[str, Sense]) -> list[Message]:
    if not read:
        return [
            Message("Stutters, wrong and told words are left out: no photo has five references.")
        ]
    notes = [
        Message(
            "In the table of stutters a person is each photo's fifth reference; words are wrong or "
            "told by its first four."
        )
    ]
    if captions.language != "en":
        notes.append(
            Message("Chinese words are compared as they stand, without stems as in English.")
        )
    if why := why_no_content_words(captions.language):
        notes.append(Message("Wrong and told words are left out: {}", why))
    if lost := len(captions.entries) - read["captions"].photos:
        notes.append(
            Message(
                "Photos without five references or without a caption, left out of the table of "
                "stutters: {}.",
                lost,
            )
        )
    return notes
