"""Scoring a model on a split of a dataset, or anybody's captions: the report, and its files."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from captioner.captioning import PhotoCaptioner
from captioner.captions import Row, to_json
from captioner.datasets import (
    CocoCaptions,
    Dataset,
    Record,
    read_captions,
    read_coco_captions,
    read_coco_results,
    read_dataset,
    read_names,
)
from captioner.datasets.finding import find_photos, images_below
from captioner.datasets.reading import recognise
from captioner.errors import CaptionerError, DatasetError, ImageError, MissingError, OptionError
from captioner.files import writing
from captioner.images import Photo, thumbnail
from captioner.messages import Message, progress_bar, reason, translate
from captioner.metrics.official import official_scores, why_no_official_scores
from captioner.metrics.report import (
    Captions,
    Comparison,
    Entry,
    Report,
    check_comparable,
    compare,
    make_report,
    report_page,
)
from captioner.options import CaptionOptions
from captioner.text import units
from captioner.text.vocabulary import SPECIAL

log = logging.getLogger(__name__)

_PAGE_PHOTO = 400  # pixels on the longer side of a photo inside the HTML report


@dataclass(frozen=True)
class Evaluation:
    """A report on captions, with what is needed to write it down.

    comparison: with an earlier report, where one was given. photos: where the photos lie, by name.
    unreadable: how many photos could not be read and are left out.
    """

    report: Report
    comparison: Comparison | None
    photos: Mapping[str, Photo]
    unreadable: int = 0

    @property
    def notes(self) -> tuple[Message, ...]:
        """What whoever reads the figures should know."""
        return (*self.report.notes, *(self.comparison.notes() if self.comparison else ()))

    def table(self) -> str:
        """The figures as lines of text."""
        tables = [self.report.table()]
        if self.comparison:
            tables.append(self.comparison.table())
        return "\n\n".join(tables)

    def write_json(self, path: Path) -> None:
        """Write the whole report, with every caption's own scores."""
        document = self.report.as_dict()
        if self.comparison:
            document["comparison"] = self.comparison.as_dict()
        _write(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")

    def write_html(self, path: Path) -> None:
        """Write the report as one web page, with small copies of the photos inside it."""
        _write(path, report_page(self.report, self._data_uri, self.comparison))

    def _data_uri(self, name: str) -> str | None:
        if name not in self.photos:
            return None
        try:
            photo = self.photos[name].open(at_least=_PAGE_PHOTO)
        except ImageError as error:
            log.warning(error)
            return None
        return thumbnail(photo, _PAGE_PHOTO)


@dataclass(frozen=True)
class ReportOptions:
    """What a report holds besides the scores.

    photos: where the photos lie; beside the captions where not given. training: datasets whose
    train split the model was trained on; that of the evaluated data where not given. earlier: a
    report to compare with. official: the field's own scorer's figures too. skip: of all captions
    that are read, see `read_dataset`.
    """

    photos: Path | None = None
    training: tuple[Path, ...] = ()
    earlier: Captions | None = None
    official: bool = False
    skip: bool = False


def evaluate_model(
    captioner: PhotoCaptioner[Any],
    data: Path,
    split: str = "val",
    *,
    names: Path | None = None,
    save: Path | None = None,
    report: ReportOptions = ReportOptions(),
    options: CaptionOptions | None = None,
) -> Evaluation:
    """Caption a split and score the captions against the references.

    data: a dataset in any layout. names: a file that names those photos of the split that count.
    save: where to keep the captions, as JSON Lines of `image` and `caption`. options: how
    captions are written.

    Photos that cannot be read are named and left out. Raises DatasetError where a file is malformed
    or nothing is left, and MissingError where what the report needs is not installed.
    """
    scored, training, notes = _read_split(data, split, captioner.language, names, report)
    _check(report, captioner.language, [record.name for record in scored])
    written, unreadable = _caption(captioner, scored, options)
    if save:
        _write(save, to_json(Row(record.name, text) for record, text in written).decode())
    if not written:
        raise DatasetError("None of the {} photos of {} can be read.", len(scored), data)
    entries = tuple(Entry(record.name, text, record.captions) for record, text in written)
    part = f", those in {names.name}" if names else ""
    source = f"{data.resolve().name}, {split} split{part}"
    captions = Captions(captioner.name or "captions", captioner.language, entries, source)
    notes += _note("Photos that cannot be read, left out: {}, as {}.", unreadable)
    made, comparison = _report(captions, report, training, _words(captioner), notes)
    photos = {record.name: record.photo for record, _ in written}
    return Evaluation(made, comparison, photos, len(unreadable))


def score_results(
    results: Path, references: Path, language: str = "en", report: ReportOptions = ReportOptions()
) -> Evaluation:
    """Score captions in COCO results format against references in COCO captions format.

    An empty caption is scored as zero, as the field's scorer does, and counted.

    Raises DatasetError where a file is malformed, or a caption or a reference is alone, and
    MissingError as `evaluate_model`.
    """
    truth = read_coco_captions(references, report.skip)
    entries = tuple(
        Entry(truth.names[image], text, tuple(filter(None, truth.captions[image])))
        for image, text in read_coco_results(results, truth).items()
    )
    captions = Captions(results.stem, language, entries, f"{results.name}, {references.name}")
    images = [entry.image for entry in entries]
    _check(report, language, images)
    notes = _notes_on_references(truth)
    found: dict[str, Photo] = {}
    if report.photos:
        found = find_photos(_photo_sources(report.photos)).match(images)
        unseen = [image for image in images if image not in found]
        shown = "Photos that are not in {}, shown without a picture: {}, as {}."
        notes += _note(shown, unseen, report.photos)
    training = _training(report, language) or None
    made, comparison = _report(captions, report, training, None, notes)
    return Evaluation(made, comparison, found)


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path] = ()) -> None:
    """Make sure that each file can be written, before hours are spent; nothing is changed.

    Raises CaptionerError where one cannot, comes twice, or is one of the inputs.
    """
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise CaptionerError("{} is read or written already: name another file.", path)
        taken.add(path.resolve())
        existed = os.path.exists(path)
        with writing(path, CaptionerError):
            path.open("ab").close()
        if not existed:
            path.resolve().unlink()


def _read_split(
    data: Path, split: str, language: str, names: Path | None, report: ReportOptions
) -> tuple[tuple[Record, ...], list[str] | None, list[Message]]:
    """What is to be captioned, the captions that the model was trained on, and notes."""
    dataset = _read(data, split, language, report.skip, report.photos)
    notes = _note("Captioned photos of {} that are missing: {}, as {}.", dataset.missing, data)
    left_out = "Photos of {} with an empty caption, which is left out: {}, as {}."
    notes += _note(left_out, dataset.empty, data) + _note_unlisted(dataset.unlisted, data)
    if dataset.missing and not dataset.records:
        raise DatasetError(
            "None of the {:,} captioned photos of {} is there, as {}: --photos names their folder.",
            len(dataset.missing),
            data,
            dataset.missing[0],
        )
    scored, rest = dataset.split(split), dataset
    if names:
        wanted = read_names(names)
        scored, rest = scored.hold_out(wanted).split("held_out"), dataset.hold_out(wanted)
        known = {form for r in scored.records for form in (r.name, PurePosixPath(r.name).name)}
        what = "Names in {} without a photo in the {} split of {}: {}, as {}."
        notes += _note(what, sorted(wanted - known), names, Message(split), data)
        if not scored.records:
            raise DatasetError(
                "{} has no photo that {} names in its {} split.", data, names, Message(split)
            )
    if not scored.records:
        raise DatasetError("{} has no photo in its {} split.", data, Message(split))
    training = _training(report, language) or _texts(rest.split("train"))
    return scored.records, training or None, notes


def _check(report: ReportOptions, language: str, images: Sequence[str]) -> None:
    """Whatever could stop a report at its end stops it before anything is captioned."""
    if report.earlier:
        check_comparable(report.earlier, language, images)
    if report.official:
        if language != "en":
            raise OptionError("The official scorer tokenises English only.")
        if why := why_no_official_scores():
            raise MissingError.of(why)


def _report(
    captions: Captions,
    options: ReportOptions,
    training: list[str] | None,
    vocabulary: tuple[str, ...] | None,
    notes: list[Message],
) -> tuple[Report, Comparison | None]:
    """See `make_report`."""
    official = None
    if options.official:
        texts, references = zip(*((e.caption, e.references) for e in captions.entries), strict=True)
        try:
            official = official_scores(texts, references)
        except (CaptionerError, UnicodeError) as error:  # the captions may have taken hours
            told = error if isinstance(error, CaptionerError) else reason(error)
            notes = [*notes, Message("The official scores are left out: {}", told)]
    report = make_report(captions, training, vocabulary, official, notes)
    return report, compare(captions, options.earlier) if options.earlier else None


def _read(data: Path, split: str, language: str, skip: bool, photos: Path | None = None) -> Dataset:
    """A whole dataset; a COCO captions file is the split that is asked for, as it says none."""
    format, path = recognise(data)
    whole = split if format == "coco" else ""
    images = _photo_sources(photos) if photos else None
    return read_dataset(path, format, images, split=whole, language=language, skip=skip)


def _photo_sources(photos: Path) -> list[Path]:
    return images_below(photos) if os.path.isdir(photos) else [photos]


def _texts(dataset: Dataset) -> list[str]:
    return [text for record in dataset.records for text in record.captions]


def _training(report: ReportOptions, language: str) -> list[str]:
    """The captions of the train splits; of COCO captions files without looking for photos."""
    texts: list[str] = []
    for path in report.training:
        if recognise(path)[0] == "coco":
            groups = read_captions(path, report.skip).values()
            found = [text for group in groups for text in group if text]
        else:
            found = _texts(_read(path, "train", language, report.skip).split("train"))
        if not found:
            raise DatasetError("{} has no captions in its train split.", path)
        texts += found
    return texts


def _caption(
    captioner: PhotoCaptioner[Any], records: Sequence[Record], options: CaptionOptions | None
) -> tuple[list[tuple[Record, str]], list[str]]:
    """The records whose photos can be read, each with its caption, and the names of the others."""
    photos = progress_bar(
        (record.photo for record in records), total=len(records), unit=translate("photo")
    )
    results = captioner.caption_each(photos, options, opener=Photo.open)
    written: list[tuple[Record, str]] = []
    unreadable: list[str] = []
    for record, (_, result) in zip(records, results, strict=True):
        if isinstance(result, ImageError):
            log.warning(result)
            unreadable.append(record.name)
        else:
            written.append((record, result.text))
    return written, unreadable


def _words(captioner: PhotoCaptioner[Any]) -> tuple[str, ...] | None:
    """The words a model can write; None where it writes other units than words are counted in."""
    if captioner.unit != units(captioner.language)[0]:
        return None
    return captioner.vocabulary.words[len(SPECIAL) :]


def _notes_on_references(truth: CocoCaptions) -> list[Message]:
    empty = [truth.names[i] for i, texts in truth.captions.items() for text in texts if not text]
    alone = [truth.names[i] for i, texts in truth.captions.items() if not any(texts)]
    return [
        *_note("Photos with an empty reference, which is left out: {}, as {}.", empty),
        *_note("Photos without a reference, left out: {}, as {}.", alone),
        *_note_unlisted(truth.unlisted, truth.path),
    ]


def _note_unlisted(count: int, data: Path) -> list[Message]:
    template = "Captions of photos that {} does not list, left out: {}."
    return [Message(template, data, count)] if count else []


def _note(template: str, names: Sequence[str], *values: object) -> list[Message]:
    """A sentence that counts photos and names the first, where there are any.

    template: with places for the values, for the number and for the names.
    """
    return [Message(template, *values, len(names), ", ".join(names[:3]))] if names else []


def _write(path: Path, text: str) -> None:
    with writing(path, CaptionerError):
        # Half an emoji, which JSON can hold and UTF-8 cannot, is written as JSON's own escape.
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
