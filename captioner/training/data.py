"""What a training run reads: photos and captions, as arrays and numbers."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from captioner.datasets import (
    Dataset,
    Photos,
    Record,
    decode_photos,
    read_dataset,
    read_lines,
    read_names,
)
from captioner.errors import DatasetError
from captioner.installed import model_folder
from captioner.messages import Message
from captioner.model import language_config, language_folder
from captioner.model.saving import read_vocabulary
from captioner.text import END, PAD, START, Vocabulary, tokenizer
from captioner.text.function_words import FUNCTION_WORDS
from captioner.text.inflection import base_forms
from captioner.text.vocabulary import SPECIAL
from captioner.training import augment
from captioner.training.mixing import Mixture
from captioner.training.recipe import OF_MODEL, Data, Recipe, Source

log = logging.getLogger(__name__)

_EMPTY = torch.tensor([START])
_SIDES = frozenset(("left", "right", "左", "右"))


@dataclass(frozen=True)
class Batch:
    """Photos with K captions each.

    rows: `[B]`, which photos. captions: `[B · K, T]`, padded. mirror: bool `[B]`, which may be
    mirrored. draws: `[B, 8]`, the numbers that augment them, see `augment.draw`.
    """

    rows: Tensor
    captions: Tensor
    mirror: Tensor
    draws: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, which: slice) -> Batch:
        """Some of the photos, with their captions."""
        captions = self.captions.unflatten(0, (len(self), -1))[which].flatten(0, 1)
        return Batch(self.rows[which], captions, self.mirror[which], self.draws[which])


_SUMMARY = {  # by the number of splits
    2: "{} photos with {} captions to train, {} photos with {} captions to evaluate; "
    "vocabulary of {} words.",
    3: "{} photos with {} captions to train, {} photos with {} captions to evaluate and {} photos "
    "with {} captions held out; vocabulary of {} words.",
}


class TrainingData:
    """Photos and captions of the train, val and held-out splits, and the train split's vocabulary.

    records: of all photos, those that cannot be read among them.
    mirror: bool `[n]`, which photos to train on may be mirrored.

    Raises DatasetError where a split is empty or nothing of it can be read.
    """

    def __init__(self, recipe: Recipe, cache: Path) -> None:
        size = recipe.preprocessing.size
        self.max_words = recipe.data.max_words
        self._language, self._unit = recipe.data.language, recipe.data.unit
        self.records = records = read_records(recipe)
        train, val = _split(records, "train"), _split(records, "val")
        tokenize = tokenizer(recipe.data.language, recipe.data.unit).tokenize
        words = {record: [tokenize(c) for c in record.captions] for record in train}
        # What leaves no words is refused here, before hours are spent on photos.
        _vocabulary((c for cs in words.values() for c in cs), recipe.data)
        self.train = decode_photos(train, size, cache)
        self.val = decode_photos(val, size, cache)
        held_out = [record for record in records if record.split == "held_out"]
        self.held_out = decode_photos(held_out, size, cache) if held_out else None
        for photos in (self.train, self.val, self.held_out):
            if photos and (reasons := photos.unreadable):
                template = "{} photos cannot be read and are left out: {}"
                log.warning(Message(template, len(reasons), _shortened(reasons)))
        tokens = [words[record] for record in self.train.records]
        self.vocabulary = _vocabulary((c for cs in tokens for c in cs), recipe.data)
        self._captions = [self._encode(captions) for captions in tokens]
        weights = [r.weight for r in self.train.records]
        worded = [
            w if captions else 0.0 for w, captions in zip(weights, self._captions, strict=True)
        ]
        self._weights, self._seed = torch.tensor(worded, dtype=torch.float64), recipe.seed
        self._mixture = self._mixed()
        # A mirrored photo must not be called "left" of anything.
        self.mirror = torch.tensor([not any(map(_names_a_side, cs)) for cs in tokens])

    def _mixed(self) -> Mixture:
        mixture = Mixture(self._weights, self._seed)
        if not len(mixture):
            raise DatasetError("The recipe leaves an epoch no photo whose captions have words.")
        return mixture

    def with_captions(self, least: int) -> TrainingData:
        """The same data, of whose training photos those remain that have so many captions.

        Raises DatasetError where that leaves none.
        """
        rows = [row for row, captions in enumerate(self._captions) if len(captions) >= least]
        if len(rows) == len(self._captions):
            return self
        if not rows:
            raise DatasetError("No photo to train on has {} captions.", least)
        some = copy.copy(self)
        some.train = self.train.subset(rows)
        some._captions = [self._captions[row] for row in rows]
        some._weights, some.mirror = self._weights[rows], self.mirror[rows]
        some._mixture = some._mixed()
        return some

    def without_photos(self, files: Sequence[Path]) -> TrainingData:
        """The sentences of text files, one a line, in place of photos with captions.

        Raises DatasetError where a file cannot be read or there is no sentence.
        """
        tokenize = tokenizer(self._language, self._unit).tokenize
        captions = self._encode([tokenize(line) for file in files for line in read_lines(file)])
        if not captions:
            raise DatasetError("The files of sentences hold no sentence.")
        text = copy.copy(self)
        text._captions = [[caption] for caption in captions]
        text._weights = torch.ones(len(captions), dtype=torch.float64)
        text.mirror = torch.zeros(len(captions), dtype=torch.bool)
        text._mixture = text._mixed()
        return text

    def __len__(self) -> int:
        """How many photos there are to train on, or sentences without."""
        return len(self._captions)

    def _encode(self, captions: list[list[str]]) -> list[Tensor]:
        kept = [tokens[: self.max_words] for tokens in captions if tokens]
        return [torch.tensor(self.vocabulary.encode(tokens)) for tokens in kept]

    def references(self) -> list[list[tuple[int, ...]]]:
        """The captions of each training photo as ids, with the end token and no start token."""
        groups = [[tuple(c.tolist()[1:]) for c in captions] for captions in self._captions]
        return [group or [(END,)] for group in groups]

    def frequencies(self) -> Tensor:
        """How often each word is in the captions to train on, those of a photo that comes twice
        counted twice: `float64 [V]`."""
        lengths = torch.tensor([sum(map(len, captions)) for captions in self._captions])
        words = torch.cat([caption for captions in self._captions for caption in captions])
        weights = self._weights.repeat_interleave(lengths)
        return torch.bincount(words, weights, minlength=len(self.vocabulary))

    def function_words(self) -> frozenset[int]:
        """The numbers of words that tell nothing of a photo."""
        words = map(self.vocabulary.number, FUNCTION_WORDS.get(self._language, ()))
        return frozenset(number for number in words if number is not None)

    def base_forms(self) -> dict[int, int]:
        """Of the numbers of a word's forms, the number of the word itself; of English only."""
        if self._language != "en":
            return {}
        words = self.vocabulary.words
        number = {word: row for row, word in enumerate(words)}
        return {number[form]: number[word] for form, word in base_forms(words).items()}

    def summary(self) -> Message:
        """One line for the person who waits."""
        splits = (self.train, self.val, *([self.held_out] if self.held_out else ()))
        counts = (count for photos in splits for count in _counts(photos))
        return Message(_SUMMARY[len(splits)], *counts, len(self.vocabulary) - len(SPECIAL))

    def steps(self, batch: int) -> int:
        """Batches an epoch; what does not fill the last one waits for the next epoch's order."""
        return max(1, len(self._mixture) // batch)

    def batches(
        self, batch: int, captions: int, generator: torch.Generator, epoch: int = 0
    ) -> Iterator[Batch]:
        """One epoch in random order, with at most `captions` of each photo's.

        A photo that has fewer is filled up with empty ones, the start token and nothing to learn:
        each caption counts alike, whether its photo has one or five.

        epoch: its number, counted from 0. It decides whose turn it is among photos of a weight
        that is no whole number; the generator decides everything else.
        """
        captions = min(captions, max(map(len, self._captions)))
        rows = self._mixture.rows(epoch)
        order = rows[torch.randperm(len(rows), generator=generator)]
        for step in range(self.steps(batch)):
            rows = order[step * batch : (step + 1) * batch].sort().values  # kind to the disk
            drawn = [c for row in rows.tolist() for c in self._draw(row, captions, generator)]
            padded, draws = pad_sequence(drawn, True, PAD), augment.draw(len(rows), generator)
            yield Batch(rows, padded, self.mirror[rows], draws)

    def _draw(self, row: int, count: int, generator: torch.Generator) -> list[Tensor]:
        captions = self._captions[row]
        order = torch.randperm(len(captions), generator=generator).tolist()[:count]
        return [*(captions[i] for i in order), *[_EMPTY] * (count - len(order))]


def _vocabulary(captions: Iterable[Sequence[str]], data: Data) -> Vocabulary:
    """The words of the training captions, after those of the model that training goes on from.

    Raises DatasetError where not one is seen often enough, ModelError where there is no such model.
    """
    words = Vocabulary.build(captions, data.min_count)
    if len(words) == len(SPECIAL):
        raise DatasetError(
            "No word is seen {} times in the training captions: lower min_count.", data.min_count
        )
    if not data.vocabulary:
        return words
    folder = model_folder(data.vocabulary.removeprefix(OF_MODEL))
    inside = language_folder(folder, data.language)
    theirs = read_vocabulary(inside, language_config(folder, data.language))
    return theirs.and_more(words.words)


def take(array: np.ndarray, rows: Tensor) -> Tensor:
    """Rows of an array on disk, as a tensor in memory."""
    return torch.from_numpy(array[rows.numpy()])


def read_records(recipe: Recipe) -> list[Record]:
    """The records of all of a recipe's sources; missing photos are reported and left out."""
    records: list[Record] = []
    for source in recipe.data.sources:
        dataset = read_source(source, recipe)
        if missing := dataset.missing:
            template = "{} captioned photos of {} are missing and left out: {}"
            log.warning(Message(template, len(missing), source.path, _shortened(missing)))
        records.extend(dataset.records)
    return records


def read_source(source: Source, recipe: Recipe) -> Dataset:
    """The records of one of a recipe's sources, held-out photos apart, with the source's weight.

    Raises DatasetError, naming file and line, where something is missing or malformed.
    """
    dataset = read_dataset(
        recipe.path(source.path),
        source.format,
        [recipe.path(path) for path in source.images] or None,
        split=source.split,
        val_share=source.val_share,
        language=recipe.data.language,
        skip=source.skip,
    )
    if source.held_out:
        dataset = dataset.hold_out(read_names(Path(source.held_out)))
    records = tuple(replace(record, weight=source.weight) for record in dataset.records)
    return replace(dataset, records=records)


def _names_a_side(tokens: list[str]) -> bool:
    """Whether a caption says left or right, which in Chinese is often a part of a word."""
    return not _SIDES.isdisjoint((*tokens, *"".join(tokens)))


def _split(records: list[Record], split: str) -> list[Record]:
    found = [record for record in records if record.split == split]
    if not found:
        raise DatasetError(
            "The recipe's data has no photo in the {} split; `split` or `val_share` of a source "
            "can give it some.",
            Message(split),
        )
    return found


def _shortened(listed: Sequence[str | Message]) -> Message:
    """The first three."""
    count = min(len(listed), 3)
    more = ["…"] if len(listed) > count else []
    return Message("; ".join([*["{}"] * count, *more]), *listed[:count])


def _counts(photos: Photos) -> tuple[int, int]:
    """Of photos and captions."""
    return len(photos.records), sum(len(record.captions) for record in photos.records)
