"""How an LSTM's gates and cell state move, word by word, as it writes a sentence about a photo.

    python examples/gates.py PHOTO --out gates.png

A column is a word, a row one unit of the decoder, the same in all four panels: those that remember
longest, by their mean forget gate, are on top. Needs matplotlib: `pip install 'captioner[train]'`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import captioner
from captioner.errors import CaptionerError, OptionError

GATES = {"forget": "forget gate f", "input": "input gate i", "output": "output gate o"}


def draw(caption: captioner.Caption, layer: int) -> Any:
    """The three gates, from closed to open, and tanh of the cell state, which the output gate lets
    through.

    Raises OptionError where the caption has no trace, or its model no such layer.
    """
    from matplotlib.figure import Figure

    trace = caption.trace
    if trace is None:
        raise OptionError("The model's cell has no gates and cell state to trace.")
    layers = trace.forget.shape[1]
    if not 0 <= layer < layers:
        raise OptionError(f"--layer must be from 0 to {layers - 1} for this model.")
    order = trace.forget[:, layer].mean(dim=0).argsort()
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    panels = figure.subplots(1, len(GATES) + 1, sharey=True)
    for panel, (name, title) in zip(panels, GATES.items(), strict=False):
        units = getattr(trace, name)[:, layer, order].T.numpy()
        image = panel.imshow(units, aspect="auto", vmin=0, vmax=1, origin="lower", cmap="viridis")
        panel.set_title(title)
    figure.colorbar(image, ax=list(panels[:-1]), location="bottom", shrink=0.5, aspect=50)
    cell = trace.cell[:, layer, order].T.tanh().numpy()
    image = panels[-1].imshow(cell, aspect="auto", vmin=-1, vmax=1, origin="lower", cmap="RdBu")
    panels[-1].set_title("tanh of the cell state c")
    figure.colorbar(image, ax=panels[-1], location="bottom", aspect=18)
    words = [*caption.tokens, "end"][: len(trace.forget)]
    for panel in panels:
        panel.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor")
    panels[0].set_ylabel("units")
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Caption the photo and draw; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", help="name or folder (the default model)")
    parser.add_argument("--layer", type=int, default=0, help="of a deep decoder, from 0 (0)")
    parser.add_argument("--out", type=Path, default=Path("gates.png"), metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        caption = captioner.load_model(options.model).caption(options.photo, trace=True)
        figure = draw(caption, options.layer)
    except CaptionerError as error:
        print(f"gates.py: {error}", file=sys.stderr)
        return 2
    figure.savefig(options.out, dpi=110)
    print(caption.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
