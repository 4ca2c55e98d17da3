"""Training beside a plain loop in the style of the public Show-Attend-Tell tutorials.

    python benchmarks/training.py configs/base-en.toml --set data.root=../shared

Both train on the same photos and captions, at the same size, with the same CNN and a decoder of the
same widths, in turn, A B A B …, in one process. The plain loop does what the tutorials do: a row a
caption, each with its photo; the CNN anew for every row, also while it is frozen; float32; a Python
loop over the words of a batch sorted by length. Ours is `captioner train` itself: its `Stepper`, so
with everything that a real step does (clipping, moving average, rates).

With the encoder frozen, ours reads features that were computed once. The line "features counted"
adds that one pass, spread over the recipe's epochs of that kind. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from tqdm import tqdm

from captioner.images import Preprocessing, normalise
from captioner.model import CaptioningModel, ModelConfig
from captioner.model.encoder import Encoder
from captioner.speed.depthwise import speed_up_depthwise
from captioner.speed.memory import keep_memory
from captioner.training import Recipe, read_recipe
from captioner.training.data import TrainingData, take
from captioner.training.distributed import Workers
from captioner.training.recipe import Phase
from captioner.training.step import Learner, Stepper, precision

WARM_UP = 2  # steps that are not counted: kernels are compiled and memory is fetched


class PlainDecoder(nn.Module):
    """An LSTM decoder with additive attention, word by word (Xu et al. 2015)."""

    def __init__(self, features: int, hidden: int, words: int, dropout: float) -> None:
        super().__init__()
        self.words = words
        self.embedding = nn.Embedding(words, hidden)
        self.keys = nn.Linear(features, hidden)
        self.query = nn.Linear(hidden, hidden)
        self.energy = nn.Linear(hidden, 1)
        self.cell = nn.LSTMCell(hidden + features, hidden)
        self.begin_h = nn.Linear(features, hidden)
        self.begin_c = nn.Linear(features, hidden)
        self.gate = nn.Linear(hidden, features)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, words)

    def forward(self, features: Tensor, captions: Tensor, lengths: list[int]) -> Tensor:
        """Features `[B, N, D]`, captions `[B, T]`, longest first, to logits `[B, T', V]`."""
        embedded = self.embedding(captions)
        mean = features.mean(dim=1)
        h, c = self.begin_h(mean), self.begin_c(mean)
        logits = features.new_zeros(len(captions), max(lengths), self.words)
        for step in range(max(lengths)):
            rows = sum(length > step for length in lengths)
            own = features[:rows]
            energy = torch.relu(self.keys(own) + self.query(h[:rows]).unsqueeze(1))
            weights = self.energy(energy).squeeze(2).softmax(dim=1)
            context = (own * weights.unsqueeze(2)).sum(dim=1)
            context = torch.sigmoid(self.gate(h[:rows])) * context
            x = torch.cat([embedded[:rows, step], context], dim=1)
            h, c = self.cell(x, (h[:rows], c[:rows]))
            logits[:rows, step] = self.out(self.dropout(h))
        return logits


class PlainLoop:
    """One step as the tutorials take it; `rows` captions a step."""

    def __init__(self, recipe: Recipe, phase: Phase, data: TrainingData, rows: int) -> None:
        torch.manual_seed(recipe.seed)
        self.data, self.rows, self.frozen = data, rows, phase.encoder_learning_rate == 0
        self.preprocessing: Preprocessing = recipe.preprocessing
        self.encoder = Encoder(recipe.encoder.config).requires_grad_(not self.frozen)
        self.decoder = PlainDecoder(
            self.encoder.width,
            recipe.decoder.hidden_size,
            len(data.vocabulary),
            recipe.decoder.dropout,
        )
        self.optimizers = [torch.optim.Adam(self.decoder.parameters(), lr=4e-4)]
        if not self.frozen:
            self.optimizers.append(torch.optim.Adam(self.encoder.parameters(), lr=1e-4))
        self.encoder.train()
        self.decoder.train()
        self.batches = self._endless()

    def __call__(self) -> None:
        """Train on the next batch."""
        photos, captions = next(self.batches)
        lengths = (captions != 0).sum(dim=1) - 1  # the last token is never read
        lengths, order = lengths.sort(descending=True)
        images = normalise(take(self.data.train.pixels, photos[order]), self.preprocessing)
        features = self.encoder(images)[0]
        wanted = captions[order]
        logits = self.decoder(features, wanted, lengths.tolist())
        packed = [
            pack_padded_sequence(x, lengths, batch_first=True).data for x in (logits, wanted[:, 1:])
        ]
        loss = F.cross_entropy(*packed)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            nn.utils.clip_grad_value_(optimizer.param_groups[0]["params"], 5.0)
            optimizer.step()

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        for epoch in itertools.count():
            generator = torch.Generator().manual_seed(epoch)
            for batch in self.data.batches(self.rows, 1, generator, epoch):
                yield batch.rows, batch.captions


class OurLoop:
    """One step as `captioner train` takes it."""

    def __init__(self, recipe: Recipe, phase: Phase, data: TrainingData, steps: int) -> None:
        torch.manual_seed(recipe.seed)
        keep_memory()
        config = ModelConfig(
            recipe.encoder.config,
            recipe.decoder.config,
            recipe.preprocessing,
            recipe.data.language,
            len(data.vocabulary),
        )
        self.model = CaptioningModel(config).to(memory_format=torch.channels_last)
        speed_up_depthwise(self.model.encoder)
        generator = torch.Generator().manual_seed(1)
        drawn = data.batches(phase.batch_size, phase.captions_per_photo, generator)
        batches = itertools.islice(drawn, steps)
        self.batches = list(batches)
        self.encoding = 0.0  # seconds a photo
        frozen = phase.encoder_learning_rate == 0
        learner = Learner(phase, self.model, data, [self._features(data)] if frozen else None)
        self.stepper = Stepper(learner, Workers(torch.device("cpu")), max(steps, 100))
        self.model.train()
        self.number = 0

    def __call__(self) -> None:
        """Train on the next batch."""
        batch = self.batches[self.number % len(self.batches)]
        self.stepper.step(batch, self.number)
        self.number += 1

    @torch.no_grad()
    def _features(self, data: TrainingData) -> np.ndarray:
        """Features of the photos in the batches; the other rows' memory is never touched."""
        self.model.eval()
        features, seconds = None, []
        for batch in tqdm(self.batches, desc="Encoding", leave=False):
            started = time.perf_counter()
            pixels = take(data.train.pixels, batch.rows)
            with precision(torch.device("cpu")):
                own = self.model.encoder(normalise(pixels, self.model.config.preprocessing))[0]
            seconds.append((time.perf_counter() - started) / len(batch))
            if features is None:
                features = np.zeros((len(data.train.records), *own.shape[1:]), np.float16)
            features[batch.rows.numpy()] = own.half().numpy()
        assert features is not None
        self.encoding = statistics.median(seconds)
        return features


@dataclass(frozen=True)
class Pair:
    """Median seconds a step of both loops, and the captions of a step."""

    plain: float
    ours: float
    plain_captions: int
    our_captions: int
    our_encoding: float

    def rates(self, epochs: int | None = None) -> tuple[float, float]:
        """Captions a second of both. epochs: over how many one pass of features is spread."""
        own = self.ours
        if epochs:
            own += self.our_encoding / epochs
        return self.plain_captions / self.plain, self.our_captions / own


def measure(recipe: Recipe, phase: Phase, data: TrainingData, steps: int, rows: int) -> Pair:
    """Take steps of both loops in turn."""
    ours = OurLoop(recipe, phase, data, steps + WARM_UP)
    plain = PlainLoop(recipe, phase, data, rows)
    seconds: dict[Callable[[], None], list[float]] = {plain: [], ours: []}
    for _ in tqdm(range(steps + WARM_UP), desc=phase.name, leave=False):
        for loop, times in seconds.items():
            started = time.perf_counter()
            loop()
            times.append(time.perf_counter() - started)
    medians = [statistics.median(times[WARM_UP:]) for times in seconds.values()]
    photos = phase.batch_size
    return Pair(*medians, rows, photos * phase.captions_per_photo, ours.encoding * photos)


def line(name: str, rates: tuple[float, float]) -> str:
    """A line of the table."""
    plain, ours = rates
    return f"| {name} | {plain:.1f} | {ours:.1f} | {ours / plain:.1f} times |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rows", type=int, default=32, help="captions a step of the plain loop")
    parser.add_argument("--cache", type=Path, help="folder with decoded photos; else temporary")
    options = parser.parse_args()
    recipe = read_recipe(options.recipe, options.set)
    with tempfile.TemporaryDirectory() as temporary:
        data = TrainingData(recipe, options.cache or Path(temporary))
        phases = [phase for phase in recipe.phases if phase.objective == "cross_entropy"]
        print(f"{recipe.name}, {torch.get_num_threads()} threads, ", end="")
        print(f"torch {torch.__version__}, {platform.machine()}\n")
        print("| captions a second | plain loop | captioner train | |\n|---|---|---|---|")
        for phase in phases:
            pair = measure(recipe, phase, data, options.steps, options.rows)
            if phase.encoder_learning_rate:
                print(line("every layer trains", pair.rates()), flush=True)
            else:
                print(line("encoder frozen", pair.rates()))
                name = f"the same, features counted ({phase.epochs} epochs)"
                print(line(name, pair.rates(phase.epochs)), flush=True)


if __name__ == "__main__":
    main()
