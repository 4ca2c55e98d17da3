"""The copy task: what each cell still knows after a gap.

    python examples/copy_task.py

A network reads eight symbols, then nothing for a while, then a sign to begin, and must now write
the eight symbols. Whatever it writes, it has carried through the gap: the task has no other clue
(after Hochreiter and Schmidhuber 1997; in this form Arjovsky et al. 2016). Every cell gets the same
budget: as many parameters, the same steps, the same sequences. A step's gap is drawn, up to a
longest one; gaps beyond it are tested as well.

Writes NAME.json with the share of symbols that were right for each gap, and NAME.png, for which it
needs matplotlib: `pip install 'captioner[train]'`. Takes less than ten minutes on one CPU core.

It is an example and no benchmark: what it shows is the cells, and no speed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from captioner.errors import CaptionerError, OptionError
from captioner.model.cells import CELLS, cell

SYMBOLS, LENGTH = 8, 8
NOTHING, BEGIN = SYMBOLS, SYMBOLS + 1
BATCH, RATE = 64, 5e-3
GAPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)  # that are tested


class Copier(nn.Module):
    """Symbols `[B, T]` to logits of symbols `[B, T, SYMBOLS]`, through a cell of that name."""

    def __init__(self, name: str, hidden: int) -> None:
        super().__init__()
        self.symbols = nn.Embedding(SYMBOLS + 2, SYMBOLS + 2)
        self.cell = cell(name, SYMBOLS + 2, hidden)
        self.output = nn.Linear(hidden, SYMBOLS)

    def forward(self, sequences: Tensor) -> Tensor:
        """All steps at once."""
        nothing = torch.zeros(len(sequences), self.cell.hidden_size)
        state = self.cell.begin([nothing] * self.cell.states)
        h, _ = self.cell.sequence(self.symbols(sequences), state)
        return self.output(h)


def sequences(gap: int, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What is read `[B, 2 · LENGTH + gap]`, and what must be written at the end `[B, LENGTH]`."""
    symbols = torch.randint(SYMBOLS, (batch, LENGTH), generator=generator)
    read = torch.full((batch, 2 * LENGTH + gap), NOTHING)
    read[:, :LENGTH] = symbols
    read[:, -LENGTH] = BEGIN
    return read, symbols


def widest(name: str, parameters: int) -> Copier:
    """The widest network with that cell and no more than so many parameters.

    Raises OptionError where even the narrowest has more, ModelError where there is no such cell.
    """
    hidden = 0
    with torch.device("meta"):
        while _size(Copier(name, hidden + 1)) <= parameters:
            hidden += 1
    if hidden == 0:
        raise OptionError(f"{parameters} parameters are too few for the cell '{name}'.")
    return Copier(name, hidden)


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def train(network: Copier, steps: int, longest: int, seed: int) -> None:
    """Steps of Adam, each over a batch of sequences with one gap from 0 to the longest."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in tqdm(range(steps), leave=False):
        gap = int(torch.randint(longest + 1, (), generator=generator))
        read, symbols = sequences(gap, BATCH, generator)
        logits = network(read)[:, -LENGTH:]
        loss = F.cross_entropy(logits.flatten(0, 1), symbols.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()


@torch.no_grad()
def accuracy(network: Copier, gap: int, seed: int) -> float:
    """The share of symbols that are right after a gap, over 256 sequences."""
    generator = torch.Generator().manual_seed(seed)
    read, symbols = sequences(gap, 256, generator)
    written = network(read)[:, -LENGTH:].argmax(dim=2)
    return float((written == symbols).float().mean())


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train one cell and test it on every gap."""
    torch.manual_seed(options.seed)
    network = widest(name, options.parameters)
    train(network, options.steps, options.longest, options.seed)
    found = {gap: accuracy(network, gap, options.seed + 1) for gap in GAPS}
    return {"hidden": network.cell.hidden_size, "parameters": _size(network), "accuracy": found}


def draw(results: Mapping[str, Any], longest: int, path: Path) -> None:
    """Accuracy against gap, a line a cell."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    panel = figure.subplots()
    for name, own in results.items():
        points = [(int(gap), 100 * share) for gap, share in own["accuracy"].items()]
        panel.plot(*zip(*points, strict=True), marker=".", label=name)
    panel.axhline(100 / SYMBOLS, color="0.6", linestyle=":", label="chance")
    panel.axvline(longest, color="0.8", linewidth=1)
    panel.text(longest, 102, "longest gap in training", fontsize="small", ha="center")
    panel.set(xlabel="gap, in steps", ylabel="symbols that are right, percent", ylim=(0, 101))
    panel.set_xscale("symlog", linthresh=1)
    panel.set_xticks(GAPS, map(str, GAPS))
    panel.set_xlim(left=-0.2)
    panel.legend()
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the cells one after another; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), metavar="NAME")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--longest", type=int, default=50, help="longest gap in training (50)")
    parser.add_argument("--parameters", type=int, default=20_000, help="at most (20,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/copy-task"), metavar="NAME")
    options = parser.parse_args(arguments)
    if options.steps < 1 or options.longest < 0:
        parser.error("--steps must be 1 or more, and --longest 0 or more.")
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    try:
        for name in options.cells:
            results[name] = run(name, options)
            shares = results[name]["accuracy"]
            print(name, *(f"{gap}: {share:.0%}" for gap, share in shares.items()), flush=True)
    except CaptionerError as error:
        print(f"copy_task.py: {error}", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"steps": options.steps, "longest": options.longest, "cells": results})
    options.out.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    draw(results, options.longest, options.out.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
