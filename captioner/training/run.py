"""One training run: read the data, train each phase, keep the best model.

    captioner train configs/base-en.toml
    captioner train configs/base-en.toml --set data.root=photos --set phases.0.epochs=3
    torchrun --nproc-per-node=4 -m captioner train configs/base-en.toml     on several GPUs

The same command goes on where an interrupted run stopped. Below the run's folder:

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

import copy
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from captioner.datasets import Photos, cache_features
from captioner.errors import CaptionerError, RecipeError, TrainingError
from captioner.messages import Message, reason
from captioner.model import (
    CaptioningModel,
    ModelConfig,
    load_decoder,
    load_encoder,
    load_pretrained,
    save_model,
)
from captioner.pipeline import model_folder
from captioner.text import units
from captioner.training import checkpoint
from captioner.training.card import model_card
from captioner.training.checkpoint import Progress, SoFar
from captioner.training.constancy import check_captions, keep_captions
from captioner.training.data import TrainingData
from captioner.training.depthwise import speed_up_depthwise
from captioner.training.distributed import Workers, join
from captioner.training.phase import EpochResult, Features, PhaseRun, Scored, score
from captioner.training.pictures import Board, same_photos, save_contact_sheet, save_curves
from captioner.training.recipe import OF_MODEL, Data, Phase, Recipe
from captioner.training.recipe_file import RENAMED

log = logging.getLogger(__name__)

# Runs that were begun before keys were renamed can still go on.
_FORMER = {new: old for old, new in RENAMED.items()}


def train(recipe: Recipe, out: Path, device: torch.device | str | None = None) -> Path:
    """Train as the recipe says, below `out`; returns the finished model folder.

    Raises RecipeError where `out` holds a run of another recipe, DatasetError and ModelError where
    data or weights cannot be read, TrainingError where the disk is full, the memory is too small or
    the loss is no longer a number, CaptionerError where `out` cannot be written.
    """
    with join(device) as workers:
        workers.from_first(lambda: _make_folder(out))
        return Run(recipe, out, workers).train()


class Run:
    """A training run: its data, its model, and where it stands."""

    def __init__(self, recipe: Recipe, out: Path, workers: Workers) -> None:
        self.recipe, self.out, self.workers = recipe, out, workers
        self.cache = out.parent / "cache"
        self._metrics = out / "metrics.jsonl"
        self._last = out / "last.safetensors"
        self._next_best = out / "best.next.safetensors"
        self.progress = workers.from_first(self._find_progress)
        torch.manual_seed(recipe.seed)
        self.data = workers.in_turn(lambda: TrainingData(recipe, self.cache))
        workers.from_first(self._check_captions)
        log.info(self.data.summary())
        self._parts = [self._data_of(phase) for phase in recipe.phases]
        self.model = CaptioningModel(
            ModelConfig(
                recipe.encoder.config,
                recipe.decoder.config,
                recipe.preprocessing,
                recipe.data.language,
                len(self.data.vocabulary),
                recipe.data.unit or units(recipe.data.language)[0],
            )
        )
        workers.in_turn(self._load_weights)
        self.model.to(workers.device).to(memory_format=torch.channels_last)
        if workers.device.type == "cpu":
            speed_up_depthwise(self.model.encoder)
        self._sampled = same_photos([record.name for record in self.data.val.records])
        self._board = Board(out / "tensorboard", self._step) if workers.first else None
        self._saved = time.monotonic()

    def train(self) -> Path:
        """Train the phases that are not done yet; returns the model folder."""
        tensors = self._go_on()
        for index in range(self.progress.phase, len(self.recipe.phases)):
            if index > self.progress.phase:  # each phase starts from the best model so far
                recipe = _fingerprint(self.recipe, index)
                self.progress = replace(
                    self.progress, recipe=recipe, phase=index, epoch=0, best_epoch=0, kept=()
                )
                tensors = {}
                self._load_best()
            with _enough_memory(self.recipe.phases[index]):
                self._phase(self.recipe.phases[index], tensors)
        if self._board:
            self._board.close()
        self._load_best()
        with _enough_memory(self.recipe.phases[-1]):
            self._average()
            scored = self._score_rounded()
        self.workers.from_first(lambda: self._publish(scored))
        return self.out / "model"

    def _phase(self, phase: Phase, tensors: dict[str, Tensor]) -> None:
        index, seed = self.progress.phase, self.recipe.seed
        data = self._parts[index]
        features = self._features(phase, data)
        run = PhaseRun(
            phase, self.model, data, features, workers=self.workers, seed=seed, index=index
        )
        if tensors:
            with checkpoint.restoring(self._last):
                run.stepper.restore(tensors)
        for number in range(self.progress.epoch, phase.epochs):
            if phase.patience and number - self.progress.best_epoch > phase.patience:
                break
            result = run.epoch(number, self.progress.so_far, partial(self._after_step, run))
            self.progress = replace(self.progress, epoch=number + 1, so_far=SoFar())
            self._keep(run, result.scored.val.scores.cider)
            self._log(run.row(number, result))
            self._show(run, result)
            self.workers.from_first(lambda: self._save_last(run))

    def _after_step(self, run: PhaseRun, so_far: SoFar, value: float) -> None:
        """What the first worker does after each step, and the others need not wait for."""
        self.progress = replace(self.progress, so_far=so_far)
        if self._board is None:
            return
        if so_far.steps % 10 == 0:
            self._board.add("train", {run.shown: value}, self._step)
            self._board.add("rate", run.stepper.rates(), self._step)
        if time.monotonic() - self._saved >= 60 * self.recipe.checkpoint_minutes:
            self._save_last(run)

    @property
    def _step(self) -> int:
        """Steps of the whole run, counting phases that ended early as if they had not."""
        phases, progress = self.recipe.phases, self.progress
        steps = [part.steps(own.batch_size) for part, own in zip(self._parts, phases, strict=True)]
        earlier = sum(steps[i] * phases[i].epochs for i in range(progress.phase))
        return earlier + steps[progress.phase] * progress.epoch + progress.so_far.steps

    def _keep(self, run: PhaseRun, cider: float) -> None:
        """Remember an epoch's model where it is the best so far, or one of the best to be kept."""
        epoch, weights = self.progress.epoch, dict(run.stepper.averaged.state_dict())
        last_phase = self.progress.phase == len(self.recipe.phases) - 1
        if last_phase and self.recipe.average_best > 1:
            known = [*self.progress.kept, (cider, epoch)]
            kept = sorted(known, key=lambda own: -own[0])[: self.recipe.average_best]
            self.progress = replace(self.progress, kept=tuple(kept))
            if (cider, epoch) in kept:
                self._save(f"best-{epoch}", weights)
        if cider > self.progress.best:
            self.progress = replace(self.progress, best=cider, best_epoch=epoch)
            self._save("best.next", weights)

    def _average(self) -> None:
        """Take the mean of the best epochs' weights where it scores better than the best epoch."""
        epochs = sorted(epoch for _, epoch in self.progress.kept)
        if len(epochs) < 2:
            return
        files = [self.out / f"best-{epoch}.safetensors" for epoch in epochs]
        mean = self.workers.from_first(lambda: checkpoint.mean_weights(files))
        with checkpoint.restoring(files[-1]):
            checkpoint.load_state(self.model, mean)
        phase, data = self.recipe.phases[-1], self._parts[-1]
        scored = score(self.model, data, self._features(phase, data), self.workers)
        self._log({"phase": f"mean of {len(epochs)} epochs", "epochs": epochs, **scored.row()})
        if scored.val.scores.cider <= self.progress.best:
            self._load_best()

    def _data_of(self, phase: Phase) -> TrainingData:
        """What a phase trains on."""
        if phase.sentences:
            return self.data.without_photos([self.recipe.path(name) for name in phase.sentences])
        return self.data.with_captions(phase.min_captions)

    def _features(self, phase: Phase, data: TrainingData) -> Features | None:
        """What a frozen encoder sees."""
        if not phase.encoder_is_frozen:
            return None
        held_out = self._encode(data.held_out) if data.held_out else None
        if phase.sentences:
            nothing = np.zeros((1, 1, self.model.encoder.width), np.float16)
            train = [np.broadcast_to(nothing, (len(data), *nothing.shape[1:]))]
        else:
            train = [self._encode(data.view(number)) for number in range(phase.views)]
        return Features(train, self._encode(data.val), held_out)

    def _encode(self, photos: Photos) -> np.ndarray:
        encoder, preprocessing, device = (
            self.model.encoder, self.recipe.preprocessing, self.workers.device,
        )  # fmt: skip
        return self.workers.in_turn(
            lambda: cache_features(encoder, photos, preprocessing, self.cache, device)
        )

    def _go_on(self) -> dict[str, Tensor]:
        """Read the checkpoint of an interrupted run, if there is one."""
        tensors = self.workers.from_first(self._read_last)
        if tensors:
            # Before a phase computes features with it: an earlier phase may have trained the
            # encoder.
            with checkpoint.restoring(self._last):
                checkpoint.load_state(self.model, checkpoint.under("model", tensors))
            progress = self.progress
            template = "Going on after {} epochs and {} steps of phase {}."
            done = progress.epoch, progress.so_far.steps, progress.phase + 1
            log.info(Message(template, *done))
        return tensors

    def _read_last(self) -> dict[str, Tensor]:
        self._forget_rows()
        self._settle()
        self._next_best.unlink(missing_ok=True)
        return checkpoint.load_checkpoint(self._last)[0] if self._last.exists() else {}

    def _find_progress(self) -> Progress:
        """Where an interrupted run of this recipe stands; asked before any data are read."""
        if not self._last.exists():
            return Progress(_fingerprint(self.recipe, 0))
        found = checkpoint.load_progress(self._last)
        if found.recipe != _fingerprint(self.recipe, found.phase):
            raise RecipeError(
                "{} holds a run of another recipe; choose another folder with --out, or delete it.",
                self.out,
            )
        return found

    def _check_captions(self) -> None:
        path = self.out / "captions.json"
        begun = self._last.exists() and path.exists()
        check_captions(path, self.data.records) if begun else keep_captions(path, self.data.records)

    def _save(self, name: str, tensors: dict[str, Tensor]) -> None:
        path = self.out / f"{name}.safetensors"
        self.workers.from_first(lambda: checkpoint.save_checkpoint(path, tensors, self.progress))

    def _save_last(self, run: PhaseRun) -> None:
        checkpoint.save_checkpoint(self._last, run.stepper.tensors(), self.progress)
        self._saved = time.monotonic()
        self._settle()

    def _settle(self) -> None:
        """Take over a new best model, once the last checkpoint knows of its epoch, and drop weights
        that are no longer needed.

        Until then a run that is killed goes on from before that epoch, and a phase that begins with
        it must find the best model that there was.
        """
        if self._next_best.exists():
            new, known = checkpoint.load_progress(self._next_best), self.progress
            if (new.phase, new.epoch) <= (known.phase, known.epoch):
                os.replace(self._next_best, self.out / "best.safetensors")
        kept = {f"best-{epoch}" for _, epoch in self.progress.kept}
        for path in self.out.glob("best-*.safetensors"):
            if path.stem not in kept:
                path.unlink()

    def _load_best(self) -> None:
        best = self.out / "best.safetensors"
        tensors, _ = self.workers.from_first(lambda: checkpoint.load_checkpoint(best))
        with checkpoint.restoring(best):
            checkpoint.load_state(self.model, tensors)

    def _load_weights(self) -> None:
        """The first weights of encoder and decoder."""
        self._load_encoder()
        source = self.recipe.decoder.weights
        if source != "random":
            config, words = self.recipe.decoder.config, self.data.vocabulary
            folder = model_folder(source.removeprefix(OF_MODEL))
            load_decoder(self.model.decoder, config, words, folder)

    def _load_encoder(self) -> None:
        source, config = self.recipe.encoder.weights, self.recipe.encoder.config
        if source.startswith(OF_MODEL):
            folder = model_folder(source.removeprefix(OF_MODEL))
            load_encoder(self.model.encoder, config, folder)
        elif source != "random":
            file = source if source == "torchvision" else str(self.recipe.path(source))
            load_pretrained(self.model.encoder, config, file)

    def _forget_rows(self) -> None:
        """Drop the line of an epoch that was killed after it was written and before it counted."""
        rows = checkpoint.read_rows(self._metrics, self.progress.rows)
        checkpoint.write_text(self._metrics, "".join(json.dumps(row) + "\n" for row in rows))
        self.progress = replace(self.progress, rows=len(rows))

    def _log(self, row: dict[str, Any]) -> None:
        self.workers.from_first(lambda: self._append(row))
        self.progress = replace(self.progress, rows=self.progress.rows + 1)
        log.info(_scores(row, self.progress.best))

    def _append(self, row: dict[str, Any]) -> None:
        with checkpoint.writing(self._metrics), self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _show(self, run: PhaseRun, result: EpochResult) -> None:
        """Draw what the model now says of a few photos."""
        if self._board is None:
            return
        self._board.add("dev", result.scored.row(), self._step)
        title = f"{self.progress.rows:03}-{run.phase.name}-{self.progress.epoch}"
        captions = result.scored.val.captions
        save_contact_sheet(self.out / "samples", title, self.data.val, captions, self._sampled)

    def _score_rounded(self) -> Scored:
        """Scores of the model as it is published: with weights as float16, from the photos."""
        rounded = copy.deepcopy(self.model).half().float()
        return score(rounded, self.data, None, self.workers)

    def _publish(self, scored: Scored) -> None:
        rows = checkpoint.read_rows(self._metrics)
        save_curves([row for row in rows if "epoch" in row], self.out / "curves.png")
        folder = self.out / "model"
        with checkpoint.writing(folder):
            card = model_card(self.recipe, rows, scored.row())
            certainty = scored.val.quarters()
            self.model.config = replace(self.model.config, certainty=certainty)
            save_model(folder, self.model, self.data.vocabulary, card)


def _scores(row: dict[str, Any], best: float) -> Message:
    """A row of `metrics.jsonl` as one line."""
    phase = row["phase"]
    if "epoch" in row:
        phase = Message("{}, epoch {}", phase, row["epoch"])
    if "epochs" in row:
        phase = Message("mean of {} epochs", len(row["epochs"]))
    scores = row["cider"], row["bleu_4"], best
    line = Message("dev CIDEr {:.1f}, BLEU-4 {:.1f} (best CIDEr {:.1f})", *scores)
    if "held_out_cider" in row:
        line = Message("{}; held out CIDEr {:.1f}", line, row["held_out_cider"])
    for name in ("loss", "reward"):
        if name in row:
            line = Message("{} {:.3f}, {}", Message(name), row[name], line)
    return Message("{}: {}.", phase, line)


@contextmanager
def _enough_memory(phase: Phase) -> Iterator[None]:
    """Say in one sentence that a phase needs more memory than there is, of the GPU or the CPU."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        signs = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED")
        if not (isinstance(error, MemoryError) or any(sign in str(error) for sign in signs)):
            raise
        raise TrainingError(
            "The memory is too small for phase '{}'; the last checkpoint is intact. Try a smaller "
            "batch_size than {}, or more gradient_accumulation_steps.",
            phase.name,
            phase.batch_size,
        ) from None


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "metrics.jsonl").touch()
    except OSError as error:
        raise CaptionerError("{} cannot be written ({}).", out, reason(error)) from None


def _fingerprint(recipe: Recipe, phase: int) -> str:
    """Of all that has had a part in a run when that phase is under way.

    Later phases may still be changed or added. What a recipe leaves at its default does not count,
    so that a run outlives an update that brings a new setting; nor does where the files lie.
    """
    sources = tuple(replace(s, held_out=Path(s.held_out).name) for s in recipe.data.sources)
    begun = replace(
        recipe,
        data=replace(recipe.data, root=Data.root, sources=sources),
        phases=recipe.phases[: phase + 1],
        checkpoint_minutes=Recipe.checkpoint_minutes,
        average_best=Recipe.average_best,
        about="",
    )
    text = json.dumps(_said(begun), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _said(value: Any) -> Any:
    """Nested dataclasses as dictionaries of what differs from the default."""
    if isinstance(value, tuple):
        return [_said(item) for item in value]
    if not is_dataclass(value):
        return value
    own = {f.name: getattr(value, f.name) for f in fields(value)}
    return {
        _FORMER.get(f.name, f.name): _said(own[f.name])
        for f in fields(value)
        if own[f.name] != f.default
    }
