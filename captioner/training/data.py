"""What a training run reads: photos and captions, as arrays and numbers."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from captioner.datasets import Photos, Record, Undecoded, decode_photos, read_lines
from captioner.errors import DatasetError
from captioner.installed import model_folder
from captioner.messages import Message
from captioner.metrics.ngrams import Groups, Numbers, Sentences, ranges
from captioner.model import language_config, language_folder, read_vocabulary
from captioner.text import END, PAD, START, Vocabulary, tokenizer
from captioner.text.function_words import FUNCTION_WORDS
from captioner.text.inflection import base_forms
from captioner.text.vocabulary import SPECIAL
from captioner.training import augment
from captioner.training.mixing import Mixture, archive_by_archive
from captioner.training.recipe import OF_MODEL, Data, Recipe
from captioner.training.sources import read_records, shortened

log = logging.getLogger(__name__)

_EMPTY = torch.tensor([START])
_SIDES = frozenset(("left", "right", "左", "右"))


@dataclass(frozen=True)
class Batch:
    """Photos with K captions each.

    rows: `[B]`, which photos. captions: `[B · K, T]`, padded. mirror: bool `[B]`, which may be
    mirrored. draws: `[B, 8]`, the numbers that augment them, see `augment.draw`. inputs: the
    photos' pixels or features on the training's device, once they have been fetched.
    """

    rows: Tensor
    captions: Tensor
    mirror: Tensor
    draws: Tensor
    inputs: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, which: slice | Tensor) -> Batch:
        """Some of the photos, with their captions."""
        captions = self.captions.unflatten(0, (len(self), -1))[which].flatten(0, 1)
        inputs = None if self.inputs is None else self.inputs[which]
        return Batch(self.rows[which], captions, self.mirror[which], self.draws[which], inputs)


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
    streamed: the photos to train on, where they are read anew in each epoch.

    Raises DatasetError where a split is empty or nothing of it can be read.
    """

    def __init__(self, recipe: Recipe, cache: Path) -> None:
        size = recipe.preprocessing.size
        self.max_words = recipe.data.max_words
        self._language, self._unit = recipe.data.language, recipe.data.unit
        self.records = records = read_records(recipe)
        train, val = _split(records, "train"), _split(records, "val")
        tokenize = tokenizer(recipe.data.language, recipe.data.unit).tokenize
        words = Numbers()
        spoken = Groups.of((map(tokenize, record.captions) for record in train), words)
        # What leaves no words is refused here, before hours are spent on photos.
        _vocabulary(spoken, words, recipe.data)
        self.train: Photos | Undecoded
        self.streamed: Undecoded | None = None
        if recipe.data.streaming:
            self.train = self.streamed = Undecoded(tuple(train), size)
        else:
            self.train = decode_photos(train, size, cache)
        self.val = decode_photos(val, size, cache)
        held_out = [record for record in records if record.split == "held_out"]
        self.held_out = decode_photos(held_out, size, cache) if held_out else None
        for photos in (self.train, self.val, self.held_out):
            if photos and (reasons := photos.unreadable):
                template = "{} photos cannot be read and are left out: {}"
                log.warning(Message(template, len(reasons), shortened(reasons)))
        spoken = spoken.part(_places(self.train.records, train))
        self.vocabulary = _vocabulary(spoken, words, recipe.data)
        self._captions = self._encode(spoken, words)
        weights = torch.tensor([r.weight for r in self.train.records], dtype=torch.float64)
        self._weights = weights * torch.from_numpy(self._captions.sizes > 0)
        self._seed = recipe.seed
        self._mixture = self._mixed()
        self.mirror = torch.from_numpy(~_names_a_side(spoken, words))

    def _mixed(self) -> Mixture:
        mixture = Mixture(self._weights, self._seed)
        if not len(mixture):
            raise DatasetError("The recipe leaves an epoch no photo whose captions have words.")
        return mixture

    def with_captions(self, least: int) -> TrainingData:
        """The same data, of whose training photos those remain that have so many captions.

        Raises DatasetError where that leaves none.
        """
        rows = np.flatnonzero(self._captions.sizes >= least)
        if len(rows) == len(self):
            return self
        if not len(rows):
            raise DatasetError("No photo to train on has {} captions.", least)
        some = copy.copy(self)
        some.train = self.train.subset(rows.tolist())
        some.streamed = some.train if isinstance(some.train, Undecoded) else None
        some._captions = self._captions.part(rows)
        some._weights, some.mirror = self._weights[rows], self.mirror[rows]
        some._mixture = some._mixed()
        return some

    def without_photos(self, files: Sequence[Path]) -> TrainingData:
        """The sentences of text files, one a line, in place of photos with captions.

        Raises DatasetError where a file cannot be read or there is no sentence.
        """
        tokenize = tokenizer(self._language, self._unit).tokenize
        words = Numbers()
        lines = (line for file in files for line in read_lines(file))
        spoken = Groups.of(([tokens] for tokens in map(tokenize, lines) if tokens), words)
        if not len(spoken):
            raise DatasetError("The files of sentences hold no sentence.")
        text = copy.copy(self)
        text.streamed = None
        text._captions = self._encode(spoken, words)
        text._weights = torch.ones(len(text), dtype=torch.float64)
        text.mirror = torch.zeros(len(text), dtype=torch.bool)
        text._mixture = text._mixed()
        return text

    def __len__(self) -> int:
        """How many photos there are to train on, or sentences without."""
        return len(self._captions)

    def _encode(self, spoken: Groups, words: Numbers) -> Groups:
        """The captions that have words, cut, in the vocabulary's numbers from start to end."""
        number = np.array(self.vocabulary.encode(cast(Iterable[str], words)), np.int32)[1:-1]
        said = spoken.sentences.lengths > 0
        lengths = np.minimum(spoken.sentences.lengths[said], self.max_words)
        starts = (spoken.sentences.ends - spoken.sentences.lengths)[said]
        captions = Sentences(
            np.full(lengths.sum() + 2 * len(lengths), START, np.int32), lengths + 2
        )
        captions.tokens[captions.ends - 1] = END
        to = ranges(captions.ends - 1 - lengths, lengths)
        captions.tokens[to] = number[spoken.sentences.tokens[ranges(starts, lengths)]]
        return Groups(captions, np.bincount(spoken.owners[said], minlength=len(spoken)))

    def references(self, *, backward: bool = False) -> References:
        """The captions of each training photo as ids, with the end token and no start token.

        backward: whether their words are turned round, as a backward decoder's samples are, which
        end where sentences begin: the score of both is that of both as they are read.
        """
        return References(self._captions, -1 if backward else 1)

    def frequencies(self) -> Tensor:
        """How often each word is in the captions to train on, those of a photo that comes twice
        counted twice: `float64 [V]`."""
        captions = self._captions.sentences
        photos = np.repeat(self._captions.owners, captions.lengths)
        weights = self._weights.numpy()[photos]
        counts = np.bincount(captions.tokens, weights, minlength=len(self.vocabulary))
        return torch.from_numpy(counts)

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
        self,
        batch: int,
        captions: int,
        generator: torch.Generator,
        epoch: int = 0,
        processes: int = 1,
    ) -> Iterator[Batch]:
        """One epoch in random order, with at most `captions` of each photo's.

        A photo that has fewer is filled up with empty ones, the start token and nothing to learn:
        each caption counts alike, whether its photo has one or five.

        epoch: its number, counted from 0. It decides whose turn it is among photos of a weight
        that is no whole number; the generator decides everything else. processes: how many take
        their shares of each batch.
        """
        captions = min(captions, int(self._captions.sizes.max()))
        for rows in self._rows(batch, generator, epoch, processes):
            drawn = [c for row in rows.tolist() for c in self._draw(row, captions, generator)]
            padded, draws = pad_sequence(drawn, True, PAD), augment.draw(len(rows), generator)
            yield Batch(rows, padded, self.mirror[rows], draws)

    def _rows(
        self, batch: int, generator: torch.Generator, epoch: int, processes: int
    ) -> Iterable[Tensor]:
        """The photos of each batch of an epoch."""
        rows, steps = self._mixture.rows(epoch), self.steps(batch)
        if self.streamed:
            count = min(batch, len(rows))
            sizes = [
                count * (n + 1) // processes - count * n // processes for n in range(processes)
            ]
            archives = torch.from_numpy(self.streamed.archives)[rows]
            places = torch.from_numpy(self.streamed.places)[rows]
            return rows[archive_by_archive(archives, places, sizes, steps, generator)]
        shuffled = rows[torch.randperm(len(rows), generator=generator)]
        batches = shuffled[: steps * batch].split(batch)
        return (rows.sort().values for rows in batches)  # kind to the disk

    def _draw(self, row: int, count: int, generator: torch.Generator) -> list[Tensor]:
        captions = self._captions[row]
        order = torch.randperm(len(captions), generator=generator).tolist()[:count]
        drawn = [torch.from_numpy(captions[i].astype(np.int64)) for i in order]
        return [*drawn, *[_EMPTY] * (count - len(order))]


@dataclass(frozen=True)
class References(Sequence[list[tuple[int, ...]]]):
    """Captions as the references of photos, made anew each time that they are asked for."""

    _captions: Groups
    _direction: int

    def __len__(self) -> int:
        return len(self._captions)

    def __getitem__(self, photo: Any) -> Any:
        found = [c[1:-1][:: self._direction].tolist() for c in self._captions[photo]]
        return [(*words, END) for words in found] or [(END,)]


def _places(some: Sequence[Record], records: Sequence[Record]) -> np.ndarray:
    """Where some of the records, in their order, stand among all."""
    wanted = {id(record) for record in some}
    return np.array([n for n, record in enumerate(records) if id(record) in wanted], np.int64)


def _vocabulary(spoken: Groups, words: Numbers, data: Data) -> Vocabulary:
    """The words of the training captions, after those of the model that training goes on from.

    Raises DatasetError where not one is seen often enough, ModelError where there is no such model.
    """
    counts = np.bincount(spoken.sentences.tokens, minlength=len(words)).tolist()
    counted = cast(dict[str, int], dict(zip(words, counts, strict=True)))
    known = Vocabulary.of_counts(counted, data.min_count)
    if len(known) == len(SPECIAL):
        raise DatasetError(
            "No word is seen {} times in the training captions: lower min_count.", data.min_count
        )
    if not data.vocabulary:
        return known
    folder = model_folder(data.vocabulary.removeprefix(OF_MODEL))
    inside = language_folder(folder, data.language)
    theirs = read_vocabulary(inside, language_config(folder, data.language))
    return theirs.and_more(known.words)


def take(array: np.ndarray, rows: Tensor) -> Tensor:
    """Rows of an array on disk, as a tensor in memory."""
    return torch.from_numpy(array[rows.numpy()])


def _names_a_side(spoken: Groups, words: Numbers) -> np.ndarray:
    """Whether a photo's captions say left or right, which in Chinese is often a part of a word.

    A mirrored photo must not be called "left" of anything.
    """
    sides = [not _SIDES.isdisjoint((word, *cast(str, word))) for word in words]
    says = np.array(sides, np.bool_)[spoken.sentences.tokens]
    sentence = np.repeat(spoken.owners, spoken.sentences.lengths)
    return np.bincount(sentence[says], minlength=len(spoken)) > 0


def _split(records: list[Record], split: str) -> list[Record]:
    found = [record for record in records if record.split == split]
    if not found:
        raise DatasetError(
            "The recipe's data has no photo in the {} split; `split` or `val_share` of a source "
            "can give it some.",
            Message(split),
        )
    return found


def _counts(photos: Photos) -> tuple[int, int]:
    """Of photos and captions."""
    return len(photos.records), sum(len(record.captions) for record in photos.records)
