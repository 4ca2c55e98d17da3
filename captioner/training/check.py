"""Looking a recipe's data over before hours are spent on it: `captioner train RECIPE --check`."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

from captioner.datasets import Dataset, Record, in_processes, read_names
from captioner.errors import ImageError
from captioner.images import Photo
from captioner.messages import Message, progress_bar, translate
from captioner.text import Vocabulary, tokenizer
from captioner.text.vocabulary import SPECIAL
from captioner.training.recipe import Recipe, Source
from captioner.training.sources import read_source

log = logging.getLogger(__name__)

# A digest of each photo's file, or why it is unreadable.
Opened = Mapping[Photo, bytes | ImageError]

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
    opened, counts, long = _look_over([dataset for _, dataset in sources], recipe)
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
        *_vocabulary_lines(counts, recipe.data.min_count),
    ]
    blocks = [
        _source_lines(source, dataset, opened, cut, recipe.data.max_words)
        for (source, dataset), cut in zip(sources, long, strict=True)
    ]
    text = "\n\n".join("\n".join(lines) for lines in (*blocks, together))
    is_missing = any(dataset.missing for _, dataset in sources)
    is_unreadable = any(isinstance(found, ImageError) for found in opened.values())
    return Report(text, not (absent or leaks or is_missing or is_unreadable))


def _look_over(
    datasets: Sequence[Dataset], recipe: Recipe
) -> tuple[Opened, dict[str, Counter[str]], list[int]]:
    """Open each photo, by processes, and meanwhile cut the captions into words.

    Returns how often each word is in the captions of each split's readable photos, too, and how
    many captions of each dataset are too long.
    """
    photos = list(dict.fromkeys(record.photo for own in datasets for record in own.records))
    results = in_processes(_open, photos)
    desc, unit = translate("Opening photos"), translate("photo")
    bar = iter(progress_bar(results, total=len(photos), desc=desc, unit=unit))
    tokenize = tokenizer(recipe.data.language, recipe.data.unit).tokenize
    opened: dict[Photo, bytes | ImageError] = {}
    counts: dict[str, Counter[str]] = {split: Counter() for split in _SPLITS}
    long = []
    for dataset in datasets:
        long.append(0)
        for record in dataset.records:
            if record.photo not in opened:
                opened[record.photo] = next(bar)
            captions = list(map(tokenize, record.captions))
            long[-1] += sum(len(words) > recipe.data.max_words for words in captions)
            if isinstance(opened[record.photo], bytes):
                counts[record.split].update(chain.from_iterable(captions))
    next(bar, None)  # has the bar say that it is done
    return opened, counts, long


def _open(photo: Photo) -> bytes | ImageError:
    """A digest of a photo's file; decoded as small as its format can, which reads it to its end."""
    try:
        photo.open(at_least=1)
        return hashlib.blake2b(photo.read(), digest_size=16).digest()
    except ImageError as error:
        return error


def _same_bytes(
    sources: Sequence[tuple[Source, Dataset]], opened: Opened
) -> tuple[list[str], list[str]]:
    """Photos of the same bytes, each called by its name, split and source; those of which one
    trains and another is evaluated on are apart."""
    digests = (opened[record.photo] for _, dataset in sources for record in dataset.records)
    seen = Counter(digest for digest in digests if isinstance(digest, bytes))
    groups: dict[bytes, list[tuple[Record, Source]]] = defaultdict(list)
    for source, dataset in sources:
        for record in dataset.records:
            digest = opened[record.photo]
            if isinstance(digest, bytes) and seen[digest] > 1:
                groups[digest].append((record, source))
    duplicates: list[str] = []
    leaks: list[str] = []
    for group in groups.values():
        splits = {record.split for record, _ in group}
        found = leaks if "train" in splits and len(splits) > 1 else duplicates
        called = [f"{r.name} ({_SPLITS[r.split]}, {s.path})" for r, s in group[:_SHOWN]]
        if len(group) > _SHOWN:
            called.append(translate(Message("and {:,} more", len(group) - _SHOWN)))
        found.append(" = ".join(called))
    return duplicates, leaks


def _vocabulary_lines(counts: Mapping[str, Counter[str]], min_count: int) -> list[str]:
    """The vocabulary's size, and the share of each split's words that it holds."""
    vocabulary = Vocabulary.of_counts(counts["train"], min_count)
    said = len(vocabulary) - len(SPECIAL), min_count
    lines = [_line("vocabulary: {:,} words seen {} times or more", *said)]
    for split, name in _SPLITS.items():
        if total := counts[split].total():
            known = (n for word, n in counts[split].items() if vocabulary.number(word) is not None)
            template = "of the words in {} captions it holds {:.2%}"
            lines.append(_line(template, Message(name), sum(known) / total))
    return lines


def _source_lines(
    source: Source, dataset: Dataset, opened: Opened, long: int, max_words: int
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
    texts = (caption for record in dataset.records for caption in record.captions)
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
