"""Looking a recipe's data over before hours are spent on it: `captioner train RECIPE --check`."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from captioner.datasets import (
    Dataset,
    Record,
    in_threads,
    read_names,
)
from captioner.errors import ImageError
from captioner.images import Photo
from captioner.messages import Message, translate
from captioner.text import Vocabulary, tokenizer
from captioner.text.vocabulary import SPECIAL
from captioner.training.data import read_source
from captioner.training.recipe import Recipe, Source

log = logging.getLogger(__name__)

Tokens = dict[str, list[str]]  # of each caption

_SHOWN = 5  # of a list of faults
_SPLITS = {"train": "train", "val": "val", "test": "test", "held_out": "held out"}


@dataclass(frozen=True)
class SourceReport:
    """What one source holds.

    splits: photos and captions by split. missing: names of photos. unreadable: why, for each.
    unknown: names of its held-out list that are no photo of it. The rest are numbers of captions.
    """

    title: Message
    splits: dict[str, tuple[int, int]]
    missing: tuple[str, ...]
    unreadable: tuple[Message, ...]
    unknown: tuple[str, ...]
    empty: int
    long: int
    without_letter: int


@dataclass(frozen=True)
class Report:
    """What was found in a recipe's data.

    duplicates: photos of the same bytes, each called by its name, split and source.
    leaks: those among them of which one trains and another is evaluated on.
    coverage: the share of a split's words, from 0 to 1, that is in the vocabulary.
    """

    sources: tuple[SourceReport, ...]
    duplicates: tuple[tuple[str, ...], ...]
    leaks: tuple[tuple[str, ...], ...]
    vocabulary: int
    coverage: dict[str, float]
    min_count: int
    max_words: int

    @property
    def absent(self) -> tuple[str, ...]:
        """The splits that a training needs and that have no photo."""
        counts = (source.splits for source in self.sources)
        present = {split for splits in counts for split in splits}
        return tuple(split for split in ("train", "val") if split not in present)

    @property
    def fine(self) -> bool:
        """Whether every photo can be read, both splits have some, and none is in both."""
        faults = any(source.missing or source.unreadable for source in self.sources)
        return not (faults or self.leaks or self.absent)

    def text(self) -> str:
        """The report as a person reads it."""
        blocks = [_source_lines(source, self.max_words) for source in self.sources]
        return "\n\n".join("\n".join(lines) for lines in (*blocks, self._summary()))

    def _summary(self) -> list[str]:
        lines = [translate("all sources together")]
        lines += [_line("NO PHOTO in the {} split", Message(split)) for split in self.absent]
        lines += _listed("duplicate photos: {:,}", [" = ".join(group) for group in self.duplicates])
        title = "photos that train and are evaluated on: {:,}"
        if self.leaks:
            title = "LEAK, photos that train and are evaluated on: {:,}"
        lines += _listed(title, [" = ".join(group) for group in self.leaks])
        words = self.vocabulary, self.min_count
        lines.append(_line("vocabulary: {:,} words seen {} times or more", *words))
        for split, share in self.coverage.items():
            in_split = Message(_SPLITS[split])
            lines.append(_line("of the words in {} captions it holds {:.2%}", in_split, share))
        return lines


def check_data(recipe: Recipe) -> Report:
    """Read all of a recipe's data and open every photo once.

    Raises DatasetError where a file is missing or malformed; everything else is in the report.
    """
    datasets = [read_source(source, recipe) for source in recipe.data.sources]
    records = [record for dataset in datasets for record in dataset.records]
    opened = _open_all(records, recipe.preprocessing.size)
    tokens = _tokenize(records, recipe)
    readable = [r for r in records if not isinstance(opened[r.photo], ImageError)]
    vocabulary, coverage = _vocabulary(readable, tokens, recipe.data.min_count)
    groups = _same_bytes(datasets, recipe.data.sources, opened)
    report = Report(
        tuple(
            _source_report(source, dataset, opened, tokens, recipe.data.max_words)
            for source, dataset in zip(recipe.data.sources, datasets, strict=True)
        ),
        tuple(called for called, leaks in groups if not leaks),
        tuple(called for called, leaks in groups if leaks),
        vocabulary,
        coverage,
        recipe.data.min_count,
        recipe.data.max_words,
    )
    if report.leaks:
        leaks = "WARNING: {} photos train and are evaluated on as well, so scores will be too good."
        log.warning(Message(leaks, len(report.leaks)))
    return report


def _open_all(records: Iterable[Record], size: int) -> dict[Photo, str | ImageError]:
    """For each photo a digest of its file, or why it cannot be read."""
    photos = list(dict.fromkeys(record.photo for record in records))

    def open_one(photo: Photo) -> str | ImageError:
        try:
            photo.open(at_least=size)
            return hashlib.blake2b(photo.read()).hexdigest()
        except ImageError as error:
            return error

    results = in_threads(open_one, photos)
    desc, unit = translate("Opening photos"), translate("photo")
    bar = tqdm(results, total=len(photos), desc=desc, unit=unit, smoothing=0.05)
    return dict(zip(photos, bar, strict=True))


def _tokenize(records: Iterable[Record], recipe: Recipe) -> Tokens:
    tokenize = tokenizer(recipe.data.language, recipe.data.unit).tokenize
    captions = {caption for record in records for caption in record.captions}
    bar = tqdm(
        captions, desc=translate("Reading captions"), unit=translate("caption"), smoothing=0.05
    )
    return {caption: tokenize(caption) for caption in bar}


def _vocabulary(
    records: Sequence[Record], tokens: Tokens, min_count: int
) -> tuple[int, dict[str, float]]:
    """The vocabulary's size, and the share of each split's words that it holds."""
    texts: dict[str, list[list[str]]] = defaultdict(list)
    for record in records:
        texts[record.split] += [tokens[caption] for caption in record.captions]
    vocabulary = Vocabulary.build(texts["train"], min_count)
    coverage = {}
    for split in _SPLITS:
        known = [vocabulary.number(word) is not None for text in texts[split] for word in text]
        if known:
            coverage[split] = sum(known) / len(known)
    return len(vocabulary) - len(SPECIAL), coverage


def _same_bytes(
    datasets: Sequence[Dataset],
    sources: Sequence[Source],
    opened: dict[Photo, str | ImageError],
) -> list[tuple[tuple[str, ...], bool]]:
    """Groups of photos with the same bytes, and whether one trains and another is evaluated on."""
    groups: dict[str, list[tuple[Record, Source]]] = defaultdict(list)
    for source, dataset in zip(sources, datasets, strict=True):
        for record in dataset.records:
            digest = opened[record.photo]
            if isinstance(digest, str):
                groups[digest].append((record, source))
    found = []
    for group in groups.values():
        if len(group) > 1:
            called = tuple(f"{r.name} ({_SPLITS[r.split]}, {s.path})" for r, s in group)
            splits = {record.split for record, _ in group}
            found.append((called, "train" in splits and len(splits) > 1))
    return found


def _source_report(
    source: Source,
    dataset: Dataset,
    opened: dict[Photo, str | ImageError],
    tokens: Tokens,
    max_words: int,
) -> SourceReport:
    captions = [caption for record in dataset.records for caption in record.captions]
    reasons = (opened[record.photo] for record in dataset.records)
    return SourceReport(
        _title(source),
        _splits(dataset.records),
        dataset.missing,
        tuple(reason for reason in reasons if isinstance(reason, ImageError)),
        _unknown(source, dataset),
        len(dataset.empty),
        sum(len(tokens[caption]) > max_words for caption in captions),
        sum(not any(map(str.isalpha, caption)) for caption in captions),
    )


def _title(source: Source) -> Message:
    if source.weight == 1:
        return Message("{} ({})", source.path, source.format)
    return Message("{} ({}, weight {:g})", source.path, source.format, source.weight)


def _splits(records: Iterable[Record]) -> dict[str, tuple[int, int]]:
    counts = dict.fromkeys(_SPLITS, (0, 0))
    for record in records:
        photos, captions = counts[record.split]
        counts[record.split] = photos + 1, captions + len(record.captions)
    return {split: count for split, count in counts.items() if count[0]}


def _unknown(source: Source, dataset: Dataset) -> tuple[str, ...]:
    """The held-out names that are no photo of the source, not even a missing one."""
    if not source.held_out:
        return ()
    held = [record.name for record in dataset.records if record.split == "held_out"]
    known = {*held, *dataset.missing}
    known |= {PurePosixPath(name).name for name in known}
    return tuple(sorted(read_names(Path(source.held_out)) - known))


def _source_lines(source: SourceReport, max_words: int) -> list[str]:
    lines = [translate(source.title)]
    for split, (photos, captions) in source.splits.items():
        where = Message(_SPLITS[split])
        lines.append(_line("{}: {:,} photos with {:,} captions", where, photos, captions))
    lines += _listed("missing photos: {:,}", source.missing)
    lines += _listed("unreadable photos: {:,}", list(map(translate, source.unreadable)))
    if source.unknown:
        lines += _listed("held-out names without a photo: {:,}", source.unknown)
    lines.append(_line("empty captions: {:,}", source.empty))
    template = "captions longer than {} words, which are cut: {:,}"
    lines.append(_line(template, max_words, source.long))
    lines.append(_line("captions without a letter: {:,}", source.without_letter))
    return lines


def _listed(title: str, faults: Sequence[str]) -> list[str]:
    """title: the template of the line above, with a place for the number of faults."""
    rest = len(faults) - _SHOWN
    more = [translate(Message("... and {:,} more", rest))] if rest > 0 else []
    shown = (f"    {fault}" for fault in (*faults[:_SHOWN], *more))
    return [_line(title, len(faults)), *shown]


def _line(template: str, *values: object) -> str:
    return f"  {translate(Message(template, *values))}"
