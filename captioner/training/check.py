"""Looking a recipe's data over before hours are spent on it: `captioner train RECIPE --check`."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from captioner.datasets import Dataset, Record, in_threads, read_names
from captioner.errors import ImageError
from captioner.images import Photo
from captioner.messages import Message, progress_bar, translate
from captioner.text import Vocabulary, tokenizer
from captioner.text.vocabulary import SPECIAL
from captioner.training.data import read_source
from captioner.training.recipe import Recipe, Source

log = logging.getLogger(__name__)

Tokens = Mapping[str, list[str]]  # of each caption
Opened = Mapping[Photo, str | ImageError]  # a digest of each photo's file, or why it is unreadable

_SHOWN = 5  # of a list of faults
_SPLITS = {"train": "train", "val": "val", "test": "test", "held_out": "held out"}


@dataclass(frozen=True)
class Report:
    """What was found in a recipe's data.

    text: as a person reads it. fine: whether every photo can be read, both splits that a training
    needs have some, and none is in both.
    """

    text: str
    fine: bool


def check_data(recipe: Recipe) -> Report:
    """Read all of a recipe's data and open every photo once.

    Raises DatasetError where a file is missing or malformed; everything else is in the report.
    """
    sources = [(source, read_source(source, recipe)) for source in recipe.data.sources]
    records = [record for _, dataset in sources for record in dataset.records]
    opened = _open_all(records, recipe.preprocessing.size)
    tokens = _tokenize(records, recipe)
    absent = {"train", "val"} - {record.split for record in records}
    duplicates, leaks = _same_bytes(sources, opened)
    if leaks:
        warning = (
            "WARNING: {} photos train and are evaluated on as well, so scores will be too good."
        )
        log.warning(Message(warning, len(leaks)))

    title = "photos that train and are evaluated on: {:,}"
    if leaks:
        title = "LEAK, photos that train and are evaluated on: {:,}"
    together = [
        translate("all sources together"),
        *(_line("NO PHOTO in the {} split", Message(split)) for split in sorted(absent)),
        *_listed("duplicate photos: {:,}", duplicates),
        *_listed(title, leaks),
        *_vocabulary_lines(records, opened, tokens, recipe.data.min_count),
    ]
    blocks = [_source_lines(*source, opened, tokens, recipe.data.max_words) for source in sources]
    text = "\n\n".join("\n".join(lines) for lines in (*blocks, together))
    is_missing = any(dataset.missing for _, dataset in sources)
    is_unreadable = any(isinstance(found, ImageError) for found in opened.values())
    return Report(text, not (absent or leaks or is_missing or is_unreadable))


def _open_all(records: Iterable[Record], size: int) -> Opened:
    photos = list(dict.fromkeys(record.photo for record in records))

    def open_one(photo: Photo) -> str | ImageError:
        try:
            photo.open(at_least=size)
            return hashlib.blake2b(photo.read()).hexdigest()
        except ImageError as error:
            return error

    results = in_threads(open_one, photos)
    desc, unit = translate("Opening photos"), translate("photo")
    bar = progress_bar(results, total=len(photos), desc=desc, unit=unit)
    return dict(zip(photos, bar, strict=True))


def _tokenize(records: Iterable[Record], recipe: Recipe) -> Tokens:
    tokenize = tokenizer(recipe.data.language, recipe.data.unit).tokenize
    captions = {caption for record in records for caption in record.captions}
    desc, unit = translate("Reading captions"), translate("caption")
    return {c: tokenize(c) for c in progress_bar(captions, desc=desc, unit=unit)}


def _same_bytes(
    sources: Sequence[tuple[Source, Dataset]], opened: Opened
) -> tuple[list[str], list[str]]:
    """Photos of the same bytes, each called by its name, split and source; those of which one
    trains and another is evaluated on are apart."""
    groups: dict[str, list[tuple[Record, Source]]] = defaultdict(list)
    for source, dataset in sources:
        for record in dataset.records:
            digest = opened[record.photo]
            if isinstance(digest, str):
                groups[digest].append((record, source))
    duplicates: list[str] = []
    leaks: list[str] = []
    for group in groups.values():
        if len(group) > 1:
            splits = {record.split for record, _ in group}
            found = leaks if "train" in splits and len(splits) > 1 else duplicates
            called = [f"{r.name} ({_SPLITS[r.split]}, {s.path})" for r, s in group[:_SHOWN]]
            if len(group) > _SHOWN:
                called.append(translate(Message("and {:,} more", len(group) - _SHOWN)))
            found.append(" = ".join(called))
    return duplicates, leaks


def _vocabulary_lines(
    records: Iterable[Record], opened: Opened, tokens: Tokens, min_count: int
) -> list[str]:
    """The vocabulary's size, and the share of each split's words that it holds."""
    texts: dict[str, list[list[str]]] = defaultdict(list)
    for record in records:
        if isinstance(opened[record.photo], str):
            texts[record.split] += [tokens[caption] for caption in record.captions]
    vocabulary = Vocabulary.build(texts["train"], min_count)
    words = len(vocabulary) - len(SPECIAL), min_count
    lines = [_line("vocabulary: {:,} words seen {} times or more", *words)]
    for split, name in _SPLITS.items():
        known = [vocabulary.number(word) is not None for text in texts[split] for word in text]
        if known:
            share = sum(known) / len(known)
            template = "of the words in {} captions it holds {:.2%}"
            lines.append(_line(template, Message(name), share))
    return lines


def _source_lines(
    source: Source, dataset: Dataset, opened: Opened, tokens: Tokens, max_words: int
) -> list[str]:
    title = Message("{} ({})", source.path, source.format)
    if source.weight != 1:
        title = Message("{} ({}, weight {:g})", source.path, source.format, source.weight)
    lines = [translate(title)]
    for split, name in _SPLITS.items():
        captions = [record.captions for record in dataset.records if record.split == split]
        if captions:
            counts = len(captions), sum(map(len, captions))
            lines.append(_line("{}: {:,} photos with {:,} captions", Message(name), *counts))
    if dataset.unlisted:
        lines.append(_line("captions of photos that are not listed: {:,}", dataset.unlisted))
    reasons = (opened[record.photo] for record in dataset.records)
    unreadable = [translate(reason) for reason in reasons if isinstance(reason, ImageError)]
    lines += _listed("missing photos: {:,}", dataset.missing)
    lines += _listed("unreadable photos: {:,}", unreadable)
    if unknown := _unknown(source, dataset):
        lines += _listed("held-out names without a photo: {:,}", unknown)
    texts = [caption for record in dataset.records for caption in record.captions]
    long = sum(len(tokens[text]) > max_words for text in texts)
    without_letter = sum(not any(map(str.isalpha, text)) for text in texts)
    return [
        *lines,
        _line("empty captions: {:,}", len(dataset.empty)),
        _line("captions longer than {} words, which are cut: {:,}", max_words, long),
        _line("captions without a letter: {:,}", without_letter),
    ]


def _unknown(source: Source, dataset: Dataset) -> list[str]:
    """The held-out names that are no photo of the source, not even a missing one."""
    if not source.held_out:
        return []
    held = [record.name for record in dataset.records if record.split == "held_out"]
    known = {*held, *dataset.missing}
    known |= {PurePosixPath(name).name for name in known}
    return sorted(read_names(Path(source.held_out)) - known)


def _listed(title: str, faults: Sequence[str]) -> list[str]:
    """title: the template of the line above, with a place for the number of faults."""
    rest = len(faults) - _SHOWN
    more = [translate(Message("... and {:,} more", rest))] if rest > 0 else []
    shown = (f"    {fault}" for fault in (*faults[:_SHOWN], *more))
    return [_line(title, len(faults)), *shown]


def _line(template: str, *values: object) -> str:
    return f"  {translate(Message(template, *values))}"
