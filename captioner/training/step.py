"""One step of training: a batch's gradient, in parts and by several processes, and new weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from captioner.datasets import Photos
from captioner.errors import TrainingError
from captioner.images import normalise
from captioner.model import CaptioningModel, Decoder
from captioner.pipeline import has_bfloat16
from captioner.speed.cores import usable_cores
from captioner.training import augment, checkpoint
from captioner.training.data import Batch, TrainingData
from captioner.training.distributed import Workers
from captioner.training.features import take_views
from captioner.training.objectives import CrossEntropy, SelfCritical, Sums, added
from captioner.training.pixels import ahead, moved, pixels_near
from captioner.training.recipe import Phase
from captioner.training.streaming import stream

_OF_SCALER = {"scale", "_growth_tracker"}


class Learner(nn.Module):
    """Photos with captions in, a phase's objective out.

    features: `float16 [n, N, D]` of all training photos, of each of the phase's views; None where
    the encoder sees the photos.
    """

    def __init__(
        self,
        phase: Phase,
        model: CaptioningModel,
        data: TrainingData,
        features: Sequence[np.ndarray] | None,
    ) -> None:
        super().__init__()
        self.phase, self.model = phase, model
        self._features = features
        self.streamed = data.streamed if features is None else None
        if features is None and isinstance(photos := data.train, Photos):
            self._pixels = pixels_near(photos.pixels, len(photos.records), self.device)
        self._objectives = [
            _objective(phase, data, decoder) for decoder in model.decoder.directions
        ]
        model.encoder.requires_grad_(not phase.encoder_is_frozen)

    def train(self, mode: bool = True) -> Learner:
        """As torch's own; an encoder that is frozen stays as it captions."""
        super().train(mode)
        self.model.encoder.train(mode and not self.phase.encoder_is_frozen)
        return self

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def forward(self, photos: Batch, done: float) -> Sums:
        """The objective; done: share of the phase that lies behind, from 0 to 1.

        Of a model that writes in several directions it is that of all its decoders together.
        """
        captions = photos.captions.to(self.device)
        parts = []
        with precision(self.device):
            features = self._encoded(photos)
            decoders = self.model.decoder.directions
            for decoder, objective in zip(decoders, self._objectives, strict=True):
                ordered = decoder.ordered(captions)
                if isinstance(objective, SelfCritical):
                    parts.append(objective(decoder, features, photos.rows, ordered))
                else:
                    parts.append(objective(decoder, features, ordered, done))
        return added(parts)

    def fetch(self, photos: Batch) -> Batch:
        """The same photos with what the model reads of them, on its device."""
        if photos.inputs is not None:  # streamed
            return replace(photos, inputs=moved(photos.inputs, self.device))
        if self._features is None:
            return replace(photos, inputs=self._pixels(photos.rows))
        features = take_views(self._features, photos.rows, photos.draws[:, 0])
        return replace(photos, inputs=moved(features, self.device))

    def _encoded(self, photos: Batch) -> Tensor:
        inputs = photos.inputs
        if inputs is None:
            inputs = self.fetch(photos).inputs
        assert inputs is not None
        if self._features is not None:
            return inputs.float()
        if self.phase.augment:
            inputs = augment.augment(inputs, photos.mirror, photos.draws, self.phase.crop_size)
        with torch.set_grad_enabled(not self.phase.encoder_is_frozen):
            return self.model.encoder(normalise(inputs, self.model.config.preprocessing))[0]


class Stepper:
    """Takes a phase's steps: gradient, rates, new weights and their moving average.

    steps: how many the whole phase has.
    """

    def __init__(self, learner: Learner, workers: Workers, steps: int) -> None:
        self.phase, self.workers, self.steps = learner.phase, workers, steps
        self.learner, self.model = learner, learner.model
        self._learner = workers.wrap(learner)
        decay = get_ema_multi_avg_fn(self.phase.ema_decay)
        self.average = AveragedModel(self.model, multi_avg_fn=decay)
        self.scaler = scaler(learner.device)
        self.optimizer = AdamW(
            _groups(self.model, self.phase), weight_decay=self.phase.weight_decay, fused=True
        )

    @property
    def averaged(self) -> CaptioningModel:
        """The model with the moving average of the weights, which is what is kept."""
        return cast(CaptioningModel, self.average.module)

    def train(self) -> None:
        """Let the model learn again, after it has captioned."""
        self._learner.train()

    def shares(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """This process's share of each batch of all together, fetched during the step before it.

        Raises TrainingError where there are more processes than photos in a batch.
        """
        shares: Iterator[Batch] = map(self._share, batches)
        if self.learner.streamed:
            processes = max(1, usable_cores() // self.workers.local_count)
            shares = stream(self.learner.streamed, shares, processes)
        return ahead(shares, self.learner.fetch)

    def _share(self, batch: Batch) -> Batch:
        if len(batch) < self.workers.count:
            raise TrainingError(
                "A batch of {} photos, as in phase '{}', is too small for {} processes.",
                len(batch),
                self.phase.name,
                self.workers.count,
            )
        return batch.part(self.workers.share(len(batch)))

    def step(self, share: Batch, number: int) -> float:
        """Take step `number` of the phase, from 0, with this process's share of the batch.

        Returns the whole batch's mean loss or reward. Raises TrainingError where the loss or the
        gradient is no number; the weights are then as they were.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss, words, shown, counted = self._gradient(share, number / self.steps)
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in trained if p.grad is not None]
        self.scaler.unscale_(self.optimizer)
        # From the mean over processes of sums over words to the mean over all words.
        torch._foreach_mul_(gradients, self.workers.count / words)
        norm = nn.utils.clip_grad_norm_(trained, self.phase.clip_grad_norm)
        too_large = self.scaler.is_enabled() and self.scaler.get_scale() >= 1  # to be halved
        if not (math.isfinite(loss) and (math.isfinite(norm) or too_large)):
            raise _no_number(self.phase)
        rate = self._share_of_peak(number)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update_parameters(self.model)
        return shown / counted

    def rates(self) -> dict[str, float]:
        """The rates of the last step, of `encoder` and `decoder`, where they are trained."""
        return {group["part"]: group["lr"] for group in self.optimizer.param_groups}

    def check_weights(self) -> None:
        """Raise TrainingError where a weight is no number, before it replaces one that is."""
        if not all(p.isfinite().all() for p in self.model.parameters()):
            raise _no_number(self.phase)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a later call of `restore` needs. Raises as `check_weights`."""
        self.check_weights()
        return {
            **checkpoint.named("model", dict(self.model.state_dict())),
            **checkpoint.named("average", dict(self.average.state_dict())),
            **checkpoint.named("optimizer", checkpoint.optimizer_tensors(self.optimizer)),
            **checkpoint.named("scaler", self._scaler_state()),
        }

    def _scaler_state(self) -> dict[str, Tensor]:
        state = self.scaler.state_dict()
        return {
            name: torch.tensor(state[name], dtype=torch.float64)
            for name in _OF_SCALER & state.keys()
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on where `tensors` were taken.

        Raises ValueError or IndexError where they are those of another model.
        """
        checkpoint.load_state(self.model, checkpoint.under("model", tensors))
        checkpoint.load_state(self.average, checkpoint.under("average", tensors))
        checkpoint.load_optimizer(self.optimizer, checkpoint.under("optimizer", tensors))
        if self.scaler.is_enabled():
            saved = {n: t.item() for n, t in checkpoint.under("scaler", tensors).items()}
            self.scaler.load_state_dict({**self.scaler.state_dict(), **saved})

    def _gradient(self, share: Batch, done: float) -> list[float]:
        """Leave in each process the mean of the processes' gradients, summed over words; returns
        the sums of loss, words, shown and counted over all photos."""
        parts = min(self.phase.gradient_accumulation_steps, len(share))
        totals = np.zeros(4)
        for index in range(parts):
            part = share.part(slice(len(share) * index // parts, len(share) * (index + 1) // parts))
            with self._alone() if index < parts - 1 else nullcontext():
                sums = self._learner(part, done)
                self.scaler.scale(sums.loss).backward()
            totals += (sums.loss.item(), *sums[1:])
        return self.workers.add(totals.tolist())

    def _alone(self) -> AbstractContextManager[None]:
        """Nothing is sent to other processes before the last part."""
        if isinstance(self._learner, DistributedDataParallel):
            return self._learner.no_sync()
        return nullcontext()

    def _share_of_peak(self, step: int) -> float:
        """Linear warm-up, then a cosine to a hundredth (Loshchilov and Hutter 2017)."""
        warmup = max(1, int(self.phase.warmup_ratio * self.steps))
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, self.steps - warmup)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _no_number(phase: Phase) -> TrainingError:
    return TrainingError(
        "The loss is no longer a number in phase '{}'; the last checkpoint is intact. Try a lower "
        "learning_rate.",
        phase.name,
    )


def precision(device: torch.device) -> torch.autocast:
    """bfloat16 where the device has it in hardware, float16 on other GPUs."""
    if device.type == "cuda" and not has_bfloat16(device):
        return torch.autocast(device.type, torch.float16)
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def scaler(device: torch.device) -> torch.amp.GradScaler:
    """What keeps gradients within the range of float16, where that is the precision."""
    current = precision(device)
    return torch.amp.GradScaler(device.type, enabled=current.fast_dtype is torch.float16)


def _objective(phase: Phase, data: TrainingData, decoder: Decoder) -> CrossEntropy | SelfCritical:
    if phase.objective == "self_critical":
        return SelfCritical(
            data.references(backward=decoder.backward),
            phase.captions_per_photo,
            phase.baseline,
            data.max_words,
            bleu_weight=phase.bleu_weight,
            told_weight=phase.told_weight,
            named_weight=phase.named_weight,
            cross_entropy_weight=phase.cross_entropy_weight,
            function_words=data.function_words(),
            base_forms=data.base_forms(),
        )
    return CrossEntropy(
        phase.label_smoothing,
        phase.word_dropout,
        phase.scheduled_sampling,
        phase.doubly_stochastic,
    )


def _groups(model: CaptioningModel, phase: Phase) -> Iterator[dict[str, Any]]:
    """Encoder and decoder have their own rates and decays; vectors (biases, norms) do not decay."""
    encoder_decay = phase.encoder_weight_decay
    if encoder_decay is None:
        encoder_decay = phase.weight_decay
    for name, part, rate, decay in (
        ("encoder", model.encoder, phase.encoder_learning_rate, encoder_decay),
        ("decoder", model.decoder, phase.learning_rate, phase.weight_decay),
    ):
        parameters = [p for p in part.parameters() if p.requires_grad]
        matrices = [p for p in parameters if p.dim() > 1]
        vectors = [p for p in parameters if p.dim() <= 1]
        if parameters:
            yield {"params": matrices, "peak": rate, "part": name, "weight_decay": decay}
            yield {"params": vectors, "peak": rate, "part": name, "weight_decay": 0.0}
