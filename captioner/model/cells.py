"""Recurrent cells, one interface: `cell(x, state) -> (h, state)`.

A cell knows nothing of attention or vocabularies. `sequence` runs it over many steps at once, by a
fused kernel where torch has one; both forms give the same values.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from captioner.errors import ModelError


class LSTMState(NamedTuple):
    """h: hidden state `[B, H]`; c: cell state `[B, H]`."""

    h: Tensor
    c: Tensor


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gate (Gers 2000).

        i = σ(W_i x + U_i h + b_i)      input gate
        f = σ(W_f x + U_f h + b_f)      forget gate
        g = tanh(W_g x + U_g h + b_g)   candidate
        o = σ(W_o x + U_o h + b_o)      output gate
        c' = f ⊙ c + i ⊙ g
        h' = o ⊙ tanh(c')

    The four gates lie one after another in `input` (W `[4H, I]` and b) and `recurrence` (U
    `[4H, H]`), in the order i, f, g, o, as in `torch.nn.LSTM`.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.input = nn.Linear(inputs, 4 * hidden)
        self.recurrence = nn.Linear(hidden, 4 * hidden, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot inputs, orthogonal recurrences, forget gates open (Jozefowicz et al. 2015)."""
        for gate in range(4):
            rows = slice(gate * self.hidden, (gate + 1) * self.hidden)
            nn.init.xavier_uniform_(self.input.weight[rows])
            nn.init.orthogonal_(self.recurrence.weight[rows])
        nn.init.zeros_(self.input.bias)
        with torch.no_grad():
            self.input.bias[self.hidden : 2 * self.hidden] = 1.0

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x `[B, I]` to h `[B, H]` and the new state."""
        return self.advance(self.read(x), state)

    def read(self, x: Tensor) -> Tensor:
        """The part of a step that needs no state: x `[..., I]` to what `advance` takes."""
        return self.input(x)

    def advance(self, reading: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """The rest of a step: `read`'s `[B, 4H]` to h `[B, H]` and the new state."""
        gates = reading + self.recurrence(state.h)
        i, f, g, o = gates.chunk(4, dim=1)
        c = torch.addcmul(torch.sigmoid(f) * state.c, torch.sigmoid(i), torch.tanh(g))
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, LSTMState(h, c)

    def sequence(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """All steps at once: x `[B, T, I]` to h `[B, T, H]` and the last state."""
        start = (state.h.unsqueeze(0), state.c.unsqueeze(0))
        bias = self.input.bias
        weights = [self.input.weight, self.recurrence.weight, bias, torch.zeros_like(bias)]
        has_biases, layers, dropout, bidirectional, batch_first = True, 1, 0.0, False, True
        h_all, h, c = torch.lstm(
            x,
            start,
            weights,
            has_biases,
            layers,
            dropout,
            self.training,
            bidirectional,
            batch_first,
        )
        return h_all, LSTMState(h[0], c[0])


CELLS = {"lstm": LSTM}


def cell(name: str, inputs: int, hidden: int) -> LSTM:
    """The cell of that name. Raises ModelError with the names that exist."""
    if name not in CELLS:
        raise ModelError(f"There is no cell named '{name}'; there is: {', '.join(sorted(CELLS))}.")
    return CELLS[name](inputs, hidden)
