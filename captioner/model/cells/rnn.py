"""The simple recurrent network, where all began."""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.model.cells.base import Cell, State


class RNN(Cell):
    """Simple recurrent network (Elman 1990).

        h' = tanh(W x + U h + b)

    The whole memory is rewritten at every step, and the gradient through T steps is a product of T
    matrices: it vanishes or explodes (Bengio et al. 1994). The cells after this one are answers to
    that. Computes what `torch.nn.RNN` does, with one bias for its two.
    """

    blocks, states = 1, 1
    kernel = staticmethod(torch.rnn_tanh)

    def update(self, wx: Tensor, uh: Tensor, state: State) -> State:
        """The equation above."""
        return (torch.tanh(wx + uh),)
