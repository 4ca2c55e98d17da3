"""The LSTM and its close relatives: a cell state that gates protect."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from captioner.model.cells.base import Cell, Gates, Kernel, State
from captioner.model.config import CellOptions


class LSTM(Cell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gate (Gers et al. 2000).

        i = σ(W_i x + U_i h + b_i)      input gate
        f = σ(W_f x + U_f h + b_f)      forget gate
        g = tanh(W_g x + U_g h + b_g)   candidate
        o = σ(W_o x + U_o h + b_o)      output gate
        c' = f ⊙ c + i ⊙ g
        h' = o ⊙ tanh(c')

    Along c the gradient is multiplied by f alone, no matrix and no tanh: where the forget gate
    stays open it neither vanishes nor explodes. Blocks of W and U in the order i, f, g, o, as in
    `torch.nn.LSTM`, which computes the same with two biases for one.

    With layer normalisation h' = o ⊙ tanh(LN(c')); c itself is never normalised, so that its way
    through time stays free.
    """

    blocks, states = 4, 2
    forget_block: ClassVar[int] = 1
    kernel: ClassVar[Kernel | None] = staticmethod(torch.lstm)

    def __init__(
        self, input_size: int, hidden_size: int, options: CellOptions | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, options)
        self.cell_norm = nn.LayerNorm(hidden_size) if self.options.layer_norm else None

    def reset_parameters(self) -> None:
        """As every cell, and the forget gate as open as its option says."""
        super().reset_parameters()
        first = self.forget_block * self.hidden_size
        with torch.no_grad():
            self.bias[first : first + self.hidden_size] = self.options.forget_bias

    def update(self, wx: Tensor, uh: Tensor, state: State) -> State:
        """The equations above."""
        _, _, o, c = self.gates(wx + uh, state[1])
        return self.output(o, c), c

    def gates(self, sums: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All but the last equation: W x + U h + b `[..., 4H]` and c to i, f, o and c'."""
        i, f, g, o = sums.chunk(4, dim=-1)
        i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
        return i, f, o, torch.addcmul(f * c, i, torch.tanh(g))

    def output(self, o: Tensor, c: Tensor) -> Tensor:
        """The last equation: h' `[..., H]`."""
        return o * torch.tanh(c if self.cell_norm is None else self.cell_norm(c))

    def trace(self, x: Tensor, state: State) -> tuple[Gates, ...]:
        """As `Recurrent.trace`."""
        steps = []
        for wx in self.project_input(x).unbind(1):
            steps.append(self.gates(wx + self.project_hidden(state), state[1]))
            _, state = self.advance(wx, state)
        return (Gates(*(torch.stack(parts, dim=1) for parts in zip(*steps, strict=True))),)


class PeepholeLSTM(LSTM):
    """LSTM whose gates also see the cell state (Gers and Schmidhuber 2000).

        i = σ(W_i x + U_i h + p_i ⊙ c + b_i)
        f = σ(W_f x + U_f h + p_f ⊙ c + b_f)
        g = tanh(W_g x + U_g h + b_g)
        c' = f ⊙ c + i ⊙ g
        o = σ(W_o x + U_o h + p_o ⊙ c' + b_o)
        h' = o ⊙ tanh(c')

    A plain LSTM's gates know of c only what the output gate let through; with peepholes they can
    count and keep time. A peephole is a weight a unit, not a matrix, and the output gate looks at
    the new c'. They start at nought, where the cell is a plain LSTM.
    """

    kernel = None  # torch has none with peepholes

    def __init__(
        self, input_size: int, hidden_size: int, options: CellOptions | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, options)
        self.peepholes = nn.Parameter(torch.zeros(3, hidden_size))  # p_i, p_f, p_o

    def gates(self, sums: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `LSTM.gates`."""
        i, f, g, o = sums.chunk(4, dim=-1)
        p_i, p_f, p_o = self.peepholes
        i, f = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c)
        c = torch.addcmul(f * c, i, torch.tanh(g))
        return i, f, torch.sigmoid(o + p_o * c), c


class CoupledLSTM(LSTM):
    """LSTM that takes in as much as it forgets ("CIFG" in Greff et al. 2015).

        f = σ(W_f x + U_f h + b_f)
        g = tanh(W_g x + U_g h + b_g)
        o = σ(W_o x + U_o h + b_o)
        c' = f ⊙ c + (1 − f) ⊙ g
        h' = o ⊙ tanh(c')

    c becomes a moving average of candidates, between −1 and 1, with a quarter fewer weights; Greff
    et al. found it no worse. Without peepholes here. Blocks in the order f, g, o.
    """

    blocks = 3
    forget_block = 0

    def gates(self, sums: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `LSTM.gates`, from `[..., 3H]`."""
        f, g, o = sums.chunk(3, dim=-1)
        f, o = torch.sigmoid(f), torch.sigmoid(o)
        i = 1 - f
        return i, f, o, torch.addcmul(f * c, i, torch.tanh(g))

    def kernel_weights(self) -> list[Tensor]:
        """Those of an LSTM that computes the same: 1 − σ(a) = σ(−a), so its input gate has the
        forget gate's weights, negated."""
        blocks = (weight.split(self.hidden_size) for weight in super().kernel_weights())
        return [torch.cat([-f, f, g, o]) for f, g, o in blocks]
