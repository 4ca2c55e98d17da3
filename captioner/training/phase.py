"""One phase of a run: its epochs, each trained and scored."""

from __future__ import annotations

import hashlib
import statistics
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from captioner.datasets import Photos
from captioner.messages import Message, duration, progress_bar, translate
from captioner.model import CaptioningModel
from captioner.text import Trigrams
from captioner.training.checkpoint import SoFar
from captioner.training.data import TrainingData
from captioner.training.distributed import Workers
from captioner.training.evaluation import Evaluation, evaluate
from captioner.training.features import Features
from captioner.training.recipe import Phase
from captioner.training.step import Learner, Stepper

_MEASURED = 20  # steps after which a phase's time can be foretold


@dataclass(frozen=True)
class Scored:
    """A model's captions and scores, for the dev split and for held-out photos if there are any."""

    val: Evaluation
    held_out: Evaluation | None

    def row(self) -> dict[str, float]:
        """The scores as `metrics.jsonl` keeps them."""
        evaluations = {"": self.val, "held_out_": self.held_out}
        return {
            f"{prefix}{name}": round(value, 2)
            for prefix, evaluation in evaluations.items()
            if evaluation
            for name, value in evaluation.row().items()
        }


class PhaseRun:
    """Trains `model` as a phase says, together with the other workers.

    features: of the frozen encoder; None where the encoder is trained too. index: the phase's
    number in the run, which with `seed` decides everything random.
    """

    def __init__(
        self,
        phase: Phase,
        model: CaptioningModel,
        data: TrainingData,
        features: Features | None,
        *,
        workers: Workers,
        seed: int,
        index: int,
    ) -> None:
        self.phase, self.data, self.features, self.workers = phase, data, features, workers
        self._seed, self._index = seed, index
        self.steps = data.steps(phase.batch_size)
        self.shown = "reward" if phase.objective == "self_critical" else "loss"
        learner = Learner(phase, model, data, features.train if features else None)
        self.stepper = Stepper(learner, workers, self.steps * phase.epochs)
        self._durations: list[float] = []

    def epoch(self, number: int, so_far: SoFar) -> Generator[tuple[SoFar, float], None, None]:
        """Train one epoch, counted from 0; gives after each step what is done of it, and the step's
        loss or reward.

        so_far: what an interrupted run had done of it.

        Everything random in a step depends on the seed and the step's number alone, so that a run
        that goes on after an interruption draws what it would have drawn without.
        """
        self.stepper.train()
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        size, captions = self.phase.batch_size, self.phase.captions_per_photo
        # From the epoch's start on, so that all processes draw the same.
        all_batches = self.data.batches(size, captions, generator, number, self.workers.count)
        batches = islice(all_batches, so_far.steps, None)
        before = time.monotonic() - so_far.seconds
        with self._bar(number, so_far) as bar:
            shares = self.stepper.shares(batches)
            for step, share in enumerate(shares, start=so_far.steps):
                started = time.monotonic()
                torch.manual_seed(self._seed_of(number, step))
                value = self.stepper.step(share, number * self.steps + step)
                self._foretell(time.monotonic() - started, number * self.steps + step + 1)
                seconds = time.monotonic() - before
                so_far = SoFar(step + 1, so_far.shown + value, seconds)
                shown = f"{so_far.shown / (step + 1):.3f}"
                bar.set_postfix({translate(self.shown): shown}, refresh=False)
                bar.update(size)
                yield so_far, value

    def score(self) -> Scored:
        """Score the averaged weights."""
        self.stepper.check_weights()
        return score(self.stepper.averaged, self.data, self.features, self.workers)

    def row(self, number: int, done: SoFar, scored: Scored) -> dict[str, Any]:
        """What `metrics.jsonl` keeps of an epoch: the mean loss in nats a word or the mean reward,
        and the scores after it."""
        photos = self.steps * self.phase.batch_size
        return {
            "phase": self.phase.name,
            "epoch": number + 1,
            self.shown: round(done.shown / self.steps, 4),
            "photos_per_second": round(photos / done.seconds, 1),
            "device": _device_name(self.workers),
            **scored.row(),
        }

    def _seed_of(self, number: int, step: int) -> int:
        """For dropout and for sampled captions; every process has its own."""
        key = (self._seed, self._index, number, step, self.workers.rank)
        return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:4], "big")

    def _bar(self, number: int, so_far: SoFar) -> tqdm:
        return progress_bar(
            total=self.steps * self.phase.batch_size,
            initial=so_far.steps * self.phase.batch_size,
            desc=f"{self.phase.name} {number + 1}/{self.phase.epochs}",
            unit=translate("photo"),
            disable=not self.workers.first,
        )

    def _foretell(self, seconds: float, done: int) -> None:
        """Once enough steps are measured, say how long the rest of the phase will take.

        The first ones take longer, since kernels are compiled and files read; hence the median.
        """
        if len(self._durations) == _MEASURED:
            return
        self._durations.append(seconds)
        if len(self._durations) == _MEASURED and self.workers.first:
            left = statistics.median(self._durations) * (self.stepper.steps - done)
            template = "{}: {} of training left, evaluation apart."
            message = Message(template, self.phase.name, duration(left))
            tqdm.write(translate(message), file=sys.stderr)


def score(
    model: CaptioningModel,
    data: TrainingData,
    features: Features | None,
    workers: Workers,
    trigrams: Trigrams | None = None,
) -> Scored:
    """Caption the dev split and the held-out photos, and score the captions."""

    def evaluated(photos: Photos, known: np.ndarray | None) -> Evaluation:
        words = data.vocabulary
        return evaluate(model, words, photos, known, workers=workers, trigrams=trigrams)

    val = evaluated(data.val, features.val if features else None)
    if data.held_out is None:
        return Scored(val, None)
    return Scored(val, evaluated(data.held_out, features.held_out if features else None))


def _device_name(workers: Workers) -> str:
    device = workers.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return name if workers.count == 1 else f"{workers.count} x {name}"
