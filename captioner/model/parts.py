"""The parts that a decoder can have, by their names in recipes and model folders; needs no torch.

Each name stands for a class in a module of this package, which is imported when one is made.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from captioner.errors import ModelError

CELLS = {
    "rnn": "cells.rnn:RNN",
    "lstm": "cells.lstm:LSTM",
    "lstm_peephole": "cells.lstm:PeepholeLSTM",
    "lstm_coupled": "cells.lstm:CoupledLSTM",
    "gru": "cells.gru:GRU",
    "grid_lstm": "cells.grid:GridLSTM",
}
ATTENTIONS = {
    "none": "attention:NoAttention",
    "additive": "attention:Additive",
    "multihead": "attention:MultiHead",
    "aoa": "attention:AttentionOnAttention",
}
KINDS = {
    "forward": "decoder:Decoder",
    "bidirectional": "bidirectional:Bidirectional",
}
_WITH_HEADS = ("multihead", "aoa")


def check_cell(name: str) -> None:
    """Raises ModelError, naming those that there are, where there is no such cell."""
    if name not in CELLS:
        raise ModelError("There is no cell named '{}'; there is: {}.", name, ", ".join(CELLS))


def check_attention(name: str, hidden: int, heads: int) -> None:
    """Raises ModelError where there is no such attention, or not with so many heads."""
    if name not in ATTENTIONS:
        known = ", ".join(ATTENTIONS)
        raise ModelError("There is no attention named '{}'; there is: {}.", name, known)
    if name in _WITH_HEADS and hidden % heads:
        raise ModelError("{} heads do not divide a hidden size of {}.", heads, hidden)


def check_kind(name: str) -> None:
    """Raises ModelError, naming those that there are, where there is no such kind of decoder."""
    if name not in KINDS:
        known = ", ".join(KINDS)
        raise ModelError("There is no kind of decoder named '{}'; there is: {}.", name, known)


def part(path: str) -> Any:
    """The class that a name stands for; path: as in the tables above."""
    return resolve_name(f"{__package__}.{path}")
