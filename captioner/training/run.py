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

import contextlib
import hashlib
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from captioner.datasets import Photos, cache_features
from captioner.errors import CaptionerError, RecipeError
from captioner.images import normalise
from captioner.model import CaptioningModel, ModelConfig, load_pretrained, save_model
from captioner.pipeline import has_bfloat16
from captioner.training import checkpoint
from captioner.training.augment import augment
from captioner.training.card import model_card
from captioner.training.checkpoint import Progress
from captioner.training.data import Batch, TrainingData, photos_summary, take
from captioner.training.depthwise import speed_up_depthwise
from captioner.training.evaluation import evaluate
from captioner.training.objectives import cross_entropy
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
    """The state of one training run."""

    def __init__(self, recipe: Recipe, out: Path, device: torch.device) -> None:
        self.recipe, self.out, self.device = recipe, out, device
        self.cache = out.parent / "cache"
        self.progress = Progress(_fingerprint(recipe))
        torch.manual_seed(recipe.seed)
        self.data = TrainingData(recipe, self.cache)
        log.info("%s.", photos_summary(self.data))
        config = ModelConfig(
            recipe.encoder.config,
            recipe.decoder,
            recipe.preprocessing,
            recipe.data.language,
            len(self.data.vocabulary),
        )
        self.model = CaptioningModel(config)
        self._load_encoder()
        self.model.to(device).to(memory_format=torch.channels_last)
        if device.type == "cpu":
            speed_up_depthwise(self.model.encoder)

    def train(self) -> Path:
        """Train the phases that are not done yet; returns the model folder."""
        last = self.out / "last.safetensors"
        tensors: dict[str, Tensor] = {}
        if last.exists():
            tensors, self.progress = checkpoint.load_checkpoint(last)
            if self.progress.recipe != _fingerprint(self.recipe):
                raise RecipeError(
                    f"{self.out} holds a run of another recipe; choose another folder with --out, "
                    "or delete it."
                )
            log.info(
                "Going on after epoch %d of phase %d.", self.progress.epoch, self.progress.phase
            )
        for index in range(self.progress.phase, len(self.recipe.phases)):
            if index > self.progress.phase:  # each phase starts from the best model so far
                self.progress = replace(self.progress, phase=index, epoch=0, step=0, best_epoch=0)
                tensors = {}
                self._load_best()
            PhaseRun(self, self.recipe.phases[index]).train(tensors)
        self._load_best()
        return self._publish()

    def save(self, tensors: dict[str, Tensor]) -> None:
        """Checkpoint the run."""
        checkpoint.save_checkpoint(self.out / "last.safetensors", tensors, self.progress)

    def save_best(self, model: nn.Module) -> None:
        """Remember a model as the best so far."""
        checkpoint.save_checkpoint(
            self.out / "best.safetensors", dict(model.state_dict()), self.progress
        )

    def _load_best(self) -> None:
        tensors, _ = checkpoint.load_checkpoint(self.out / "best.safetensors")
        self.model.load_state_dict(tensors)

    def _load_encoder(self) -> None:
        source = self.recipe.encoder.weights
        if source == "random":
            return
        file = source if source == "torchvision" else str(self.recipe.path(source))
        load_pretrained(self.model.encoder, self.recipe.encoder.config, file)

    def _publish(self) -> Path:
        folder = self.out / "model"
        lines = (self.out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        card = model_card(self.recipe, [json.loads(line) for line in lines])
        save_model(folder, self.model, self.data.vocabulary, card)
        return folder


class PhaseRun:
    """One phase: optimiser, schedule, averaged weights, epochs."""

    def __init__(self, run: Run, phase: Phase) -> None:
        self.run, self.phase = run, phase
        self.steps = run.data.steps(phase.batch)
        self.frozen = phase.encoder_rate == 0
        model = run.model
        model.encoder.requires_grad_(not self.frozen)
        self.trained = model.decoder if self.frozen else model
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(phase.average))
        self.optimizer = AdamW(_groups(model, phase), weight_decay=phase.weight_decay, fused=True)
        self.schedule = LambdaLR(self.optimizer, self._rate)
        self.features: np.ndarray | None = None
        self.val_features: np.ndarray | None = None
        if self.frozen:
            self.features = self._encode_all(run.data.train)
            self.val_features = self._encode_all(run.data.val)

    def train(self, tensors: dict[str, Tensor]) -> None:
        """Train what is left of the phase. tensors: of the checkpoint to go on from, if any."""
        if tensors:
            self._restore(tensors)
        for epoch in range(self.run.progress.epoch, self.phase.epochs):
            if self._is_stuck(epoch):
                break
            self._epoch(epoch)

    def _is_stuck(self, epoch: int) -> bool:
        waited = epoch - self.run.progress.best_epoch
        return bool(self.phase.patience) and epoch > 0 and waited > self.phase.patience

    def _epoch(self, epoch: int) -> None:
        started = time.monotonic()
        generator = torch.Generator().manual_seed(self.run.recipe.seed * 1_000_003 + epoch)
        torch.manual_seed(self.run.recipe.seed * 7919 + epoch)  # dropout
        loss = self._steps(epoch, generator)
        seconds = time.monotonic() - started
        averaged = cast(CaptioningModel, self.average.module)
        scores = evaluate(averaged, self.run.data.vocabulary, self.run.data.val, self.val_features)
        better = scores.cider > self.run.progress.best
        progress = replace(self.run.progress, epoch=epoch + 1, step=(epoch + 1) * self.steps)
        if better:
            progress = replace(progress, best=scores.cider, best_epoch=epoch + 1)
        self.run.progress = progress
        if better:
            self.run.save_best(averaged)
        self._log(epoch, loss, seconds, scores.as_dict())
        self.run.save(self._tensors())

    def _steps(self, epoch: int, generator: torch.Generator) -> float:
        """Train an epoch; returns its mean loss, in nats a word."""
        self.run.model.train()
        total = 0.0
        title = f"{self.phase.name} {epoch + 1}/{self.phase.epochs}"
        batches = self.run.data.batches(self.phase.batch, self.phase.captions, generator)
        photos = self.steps * self.phase.batch
        with tqdm(total=photos, desc=title, unit="photo", smoothing=0.05) as bar:
            for batch in batches:
                total += self._step(batch, generator)
                bar.update(len(batch.rows))
                bar.set_postfix(loss=f"{total * self.phase.batch / bar.n:.3f}", refresh=False)
        return total / self.steps

    def _step(self, batch: Batch, generator: torch.Generator) -> float:
        captions = batch.captions.to(self.run.device)
        with precision(self.run.device):
            features = self._features(batch, generator)
            loss = cross_entropy(
                self.run.model.decoder, features, captions, self.phase.label_smoothing
            )
        value = loss.item()
        if not math.isfinite(value):
            raise CaptionerError(
                f"The loss is no longer a number in phase '{self.phase.name}'; the last checkpoint "
                "is intact. Try a lower rate."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained.parameters(), self.phase.clip)
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.run.model)
        return value

    def _features(self, batch: Batch, generator: torch.Generator) -> Tensor:
        if self.features is not None:
            return take(self.features, batch.rows).to(self.run.device).float()
        pixels = take(self.run.data.train.pixels, batch.rows).to(self.run.device)
        if self.phase.augment:
            pixels = augment(pixels, batch.mirror, generator)
        return self.run.model.encoder(normalise(pixels, self.run.recipe.preprocessing))[0]

    def _encode_all(self, photos: Photos) -> np.ndarray:
        run = self.run
        return cache_features(
            run.model.encoder, photos, run.recipe.preprocessing, run.cache, run.device
        )

    def _rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to a hundredth (Loshchilov and Hutter 2017)."""
        total = self.steps * self.phase.epochs
        warmup = max(1, int(self.phase.warmup * total))
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, total - warmup)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def _tensors(self) -> dict[str, Tensor]:
        return {
            **checkpoint.named("model", dict(self.run.model.state_dict())),
            **checkpoint.named("average", dict(self.average.state_dict())),
            **checkpoint.named("optimizer", checkpoint.optimizer_tensors(self.optimizer)),
        }

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self.run.model.load_state_dict(checkpoint.under("model", tensors))
        self.average.load_state_dict(checkpoint.under("average", tensors))
        checkpoint.load_optimizer(self.optimizer, checkpoint.under("optimizer", tensors))
        with contextlib.suppress(StopIteration):
            for _ in range(self.run.progress.step):
                self.schedule.step()

    def _log(self, epoch: int, loss: float, seconds: float, scores: dict[str, float]) -> None:
        photos = self.steps * self.phase.batch
        row = {
            "phase": self.phase.name,
            "epoch": epoch + 1,
            "loss": round(loss, 4),
            "rate": self.schedule.get_last_lr()[0],
            "photos_per_second": round(photos / seconds, 1),
            "device": _device_name(self.run.device),
            **{name: round(value, 2) for name, value in scores.items()},
        }
        with (self.run.out / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        log.info(
            "%s %d/%d: loss %.3f, dev CIDEr %.1f, BLEU-4 %.1f (best CIDEr %.1f).",
            self.phase.name, epoch + 1, self.phase.epochs, loss,
            scores["cider"], scores["bleu_4"], self.run.progress.best,
        )  # fmt: skip


def precision(device: torch.device) -> torch.autocast:
    """bfloat16 where the device has it in hardware."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def _groups(model: CaptioningModel, phase: Phase) -> Iterator[dict[str, object]]:
    """Rates of their own for encoder and decoder; vectors (biases, norms) do not decay."""
    for part, rate in ((model.encoder, phase.encoder_rate), (model.decoder, phase.rate)):
        parameters = [p for p in part.parameters() if p.requires_grad]
        for decays in (True, False):
            own = [p for p in parameters if (p.dim() > 1) == decays]
            if own:
                yield {"params": own, "lr": rate, **({} if decays else {"weight_decay": 0.0})}


def _fingerprint(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()[:16]


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
