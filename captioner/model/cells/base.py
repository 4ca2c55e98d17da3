"""What all cells share: two projections, of the input and of the past, and the loop over time.

Every cell of the lesson is the same walk with other equations in the middle:

    wx     = W x + b                  what the new input says           `project_input`
    uh     = U h                      what the last hidden state says   `project_hidden`
    state' = update(wx, uh, state)    the cell's equations              `update`

Symbols, here and in every cell's docstring: x the input `[B, I]`, h the hidden state and c the cell
state `[B, H]`, a prime for the new one, σ the logistic function, ⊙ the product element by element.
W `[G·H, I]`, U `[G·H, H]` and b hold the weights of the G gates in blocks of H rows; as attributes
they go by torch's names, `weight_ih`, `weight_hh` and `bias`, and I and H are `input_size` and
`hidden_size`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captioner.model.config import CellOptions

Kernel = Callable[..., Any]  # torch.lstm, torch.gru, torch.rnn_tanh

# What goes from step to step: tensors `[B, H]`, a plain tuple whatever the cell and its depth, so
# that whoever reorders or copies its rows need not know whose state it is.
State = tuple[Tensor, ...]


class Gates(NamedTuple):
    """What one LSTM layer did at each step: input, forget, output gate in [0, 1] and the cell state
    after the step, all `[B, T, H]`."""

    input: Tensor
    forget: Tensor
    output: Tensor
    cell: Tensor


class Recurrent(nn.Module):
    """A recurrent network of any depth: `network(x [B, I], state) -> (h [B, H], state)`.

    input_size: I. hidden_size: H. states: how many tensors `[B, H]` it starts from.
    projects_linearly: whether projections P of the input add up, P(x + y) = P(x) + P(y) - P(0), so
        that those of a sum's terms can be computed beforehand.
    """

    input_size: int
    hidden_size: int
    states: int
    projects_linearly: bool = True

    def begin(self, parts: Sequence[Tensor]) -> State:
        """The state before a sequence, from `states` tensors `[B, H]`.

        In training it also holds the masks of the recurrent dropout, drawn here: the state alone
        then decides what comes next, whether step by step or a whole sequence at once.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x `[B, I]` to h `[B, H]` and the new state."""
        return self.advance(self.project_input(x), state)

    def project_input(self, x: Tensor) -> Tensor:
        """The part of a step that needs no state: x `[..., I]` to what `advance` takes."""
        raise NotImplementedError

    def advance(self, wx: Tensor, state: State) -> tuple[Tensor, State]:
        """The rest of a step: what `project_input` gave to h `[B, H]` and the new state."""
        raise NotImplementedError

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps of a known sequence: x `[B, T, I]` to h `[B, T, H]` and the last state."""
        outputs = []
        for wx in self.project_input(x).unbind(1):
            h, state = self.advance(wx, state)
            outputs.append(h)
        return torch.stack(outputs, dim=1), state

    def trace(self, x: Tensor, state: State) -> tuple[Gates, ...]:
        """What the gates of each LSTM layer did in a known sequence x `[B, T, I]`, bottom first;
        nothing where the network is of another family."""
        return ()


class Cell(Recurrent):
    """One layer. A new cell says `blocks`, `states` and `update`; all else is here.

    blocks: G, how many blocks of H rows W and U have.
    states: how many tensors make up the state; the first is h, which is also the output.
    recurrent_bias: whether U h has a bias of its own.
    kernel: torch's function for a whole sequence, where it computes the same.
    """

    blocks: ClassVar[int]
    recurrent_bias: ClassVar[bool] = False
    kernel: ClassVar[Kernel | None] = None

    def __init__(
        self, input_size: int, hidden_size: int, options: CellOptions | None = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.options = options or CellOptions()
        self.input_norm: nn.LayerNorm | None = None
        self.hidden_norm: nn.LayerNorm | None = None
        rows, normed = self.blocks * hidden_size, self.options.layer_norm
        # A norm would cancel a bias before it, at least in part; so it brings the bias itself.
        self.input_projection = nn.Linear(input_size, rows, bias=not normed)
        bias = self.recurrent_bias and not normed
        self.hidden_projection = nn.Linear(hidden_size, rows, bias=bias)
        if normed:
            self.input_norm = nn.LayerNorm(rows)
            self.hidden_norm = nn.LayerNorm(rows, bias=self.recurrent_bias)
            self.projects_linearly = False
        self.reset_parameters()

    @property
    def weight_ih(self) -> Tensor:
        """W `[G·H, I]`."""
        return self.input_projection.weight

    @property
    def weight_hh(self) -> Tensor:
        """U `[G·H, H]`."""
        return self.hidden_projection.weight

    @property
    def bias(self) -> Tensor:
        """b `[G·H]`."""
        projection, norm = self.input_projection, self.input_norm
        return projection.bias if norm is None else norm.bias

    def reset_parameters(self) -> None:
        """Weights as the options say, each block for itself, and no bias."""
        orthogonal = self.options.orthogonal
        for block in range(self.blocks):
            rows = slice(block * self.hidden_size, (block + 1) * self.hidden_size)
            nn.init.xavier_uniform_(self.weight_ih[rows])
            u = self.weight_hh[rows]
            nn.init.orthogonal_(u) if orthogonal else nn.init.xavier_uniform_(u)
        nn.init.zeros_(self.bias)
        if self.hidden_projection.bias is not None:
            nn.init.zeros_(self.hidden_projection.bias)

    def begin(self, parts: Sequence[Tensor]) -> State:
        """As `Recurrent.begin`; a mask of the recurrent dropout comes last."""
        dropout = self.options.recurrent_dropout
        if not self.training or not dropout:
            return tuple(parts)
        return (*parts, F.dropout(torch.ones_like(parts[0]), dropout))

    def project_input(self, x: Tensor) -> Tensor:
        """W x + b, normalised if so asked: x `[..., I]` to `[..., G·H]`."""
        wx = self.input_projection(x)
        return wx if self.input_norm is None else self.input_norm(wx)

    def project_hidden(self, state: State) -> Tensor:
        """U h, of a thinned h in training, normalised if so asked: `[B, G·H]`."""
        h = state[0] if len(state) == self.states else state[0] * state[-1]
        uh = self.hidden_projection(h)
        return uh if self.hidden_norm is None else self.hidden_norm(uh)

    def update(self, wx: Tensor, uh: Tensor, state: State) -> State:
        """The cell's equations: W x + b and U h `[B, G·H]` to the new state's tensors `[B, H]`, h
        first."""
        raise NotImplementedError

    def advance(self, wx: Tensor, state: State) -> tuple[Tensor, State]:
        """As `Recurrent.advance`: W x + b `[B, G·H]` to h `[B, H]` and the new state."""
        new = self.update(wx, self.project_hidden(state), state)
        return new[0], new + state[self.states :]  # with the mask, if there is one

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """As `Recurrent.sequence`, in one call of torch's kernel where that computes the same."""
        masked = len(state) > self.states
        if self.kernel is None or masked or self.options.layer_norm:
            return super().sequence(x, state)
        start = tuple(part.unsqueeze(0).contiguous() for part in state)  # `[layers, B, H]`
        weights = self.kernel_weights()
        if x.is_cuda:
            weights = in_one_chunk(weights)
        has_biases, layers, dropout, bidirectional, batch_first = True, 1, 0.0, False, True
        h, *last = self.kernel(
            x,
            start if self.states > 1 else start[0],
            weights,
            has_biases,
            layers,
            dropout,
            self.training,
            bidirectional,
            batch_first,
        )
        return h, tuple(part[0] for part in last)

    def kernel_weights(self) -> list[Tensor]:
        """W, U and their biases, as the kernel takes them."""
        bias_ih, bias_hh = self.input_projection.bias, self.hidden_projection.bias
        bias_hh = torch.zeros_like(bias_ih) if bias_hh is None else bias_hh
        return [self.weight_ih, self.weight_hh, bias_ih, bias_hh]


def in_one_chunk(weights: Sequence[Tensor]) -> list[Tensor]:
    """The same weights one after another in memory, as cuDNN wants them.

    They are parameters of two layers, and whatever copies or converts these lays them out anew.
    """
    flat = torch.cat([weight.flatten() for weight in weights])
    parts = flat.split([weight.numel() for weight in weights])
    return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]
