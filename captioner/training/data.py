"""What a training run reads: photos and captions, as arrays and numbers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
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
    read_coco,
    read_flickr8k,
    read_names,
)
from captioner.errors import DatasetError
from captioner.text import PAD, Vocabulary, tokenizer
from captioner.training.recipe import Recipe, Source

log = logging.getLogger(__name__)

_SIDES = frozenset(("left", "right"))


@dataclass(frozen=True)
class Batch:
    """Photos by row `[B]`, K captions of each `[B · K, T]`, and which may be mirrored `[B]`."""

    rows: Tensor
    captions: Tensor
    mirror: Tensor


class TrainingData:
    """Photos and captions of the train, val and held-out splits, and the train split's vocabulary.

    Raises DatasetError where a split is empty or nothing of it can be read.
    """

    def __init__(self, recipe: Recipe, cache: Path) -> None:
        size = recipe.preprocessing.size
        records = read_records(recipe)
        self.train = decode_photos(_split(records, "train"), size, cache)
        self.val = decode_photos(_split(records, "val"), size, cache)
        held_out = [record for record in records if record.split == "held_out"]
        self.held_out = decode_photos(held_out, size, cache) if held_out else None
        for photos in (self.train, self.val, self.held_out):
            if photos:
                _report("photos cannot be read and are left out", photos.unreadable)
        tokenize = tokenizer(recipe.data.language).tokenize
        tokens = [[tokenize(c) for c in record.captions] for record in self.train.records]
        self.vocabulary = Vocabulary.build((c for cs in tokens for c in cs), recipe.data.min_count)
        self._captions = [self._encode(captions, recipe.data.max_words) for captions in tokens]
        # A mirrored photo must not be called "left" of anything.
        self._mirror = torch.tensor([not any(_SIDES & set(c) for c in cs) for cs in tokens])

    def _encode(self, captions: list[list[str]], max_words: int) -> list[Tensor]:
        kept = [tokens[:max_words] for tokens in captions if tokens]
        return [torch.tensor(self.vocabulary.encode(tokens)) for tokens in kept]

    def summary(self) -> str:
        """One line for the person who waits."""
        counts = f"{_count(self.train)} to train, {_count(self.val)} to evaluate"
        if self.held_out:
            counts += f" and {_count(self.held_out)} held out"
        return f"{counts}; vocabulary of {len(self.vocabulary)} words"

    def steps(self, batch: int) -> int:
        """Batches an epoch; what does not fill the last one waits for the next epoch's order."""
        return max(1, len(self._captions) // batch)

    def batches(self, batch: int, captions: int, generator: torch.Generator) -> Iterator[Batch]:
        """One epoch in random order; `captions` of each photo's, drawn anew where it has fewer."""
        order = torch.randperm(len(self._captions), generator=generator)
        for step in range(self.steps(batch)):
            rows = order[step * batch : (step + 1) * batch].sort().values  # kind to the disk
            drawn = [c for row in rows.tolist() for c in self._draw(row, captions, generator)]
            yield Batch(rows, pad_sequence(drawn, True, PAD), self._mirror[rows])

    def _draw(self, row: int, count: int, generator: torch.Generator) -> list[Tensor]:
        own = self._captions[row]
        order = torch.randperm(len(own), generator=generator).tolist()
        return [own[order[i % len(own)]] for i in range(count)]


def take(array: np.ndarray, rows: Tensor) -> Tensor:
    """Rows of an array on disk, as a tensor in memory."""
    return torch.from_numpy(array[rows.numpy()])


def read_records(recipe: Recipe) -> list[Record]:
    """The records of all of a recipe's sources; missing photos are reported and left out."""
    records: list[Record] = []
    for source in recipe.data.sources:
        dataset = _read(source, recipe)
        _report(f"captioned photos of {source.path} are missing and left out", dataset.missing)
        records.extend(dataset.records)
    return records


def _read(source: Source, recipe: Recipe) -> Dataset:
    dataset = _read_all(source, recipe)
    return dataset.hold_out(read_names(Path(source.held_out))) if source.held_out else dataset


def _read_all(source: Source, recipe: Recipe) -> Dataset:
    images = [recipe.path(place) for place in source.images] or None
    if source.format == "flickr8k":
        return read_flickr8k(recipe.path(source.path), images)
    return read_coco(recipe.path(source.path), images, source.split)


def _split(records: list[Record], split: str) -> list[Record]:
    own = [record for record in records if record.split == split]
    if not own:
        raise DatasetError(f"The recipe's data has no photo in the {split} split.")
    return own


def _report(what: str, names: tuple[str, ...]) -> None:
    if names:
        shown = "; ".join(names[:3]) + ("; …" if len(names) > 3 else "")
        log.warning("%d %s: %s", len(names), what, shown)


def _count(photos: Photos) -> str:
    captions = sum(len(record.captions) for record in photos.records)
    return f"{len(photos.records)} photos with {captions} captions"
