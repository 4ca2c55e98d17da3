"""One phase of a run: optimiser, rates, averaged weights, epochs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from captioner.datasets import Photos
from captioner.errors import CaptionerError
from captioner.images import normalise
from captioner.metrics import Scores
from captioner.model import CaptioningModel
from captioner.pipeline import has_bfloat16
from captioner.training import checkpoint
from captioner.training.augment import augment
from captioner.training.data import Batch, TrainingData, take
from captioner.training.evaluation import evaluate
from captioner.training.objectives import cross_entropy
from captioner.training.recipe import Phase


@dataclass(frozen=True)
class Features:
    """Grid features `float16 [n, N, D]` of a frozen encoder, computed once."""

    train: np.ndarray
    val: np.ndarray
    held_out: np.ndarray | None


@dataclass(frozen=True)
class EpochResult:
    """Mean loss in nats a word, seconds of training, scores of the averaged weights.

    scores: on the dev split; held_out: on the held-out photos, where there are any.
    """

    loss: float
    seconds: float
    scores: Scores
    held_out: Scores | None


class PhaseRun:
    """Trains `model` as a phase says.

    features: of the frozen encoder; None where the encoder is trained too.
    """

    def __init__(
        self,
        phase: Phase,
        model: CaptioningModel,
        data: TrainingData,
        features: Features | None,
        seed: int,
    ) -> None:
        self.phase, self.model, self.data, self.features, self.seed = (
            phase, model, data, features, seed,
        )  # fmt: skip
        self.device = next(model.parameters()).device
        self.steps = data.steps(phase.batch)
        self.step = 0
        model.encoder.requires_grad_(features is None)
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(phase.average))
        self.optimizer = AdamW(_groups(model, phase), weight_decay=phase.weight_decay, fused=True)

    @property
    def averaged(self) -> CaptioningModel:
        """The model with the moving average of the weights, which is what is kept."""
        return cast(CaptioningModel, self.average.module)

    def epoch(self, number: int) -> EpochResult:
        """Train one epoch, counted from 0, and score the averaged weights on the dev split.

        Everything random in it depends on the seed and the epoch's number alone, so that a run
        that goes on after an interruption draws what it would have drawn without.
        """
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        torch.manual_seed(self.seed * 7919 + number)  # dropout
        started = time.monotonic()
        loss = self._train(number, generator)
        seconds = time.monotonic() - started
        return EpochResult(loss, seconds, *self._scores())

    def _scores(self) -> tuple[Scores, Scores | None]:
        data, features = self.data, self.features
        val = self._score(data.val, features.val if features else None)
        if data.held_out is None:
            return val, None
        return val, self._score(data.held_out, features.held_out if features else None)

    def _score(self, photos: Photos, features: np.ndarray | None) -> Scores:
        return evaluate(self.averaged, self.data.vocabulary, photos, features)

    def row(self, number: int, result: EpochResult) -> dict[str, Any]:
        """What `metrics.jsonl` keeps of an epoch."""
        photos = self.steps * self.phase.batch
        return {
            "phase": self.phase.name,
            "epoch": number + 1,
            "loss": round(result.loss, 4),
            "photos_per_second": round(photos / result.seconds, 1),
            "device": _device_name(self.device),
            **_rounded(result.scores),
            **{f"held_out_{name}": value for name, value in _rounded(result.held_out).items()},
        }

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a later call of `restore` needs."""
        return {
            **checkpoint.named("model", dict(self.model.state_dict())),
            **checkpoint.named("average", dict(self.average.state_dict())),
            **checkpoint.named("optimizer", checkpoint.optimizer_tensors(self.optimizer)),
        }

    def restore(self, tensors: dict[str, Tensor], epochs: int) -> None:
        """Go on where `tensors` were taken, after so many epochs."""
        self.model.load_state_dict(checkpoint.under("model", tensors))
        self.average.load_state_dict(checkpoint.under("average", tensors))
        checkpoint.load_optimizer(self.optimizer, checkpoint.under("optimizer", tensors))
        self.step = epochs * self.steps

    def _train(self, number: int, generator: torch.Generator) -> float:
        self.model.train()
        total = 0.0
        title = f"{self.phase.name} {number + 1}/{self.phase.epochs}"
        batches = self.data.batches(self.phase.batch, self.phase.captions, generator)
        photos = self.steps * self.phase.batch
        with tqdm(total=photos, desc=title, unit="photo", smoothing=0.05) as bar:
            for done, batch in enumerate(batches, start=1):
                total += self._update(batch, generator)
                bar.set_postfix(loss=f"{total / done:.3f}", refresh=False)
                bar.update(len(batch.rows))
        return total / self.steps

    def _update(self, batch: Batch, generator: torch.Generator) -> float:
        """One step of the optimiser; returns the loss."""
        with precision(self.device):
            features = self._features(batch, generator)
            captions = batch.captions.to(self.device)
            smoothing = self.phase.label_smoothing
            loss = cross_entropy(self.model.decoder, features, captions, smoothing)
        value = loss.item()
        if not math.isfinite(value):
            raise CaptionerError(
                f"The loss is no longer a number in phase '{self.phase.name}'; the last checkpoint "
                "is intact. Try a lower rate."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, self.phase.clip)
        share = self._share_of_peak()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        return value

    def _features(self, batch: Batch, generator: torch.Generator) -> Tensor:
        if self.features is not None:
            return take(self.features.train, batch.rows).to(self.device).float()
        pixels = take(self.data.train.pixels, batch.rows).to(self.device)
        if self.phase.augment:
            pixels = augment(pixels, batch.mirror, generator)
        return self.model.encoder(normalise(pixels, self.model.config.preprocessing))[0]

    def _share_of_peak(self) -> float:
        """Linear warm-up, then a cosine to a hundredth (Loshchilov and Hutter 2017)."""
        total = self.steps * self.phase.epochs
        warmup = max(1, int(self.phase.warmup * total))
        if self.step < warmup:
            return (self.step + 1) / warmup
        done = (self.step - warmup) / max(1, total - warmup)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def precision(device: torch.device) -> torch.autocast:
    """bfloat16 where the device has it in hardware."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def _rounded(scores: Scores | None) -> dict[str, float]:
    return {name: round(value, 2) for name, value in scores.as_dict().items()} if scores else {}


def _groups(model: CaptioningModel, phase: Phase) -> Iterator[dict[str, Any]]:
    """Rates of their own for encoder and decoder; vectors (biases, norms) do not decay."""
    for part, rate in ((model.encoder, phase.encoder_rate), (model.decoder, phase.rate)):
        parameters = [p for p in part.parameters() if p.requires_grad]
        matrices = [p for p in parameters if p.dim() > 1]
        vectors = [p for p in parameters if p.dim() <= 1]
        if parameters:
            yield {"params": matrices, "peak": rate}
            yield {"params": vectors, "peak": rate, "weight_decay": 0.0}


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
