"""Text imitation: learn a text character by character, then write more of the kind.

    python examples/imitate.py FILE

Any text in UTF-8 will do, in English, Chinese or whatever else; from some ten thousand characters
on it becomes recognisable. The cells and the sampling are those that write captions, without a
photo: what a recurrent network is before it is given something to look at.

    python examples/imitate.py FILE --cell gru --layers 2 --steps 3000 --temperature 0.7
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from captioner.decoding import SamplingOptions, sample
from captioner.errors import CaptionerError
from captioner.model.cells import CellOptions, State, cell
from captioner.text import END, NEVER_WRITTEN, START, Vocabulary

WINDOW, BATCH, RATE = 100, 32, 3e-3  # characters, windows a step, Adam's rate


@dataclass(frozen=True)
class Memory:
    """What the network knows of `texts` texts, with as many rows each; see `DecoderState`."""

    recurrent: State
    texts: int

    def reorder(self, parents: Tensor) -> Memory:
        """Go on with other rows of each text."""
        rows = len(self.recurrent[0]) // self.texts
        index = (parents + rows * torch.arange(self.texts).unsqueeze(1)).flatten()
        return Memory(tuple(part[index] for part in self.recurrent), self.texts)


class Imitator(nn.Module):
    """Characters to logits of the next one."""

    def __init__(self, name: str, characters: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, hidden)
        self.cell = cell(name, hidden, hidden, CellOptions(layers=layers))
        self.output = nn.Linear(hidden, characters)

    def start(self, texts: int) -> Memory:
        """Nothing read yet."""
        nothing = torch.zeros(texts, self.cell.hidden_size)
        return Memory(self.cell.begin([nothing] * self.cell.states), texts)

    def forward(self, read: Tensor) -> Tensor:
        """Known texts `[B, T]` to logits `[B, T, V]`."""
        h, _ = self.cell.sequence(self.characters(read), self.start(len(read)).recurrent)
        return self.output(h)

    def step(self, last: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The last characters `[B]` to logits `[B, V]` of the next, and the new memory."""
        h, recurrent = self.cell(self.characters(last), memory.recurrent)
        return self.output(h), Memory(recurrent, memory.texts)


def read_text(path: Path) -> str:
    """A text file. Raises CaptionerError, in one sentence, where there is no text to learn."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CaptionerError(f"{path} is not a text in UTF-8.") from None
    except OSError as error:
        raise CaptionerError(f"{path} cannot be read ({error.strerror}).") from None
    if len(text) < 2 * WINDOW:
        raise CaptionerError(
            f"{path} is too short: it has {len(text)} characters, and {2 * WINDOW} are the least."
        )
    return text


def learn(network: Imitator, text: Tensor, steps: int) -> float:
    """Take steps of Adam on windows anywhere in a text `[N]`; returns the last steps' mean loss,
    in nats a character."""
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    losses = []
    with tqdm(range(steps), desc="Learning", unit="step") as bar:
        for _ in bar:
            first = torch.randint(len(text) - WINDOW + 1, (BATCH, 1))
            windows = text[first + torch.arange(WINDOW)]
            # Each window begins like a text, with the start token.
            read = F.pad(windows[:, :-1], (1, 0), value=START)
            loss = F.cross_entropy(network(read).flatten(0, 1), windows.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            bar.set_postfix(perplexity=f"{math.exp(losses[-1]):.2f}", refresh=False)
    last = losses[-50:]
    return sum(last) / len(last)


def endless(length: int, temperature: float, seed: int) -> SamplingOptions:
    """Options to draw exactly so many characters. Raises OptionError where one is out of range."""
    return SamplingOptions(
        min_length=0,
        max_length=length,
        no_repeat_ngram=0,
        temperature=temperature,
        seed=seed,
        avoid=(*NEVER_WRITTEN, END),  # a text has no end of its own
    )


def write(network: Imitator, vocabulary: Vocabulary, options: SamplingOptions) -> str:
    """Characters from the network, drawn at random."""
    network.eval()
    written = sample(network.step, network.start(1), 1, START, END, options)
    return "".join(vocabulary.decode(written[0][0].tokens))


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a text in UTF-8")
    parser.add_argument("--cell", default="lstm", metavar="NAME")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--length", type=int, default=500, help="characters to write (500)")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    for name in ("steps", "hidden"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be 1 or more.")
    try:
        wanted = endless(options.length, options.temperature, options.seed)
        text = read_text(options.file)
        torch.manual_seed(options.seed)
        vocabulary = Vocabulary.build([text])
        network = Imitator(options.cell, len(vocabulary), options.hidden, options.layers)
        loss = learn(network, torch.tensor(vocabulary.encode(text)[1:-1]), options.steps)
        print(f"Perplexity of a character: {math.exp(loss):.2f}.", file=sys.stderr)
        print(write(network, vocabulary, wanted))
    except CaptionerError as error:
        print(f"imitate.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
