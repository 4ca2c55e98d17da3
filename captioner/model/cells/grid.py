"""Grid LSTM: the layers are a second dimension of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from captioner.model.cells.base import Gates, Recurrent, State
from captioner.model.cells.lstm import LSTM
from captioner.model.config import CellOptions


class Transform(LSTM):
    """The paper's LSTM transform, which has the tanh of the last equation outside.

        i, f, g, o and c' as in `LSTM`
        h' = tanh(o ⊙ c')

    The paper writes [x; h] as one vector, and c as m.
    """

    kernel = None  # torch's has the tanh inside

    def output(self, o: Tensor, c: Tensor) -> Tensor:
        """The last equation: h' `[..., H]`."""
        return torch.tanh(o * (c if self.cell_norm is None else self.cell_norm(c)))


class GridLSTM(Recurrent):
    """Two-dimensional Grid LSTM: time and depth (Kalchbrenner et al. 2015).

        (y_0, m_0) = W x + b                             the word enters at the bottom
        (h_l', c_l') = time_l(y_{l−1}, (h_l, c_l))       in each layer l an LSTM goes on in time
        (y_l, m_l) = depth_l(h_l', (y_{l−1}, m_{l−1}))   and another one goes up a layer

    and the output is the top layer's y. In a `Stack` a layer hands up its hidden state, rewritten
    at each; here a memory m goes up as well, and gates decide in each layer what of it to keep, as
    they do from word to word. Depth has the paper's priority: it reads the h' that time has just
    written. No weights are shared among layers.

    A residual connection adds y_{l−1} to y_l. The state is (h, c) of each layer, bottom first;
    (y, m) begin anew with each word, and no recurrent dropout falls on them.
    """

    def __init__(self, input_size: int, hidden_size: int, options: CellOptions) -> None:
        super().__init__()
        layers = range(options.layers)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.states = 2 * options.layers
        self.residual = options.residual
        self.input_projection = nn.Linear(input_size, 2 * hidden_size)
        self.time = nn.ModuleList(Transform(hidden_size, hidden_size, options) for _ in layers)
        self.depth = nn.ModuleList(Transform(hidden_size, hidden_size, options) for _ in layers)
        nn.init.xavier_uniform_(self.input_projection.weight[:hidden_size])
        nn.init.xavier_uniform_(self.input_projection.weight[hidden_size:])
        nn.init.zeros_(self.input_projection.bias)

    def begin(self, parts: Sequence[Tensor]) -> State:
        """As `Recurrent.begin`."""
        state: State = ()
        for time, _, part in self._layers(parts):
            state += time.begin(part)
        return state

    def project_input(self, x: Tensor) -> Tensor:
        """x `[..., I]` to y_0 and m_0 `[..., 2H]`."""
        return self.input_projection(x)

    def advance(self, wx: Tensor, state: State) -> tuple[Tensor, State]:
        """As `Recurrent.advance`."""
        below: State = wx.chunk(2, dim=-1)
        new: State = ()
        for time, depth, part in self._layers(state):
            h, last = time(below[0], part)
            below = self._rise(depth, h, below)
            new += last
        return below[0], new

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """As `Recurrent.sequence`: all steps of one layer, then all of the next. Within a layer
        only time waits for its last step; the way up takes all steps at once."""
        below: State = self.project_input(x).chunk(2, dim=-1)
        new: State = ()
        for time, depth, part in self._layers(state):
            h, last = time.sequence(below[0], part)
            below = self._rise(depth, h, below)
            new += last
        return below[0], new

    def trace(self, x: Tensor, state: State) -> tuple[Gates, ...]:
        """As `Recurrent.trace`, of the LSTMs that go on in time."""
        below: State = self.project_input(x).chunk(2, dim=-1)
        gates: tuple[Gates, ...] = ()
        for time, depth, part in self._layers(state):
            gates += time.trace(below[0], part)
            below = self._rise(depth, time.sequence(below[0], part)[0], below)
        return gates

    def _rise(self, depth: LSTM, h: Tensor, below: State) -> State:
        """y and m of a layer, all `[..., H]`."""
        y, (_, m) = depth(h, below)
        return (y + below[0], m) if self.residual else (y, m)

    def _layers(self, state: Sequence[Tensor]) -> Iterator[tuple[LSTM, LSTM, State]]:
        """Each layer's two LSTMs, with its part of the state."""
        size = len(state) // len(self.time)
        starts = range(0, len(state), size)
        for time, depth, start in zip(self.time, self.depth, starts, strict=True):
            yield cast(LSTM, time), cast(LSTM, depth), tuple(state[start : start + size])
