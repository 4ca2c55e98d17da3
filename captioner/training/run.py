"""One training run: read the data, train each phase, keep the best model.

    captioner train configs/flickr8k-en.toml
    captioner train configs/flickr8k-en.toml --set data.root=photos --set phases.0.epochs=3

The same command goes on where an interrupted run stopped. Below the run's folder:

    last.safetensors    everything needed to go on
    best.safetensors    the weights with the best dev CIDEr so far
    metrics.jsonl       a line an epoch
    model/              the finished model folder
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from captioner.datasets import Photos, cache_features
from captioner.errors import CaptionerError, RecipeError
from captioner.model import CaptioningModel, ModelConfig, load_pretrained, save_model
from captioner.training import checkpoint
from captioner.training.card import model_card
from captioner.training.checkpoint import Progress
from captioner.training.data import TrainingData
from captioner.training.depthwise import speed_up_depthwise
from captioner.training.phase import Features, PhaseRun
from captioner.training.recipe import Phase, Recipe

log = logging.getLogger(__name__)


def train(recipe: Recipe, out: Path, device: torch.device | str | None = None) -> Path:
    """Train as the recipe says, below `out`; returns the finished model folder.

    Raises RecipeError where `out` holds a run of another recipe, DatasetError and ModelError where
    data or weights cannot be read, CaptionerError where `out` cannot be written or the loss is no
    longer a number.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "metrics.jsonl").touch()
    except OSError as error:
        raise CaptionerError(f"{out} cannot be written ({error.strerror}).") from None
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Run(recipe, out, chosen).train()


class Run:
    """A training run: its data, its model, and where it stands."""

    def __init__(self, recipe: Recipe, out: Path, device: torch.device) -> None:
        self.recipe, self.out, self.device = recipe, out, device
        self.cache = out.parent / "cache"
        self._metrics = out / "metrics.jsonl"
        self._last = out / "last.safetensors"
        self.progress = self._find_progress()
        torch.manual_seed(recipe.seed)
        self.data = TrainingData(recipe, self.cache)
        log.info("%s.", self.data.summary())
        self.model = CaptioningModel(
            ModelConfig(
                recipe.encoder.config,
                recipe.decoder,
                recipe.preprocessing,
                recipe.data.language,
                len(self.data.vocabulary),
            )
        )
        self._load_encoder()
        self.model.to(device).to(memory_format=torch.channels_last)
        if device.type == "cpu":
            speed_up_depthwise(self.model.encoder)

    def train(self) -> Path:
        """Train the phases that are not done yet; returns the model folder."""
        tensors = self._go_on()
        for index in range(self.progress.phase, len(self.recipe.phases)):
            if index > self.progress.phase:  # each phase starts from the best model so far
                self.progress = replace(self.progress, phase=index, epoch=0, best_epoch=0)
                tensors = {}
                self._load_best()
            self._phase(self.recipe.phases[index], tensors)
        self._load_best()
        return self._publish()

    def _phase(self, phase: Phase, tensors: dict[str, Tensor]) -> None:
        features = self._features() if phase.encoder_rate == 0 else None
        run = PhaseRun(phase, self.model, self.data, features, self.recipe.seed)
        if tensors:
            run.restore(tensors, self.progress.epoch)
        for number in range(self.progress.epoch, phase.epochs):
            if phase.patience and number - self.progress.best_epoch > phase.patience:
                break
            result = run.epoch(number)
            self._keep(run, number + 1, result.scores.cider)
            self._log(run.row(number, result))
            self._save("last", run.tensors())

    def _keep(self, run: PhaseRun, epoch: int, cider: float) -> None:
        """Count the epoch, and remember its model where it is the best so far."""
        self.progress = replace(self.progress, epoch=epoch)
        if cider > self.progress.best:
            self.progress = replace(self.progress, best=cider, best_epoch=epoch)
            self._save("best", dict(run.averaged.state_dict()))

    def _features(self) -> Features:
        data = self.data
        held_out = self._encode(data.held_out) if data.held_out else None
        return Features(self._encode(data.train), self._encode(data.val), held_out)

    def _encode(self, photos: Photos) -> np.ndarray:
        preprocessing = self.recipe.preprocessing
        return cache_features(self.model.encoder, photos, preprocessing, self.cache, self.device)

    def _go_on(self) -> dict[str, Tensor]:
        """Read the checkpoint of an interrupted run, if there is one."""
        self._forget_rows()
        if not self._last.exists():
            return {}
        tensors, progress = checkpoint.load_checkpoint(self._last)
        # Before a phase computes features with it: an earlier phase may have trained the encoder.
        self.model.load_state_dict(checkpoint.under("model", tensors))
        log.info("Going on after %d epochs of phase %d.", progress.epoch, progress.phase + 1)
        return tensors

    def _find_progress(self) -> Progress:
        """Where an interrupted run of this recipe stands; asked before any data are read."""
        new = Progress(_fingerprint(self.recipe))
        found = checkpoint.load_progress(self._last) if self._last.exists() else new
        if found.recipe != new.recipe:
            raise RecipeError(
                f"{self.out} holds a run of another recipe; choose another folder with --out, "
                "or delete it."
            )
        return found

    def _save(self, name: str, tensors: dict[str, Tensor]) -> None:
        checkpoint.save_checkpoint(self.out / f"{name}.safetensors", tensors, self.progress)

    def _load_best(self) -> None:
        tensors, _ = checkpoint.load_checkpoint(self.out / "best.safetensors")
        self.model.load_state_dict(tensors)

    def _load_encoder(self) -> None:
        source = self.recipe.encoder.weights
        if source != "random":
            file = source if source == "torchvision" else str(self.recipe.path(source))
            load_pretrained(self.model.encoder, self.recipe.encoder.config, file)

    def _forget_rows(self) -> None:
        """Drop the line of an epoch that was killed after it was written and before it counted."""
        lines = self._metrics.read_text(encoding="utf-8").splitlines(keepends=True)
        self._metrics.write_text("".join(lines[: self.progress.rows]), encoding="utf-8")

    def _log(self, row: dict[str, Any]) -> None:
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.progress = replace(self.progress, rows=self.progress.rows + 1)
        log.info(
            "%s, epoch %d: loss %.3f, dev CIDEr %.1f, BLEU-4 %.1f (best CIDEr %.1f)%s.",
            row["phase"], row["epoch"], row["loss"], row["cider"], row["bleu_4"],
            self.progress.best,
            f"; held out CIDEr {row['held_out_cider']:.1f}" if "held_out_cider" in row else "",
        )  # fmt: skip

    def _publish(self) -> Path:
        lines = self._metrics.read_text(encoding="utf-8").splitlines()
        card = model_card(self.recipe, [json.loads(line) for line in lines])
        save_model(self.out / "model", self.model, self.data.vocabulary, card)
        return self.out / "model"


def _fingerprint(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()[:16]
