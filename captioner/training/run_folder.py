"""A run's folder: where the run stands, what it saves, and what it finds when it goes on.

last.safetensors    everything needed to go on
best.safetensors    the weights with the best dev CIDEr so far
best-N.safetensors  those of other good epochs, where the recipe asks for their mean
metrics.jsonl       a line an epoch
captions.json       digests of the captions that the run began with, by photo
samples/            the same dev photos with their captions, a picture an epoch
tensorboard/        the curves as they grow, where tensorboard is installed
curves.png          the curves of the finished run, where matplotlib is installed
model/              the finished model folder
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from captioner.datasets import Record
from captioner.errors import CaptionerError, RecipeError, TrainingError
from captioner.files import MB, raising, read_json, write_whole, writing
from captioner.installed import model_folder
from captioner.messages import Message
from captioner.model import CaptioningModel, add_language, languages_of, save_model
from captioner.text import Trigrams, Vocabulary
from captioner.training import checkpoint
from captioner.training.card import model_card
from captioner.training.checkpoint import Progress, SoFar
from captioner.training.distributed import Workers
from captioner.training.phase import Scored
from captioner.training.pictures import save_curves
from captioner.training.recipe import Data, Recipe
from captioner.training.recipe_file import RENAMED

log = logging.getLogger(__name__)


class RunFolder:
    """The files of a run, of which the first worker alone writes any.

    progress: where the run stands. All workers call each method together, but for `save_if_due`.

    Raises CaptionerError where the folder cannot be written, and RecipeError where it holds a run
    of another recipe.
    """

    def __init__(self, path: Path, recipe: Recipe, workers: Workers) -> None:
        self.path, self.recipe, self.workers = path, recipe, workers
        self.cache, self._last = path.parent / "cache", path / "last.safetensors"
        self._best, self._next_best = path / "best.safetensors", path / "best.next.safetensors"
        self._metrics = path / "metrics.jsonl"
        self.progress = workers.from_first(self._open)
        self._saved = time.monotonic()

    def _open(self) -> Progress:
        """Where an interrupted run of this recipe stands; asked before any data are read."""
        with writing(self.path, CaptionerError):
            self.path.mkdir(parents=True, exist_ok=True)
            self._metrics.touch()
        if not self._last.exists():
            return Progress(fingerprint(self.recipe, 0))
        found = checkpoint.load_progress(self._last)
        if found.recipe not in _begun(self.recipe, found.phase):
            raise RecipeError(
                "{} holds a run of another recipe; choose another folder with --out, or delete it.",
                self.path,
            )
        return replace(found, recipe=fingerprint(self.recipe, found.phase))

    def check_captions(self, records: Iterable[Record]) -> None:
        """Make sure that a run which goes on has the captions that it began with.

        Raises TrainingError, naming the first photo whose captions or split are others now.
        """
        path = self.path / "captions.json"

        def check() -> None:
            digests = _digests(records)
            if self._last.exists() and path.exists():
                _compare(path, digests)
            else:
                write_whole(path, [json.dumps(digests).encode()], TrainingError)

        self.workers.from_first(check)

    def read_last(self, model: CaptioningModel) -> dict[str, Tensor]:
        """The checkpoint of an interrupted run, empty without one; the model has its weights then.

        What was written after it, and does not count, is gone. Raises ModelError where it is
        damaged or that of another model.
        """
        tensors = self.workers.from_first(self._read_last)
        if tensors:
            with self.restoring():
                checkpoint.load_state(model, checkpoint.under("model", tensors))
            progress = self.progress
            template = "Going on after {} epochs and {} steps of phase {}."
            done = progress.epoch, progress.so_far.steps, progress.phase + 1
            log.info(Message(template, *done))
        return tensors

    def _read_last(self) -> dict[str, Tensor]:
        # An epoch may have been killed after its line was written and before it counted.
        rows = checkpoint.read_rows(self._metrics, self.progress.rows)
        lines = (f"{json.dumps(row)}\n".encode() for row in rows)
        write_whole(self._metrics, lines, TrainingError)
        self.progress = replace(self.progress, rows=len(rows))
        self._settle()
        self._next_best.unlink(missing_ok=True)
        return checkpoint.load_checkpoint(self._last)[0] if self._last.exists() else {}

    def restoring(self) -> AbstractContextManager[None]:
        """Raise ModelError where what `read_last` gave is that of something else."""
        return checkpoint.restoring(self._last)

    def begin_phase(self, index: int) -> None:
        """The run stands at the beginning of a phase now, counted from 0."""
        recipe = fingerprint(self.recipe, index)
        self.progress = replace(
            self.progress, recipe=recipe, phase=index, epoch=0, best_epoch=0, kept=()
        )

    def end_epoch(self, cider: float, weights: dict[str, Tensor]) -> None:
        """One more epoch is done; its weights are kept where they are the best so far, or among
        those whose mean the recipe asks for."""
        epoch = self.progress.epoch + 1
        self.progress = replace(self.progress, epoch=epoch, so_far=SoFar())
        last_phase = self.progress.phase == len(self.recipe.phases) - 1
        if last_phase and self.recipe.average_best > 1:
            known = [*self.progress.kept, (cider, epoch)]
            kept = sorted(known, key=lambda one: -one[0])[: self.recipe.average_best]
            self.progress = replace(self.progress, kept=tuple(kept))
            if (cider, epoch) in kept:
                self._save(self._kept_file(epoch), weights)
        if cider > self.progress.best:
            self.progress = replace(self.progress, best=cider, best_epoch=epoch)
            self._save(self._next_best, weights)

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Write a line of `metrics.jsonl`. Raises TrainingError where that cannot be done."""

        def append() -> None:
            with writing(self._metrics, TrainingError), self._metrics.open("a") as file:
                file.write(json.dumps(row) + "\n")

        self.workers.from_first(append)
        self.progress = replace(self.progress, rows=self.progress.rows + 1)

    def save_last(self, tensors: Callable[[], dict[str, Tensor]]) -> None:
        """Write the checkpoint that the run can go on from. Raises TrainingError where it cannot
        be written; the one before is intact then."""
        self.workers.from_first(lambda: self._save_last(tensors))

    def save_if_due(self, tensors: Callable[[], dict[str, Tensor]]) -> None:
        """The same as often as the recipe says, which no worker waits for."""
        due = time.monotonic() - self._saved >= 60 * self.recipe.checkpoint_minutes
        if due and self.workers.first:
            self._save_last(tensors)

    def _save_last(self, tensors: Callable[[], dict[str, Tensor]]) -> None:
        checkpoint.save_checkpoint(self._last, tensors(), self.progress)
        self._saved = time.monotonic()
        self._settle()

    def _save(self, path: Path, tensors: dict[str, Tensor]) -> None:
        self.workers.from_first(lambda: checkpoint.save_checkpoint(path, tensors, self.progress))

    def _settle(self) -> None:
        """Take over a new best model, once the last checkpoint knows of its epoch, and drop weights
        that are no longer needed.

        Until then a run that is killed goes on from before that epoch, and a phase that begins with
        it must find the best model that there was.
        """
        if self._next_best.exists():
            new, known = checkpoint.load_progress(self._next_best), self.progress
            if (new.phase, new.epoch) <= (known.phase, known.epoch):
                os.replace(self._next_best, self._best)
        kept = {self._kept_file(epoch) for epoch in self.kept_epochs}
        for path in set(self.path.glob("best-*.safetensors")) - kept:
            path.unlink()

    @property
    def kept_epochs(self) -> list[int]:
        """The epochs of the last phase whose weights are kept for their mean."""
        return sorted(epoch for _, epoch in self.progress.kept)

    def _kept_file(self, epoch: int) -> Path:
        return self.path / f"best-{epoch}.safetensors"

    def load_best(self, model: CaptioningModel) -> None:
        """Fill the model with the best weights so far. Raises ModelError where they are damaged."""
        tensors, _ = self.workers.from_first(lambda: checkpoint.load_checkpoint(self._best))
        with checkpoint.restoring(self._best):
            checkpoint.load_state(model, tensors)

    def load_mean(self, model: CaptioningModel) -> None:
        """Fill the model with the mean of the weights that are kept. Raises as `load_best`."""
        files = [self._kept_file(epoch) for epoch in self.kept_epochs]
        mean = self.workers.from_first(lambda: checkpoint.mean_weights(files))
        with checkpoint.restoring(files[-1]):
            checkpoint.load_state(model, mean)

    def publish(
        self,
        model: CaptioningModel,
        vocabulary: Vocabulary,
        scored: Scored,
        trigrams: Trigrams | None = None,
    ) -> Path:
        """Write the finished model folder, with its card, and the curves; returns the former.

        Where the run went on from a model and left its encoder as it was, the folder has that
        model's other languages, too.
        """
        folder = self.path / "model"

        def write() -> None:
            rows = checkpoint.read_rows(self._metrics)
            save_curves([row for row in rows if "epoch" in row], self.path / "curves.png")
            with writing(folder, TrainingError):
                card = model_card(self.recipe, rows, scored.row())
                save_model(folder, model, vocabulary, card, trigrams)
                for language in self._others() if self.recipe.encoder_is_frozen else ():
                    add_language(folder, model_folder(self.recipe.start), language)

        self.workers.from_first(write)
        return folder

    def tell_of_languages(self) -> None:
        """Say which languages of the model that the run goes on from will be missing."""
        others = self._others()
        if others and not self.recipe.encoder_is_frozen:
            template = "The model will write {} only: {} of '{}' needs its encoder as it is."
            names = self.recipe.data.language, ", ".join(others), self.recipe.start
            log.warning(Message(template, *names))

    def _others(self) -> list[str]:
        start = self.recipe.start
        known = languages_of(model_folder(start)) if start else ()
        return [language for language in known if language != self.recipe.data.language]


def fingerprint(recipe: Recipe, phase: int) -> str:
    """Of all that has had a part in a run when that phase is under way.

    Later phases may still be changed or added. What a recipe leaves at its default does not count,
    so that a run outlives an update that brings a new setting; nor does where the files lie, nor
    that a key has another name now.
    """
    sources = tuple(replace(s, held_out=Path(s.held_out).name) for s in recipe.data.sources)
    begun = replace(
        recipe,
        data=replace(recipe.data, root=Data.root, sources=sources),
        phases=recipe.phases[: phase + 1],
        checkpoint_minutes=Recipe.checkpoint_minutes,
        average_best=Recipe.average_best,
        logit_adjustment=Recipe.logit_adjustment,
        unseen_penalty=Recipe.unseen_penalty,
        trigrams=Recipe.trigrams,
        about="",
    )
    text = json.dumps(_changed(begun), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _begun(recipe: Recipe, phase: int) -> Iterator[str]:
    """The fingerprints of runs that this recipe goes on with: the phase under way may have been
    begun with fewer epochs."""
    for epochs in range(recipe.phases[phase].epochs, 0, -1) if phase < len(recipe.phases) else ():
        phases = list(recipe.phases)
        phases[phase] = replace(phases[phase], epochs=epochs)
        yield fingerprint(replace(recipe, phases=tuple(phases)), phase)


_FORMER = {new: old for old, new in RENAMED.items()}


def _changed(value: Any) -> Any:
    """Nested dataclasses as dictionaries of what differs from the default."""
    if isinstance(value, tuple):
        return [_changed(item) for item in value]
    if not is_dataclass(value):
        return value
    values = {f.name: getattr(value, f.name) for f in fields(value)}
    return {
        _FORMER.get(f.name, f.name): _changed(values[f.name])
        for f in fields(value)
        if values[f.name] != f.default
    }


def _digests(records: Iterable[Record]) -> dict[str, list[str]]:
    """By photo; of two datasets that name a photo alike, one after the other."""
    digests: dict[str, list[str]] = {}
    for record in records:
        content = json.dumps([record.split, record.captions]).encode()
        digests.setdefault(record.name, []).append(hashlib.sha256(content).hexdigest()[:12])
    return digests


def _compare(path: Path, now: dict[str, list[str]]) -> None:
    with raising(TrainingError):
        before = read_json(path, most=1000 * MB)
    if not isinstance(before, dict):
        raise TrainingError(
            "{} is not what a training wrote; delete it to go on with the captions as they are.",
            path,
        )
    changed = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    if changed:
        raise TrainingError(
            "{} was begun with other captions of {} ({} photos differ): restore them, choose "
            "another folder with --out, or delete {} to go on with these.",
            path.parent,
            changed[0],
            len(changed),
            path,
        )
