"""The captions and photos that a recipe names; needs no torch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from captioner.datasets import Dataset, Record, read_dataset, read_names
from captioner.messages import Message
from captioner.training.recipe import Recipe, Source

log = logging.getLogger(__name__)


def read_records(recipe: Recipe) -> list[Record]:
    """The records of all of a recipe's sources; missing photos are reported and left out."""
    records: list[Record] = []
    for source in recipe.data.sources:
        dataset = read_source(source, recipe)
        if missing := dataset.missing:
            template = "{} captioned photos of {} are missing and left out: {}"
            log.warning(Message(template, len(missing), source.path, shortened(missing)))
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
    if source.weight == 1:
        return dataset
    records = tuple(replace(record, weight=source.weight) for record in dataset.records)
    return replace(dataset, records=records)


def shortened(listed: Sequence[str | Message]) -> Message:
    """The first three."""
    count = min(len(listed), 3)
    more = ["…"] if len(listed) > count else []
    return Message("; ".join([*["{}"] * count, *more]), *listed[:count])
