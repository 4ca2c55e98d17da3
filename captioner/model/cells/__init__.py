"""Recurrent cells, one interface: `cell(x [B, I], state) -> (h [B, H], state)`.

A cell reads one word after another and keeps in its state what a sentence has said so far. It knows
nothing of attention or vocabularies. This package is also a lesson: each module has one family,
written from its equations, to be read in this order.

    name           module   what it adds
    rnn            rnn      a hidden state
    lstm           lstm     a cell state behind gates: long memory
    lstm_peephole  lstm     gates that see the cell state
    lstm_coupled   lstm     one gate for taking in and forgetting
    gru            gru      the same with no cell state
    grid_lstm      grid     gates from layer to layer as from word to word

`base` has what they share, `stack` makes any of them deep. A state is a tuple of tensors, batch
first. `begin` makes the first one; from there on these three compute the same:

    h, state = cell(x, state)               a step

    wx = cell.project_input(x)              a step in two parts: what needs no state can be computed
    h, state = cell.advance(wx, state)      beforehand, for decoding

    h, state = cell.sequence(x, state)      x `[B, T, I]` to h `[B, T, H]`, all steps at once, for
                                            training on known captions

A new cell is a class with its equations and a line in `captioner.model.parts.CELLS`. All options,
any depth, training, decoding, saving and loading then work with it:

    class Leaky(Cell):
        blocks, states = 1, 1               # W and U have one block of H rows; the state is (h,)

        def update(self, wx, uh, state):    # W x + b, U h, (h,)
            return (0.9 * state[0] + 0.1 * torch.tanh(wx + uh),)

    CELLS["leaky"] = "cells.leaky:Leaky"
"""

from __future__ import annotations

from functools import partial

from captioner.errors import ModelError
from captioner.model.cells.base import Cell, Gates, Recurrent, State
from captioner.model.cells.grid import GridLSTM
from captioner.model.cells.gru import GRU
from captioner.model.cells.lstm import LSTM, CoupledLSTM, PeepholeLSTM
from captioner.model.cells.rnn import RNN
from captioner.model.cells.stack import Stack, deep
from captioner.model.config import CellOptions
from captioner.model.parts import CELLS, check_cell, part

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "Cell",
    "CellOptions",
    "CoupledLSTM",
    "Gates",
    "GridLSTM",
    "PeepholeLSTM",
    "Recurrent",
    "Stack",
    "State",
    "cell",
    "deep",
]


def cell(
    name: str, input_size: int, hidden_size: int, options: CellOptions | None = None
) -> Recurrent:
    """A network of cells of that name, for inputs `[B, input_size]` and states `[B, hidden_size]`.

    Raises ModelError, naming the cells that exist or the size that cannot be.
    """
    check_cell(name)
    for what, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if size < 1:
            raise ModelError("A cell's {} must be 1 or more, not {}.", what, size)
    kind = part(CELLS[name])
    made = partial(deep, kind) if issubclass(kind, Cell) else kind
    return made(input_size, hidden_size, options or CellOptions())
