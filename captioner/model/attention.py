"""Attention of a word's query over the grid features of its photo.

Every attention has the same two methods. `memory` turns grid features into what is looked up,
once per photo; `forward` answers queries, and so does `contexts` where nobody asks for the weights.
Queries come as `[B, Q, H]`: B photos, and for each any number of questions (its beams, or all words
of all its captions at once), so that a photo's keys are never copied.

    name       weights of the grid's locations       context
    none       even                                  empty: the photo only starts the decoder
    additive   softmax of v · tanh(W q + U f)        the locations' values, averaged by the weights
    multihead  softmax of q · k, for each head       the same, each head a part of the values
    aoa        the same                              the same, gated by query and answer

A new attention is a class with these two methods and a line in `captioner.model.parts.ATTENTIONS`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captioner.model.parts import ATTENTIONS, check_attention, part


class Memory(NamedTuple):
    """What an attention looks up; the shapes are its own, photos first."""

    keys: Tensor
    values: Tensor


class Attention(nn.Module):
    """An attention over features `[B, N, D]`; context: width of what it answers."""

    context: int

    def memory(self, features: Tensor) -> Memory:
        """Grid features `[B, N, D]` to what `forward` looks up."""
        raise NotImplementedError

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, Q, H]` to contexts `[B, Q, context]` and weights `[B, heads, Q, N]`, each
        head's of sum one."""
        raise NotImplementedError

    def contexts(self, queries: Tensor, memory: Memory) -> Tensor:
        """As `forward`, without the weights, which may be quicker."""
        return self(queries, memory)[0]


class NoAttention(Attention):
    """The photo only starts the decoder (Show and Tell: Vinyals et al. 2015).

    The weights are even: no location counts for more than another.
    """

    context = 0

    def __init__(self, features: int, hidden: int, heads: int = 1) -> None:
        super().__init__()

    def memory(self, features: Tensor) -> Memory:
        """Grid features `[B, N, D]` to even weights `[B, 1, 1, N]` and nothing else."""
        photos, locations, _ = features.shape
        even = features.new_full((photos, 1, 1, locations), 1 / locations)
        return Memory(even, features.new_empty(photos, 0))

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, Q, H]` to contexts `[B, Q, 0]` and weights `[B, 1, Q, N]`."""
        return queries[:, :, :0], memory.keys.expand(-1, -1, queries.shape[1], -1)


class Additive(Attention):
    """`score = v · tanh(W q + U f)` (Bahdanau et al. 2015; Show, Attend and Tell: Xu et al. 2015).

    It has one head, whatever `heads` says.
    """

    def __init__(self, features: int, hidden: int, heads: int = 1) -> None:
        super().__init__()
        self.context = hidden
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(features, hidden, bias=False)
        self.value = nn.Linear(features, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def memory(self, features: Tensor) -> Memory:
        """Grid features `[B, N, D]` to keys and values `[B, N, H]`."""
        return Memory(self.key(features), self.value(features))

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, Q, H]` to contexts `[B, Q, H]` and weights `[B, 1, Q, N]`, sum one."""
        hidden = torch.tanh(self.query(queries).unsqueeze(2) + memory.keys.unsqueeze(1))
        weights = self.score(hidden).squeeze(3).softmax(dim=2)
        return weights @ memory.values, weights.unsqueeze(1)


class MultiHead(Attention):
    """Scaled dot-product attention with several heads (Vaswani et al. 2017)."""

    def __init__(self, features: int, hidden: int, heads: int = 8) -> None:
        super().__init__()
        self.context = hidden
        self.heads = heads
        self.scale = (hidden // heads) ** -0.5
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(features, hidden, bias=False)
        self.value = nn.Linear(features, hidden)

    def memory(self, features: Tensor) -> Memory:
        """Grid features `[B, N, D]` to keys `[B, heads, H / heads, N]` and values transposed."""
        keys = self._split(self.key(features)).transpose(2, 3)
        return Memory(keys, self._split(self.value(features)))

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, Q, H]` to contexts `[B, Q, H]` and weights `[B, heads, Q, N]`, these in
        float32 or better, so that their sum is one."""
        scores = _wide(self._split(self.query(queries))) @ _wide(memory.keys)
        weights = (scores * self.scale).softmax(dim=3)
        return self._joined(weights @ _wide(memory.values)).to(queries.dtype), weights

    def contexts(self, queries: Tensor, memory: Memory) -> Tensor:
        """As `forward`, without the weights: by torch's fused kernels."""
        keys = memory.keys.transpose(2, 3)
        queries = self._split(self.query(queries))
        contexts = F.scaled_dot_product_attention(queries, keys, memory.values, scale=self.scale)
        return self._joined(contexts)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def _joined(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)


class AttentionOnAttention(MultiHead):
    """Multi-head attention whose answer is weighed against the question (Huang et al. 2019).

        v = multihead(q)
        information = W_i [q; v] + b_i
        gate = σ(W_g [q; v] + b_g)
        context = gate ⊙ information

    Attention must look somewhere, even for a word that no location has anything to say about; the
    gate lets through what of the answer the query has use for.
    """

    def __init__(self, features: int, hidden: int, heads: int = 8) -> None:
        super().__init__(features, hidden, heads)
        self.gate = nn.Linear(2 * hidden, 2 * hidden)  # information and gate

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, Q, H]` to contexts `[B, Q, H]` and weights `[B, heads, Q, N]`."""
        answers, weights = super().forward(queries, memory)
        return self._gated(queries, answers), weights

    def contexts(self, queries: Tensor, memory: Memory) -> Tensor:
        """As `forward`, without the weights."""
        return self._gated(queries, super().contexts(queries, memory))

    def _gated(self, queries: Tensor, answers: Tensor) -> Tensor:
        return F.glu(self.gate(torch.cat([queries, answers], dim=2)), dim=2)


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def attention(name: str, features: int, hidden: int, heads: int) -> Attention:
    """The attention of that name, for features and queries of these widths.

    Raises ModelError where there is none, or not with so many heads.
    """
    check_attention(name, hidden, heads)
    return part(ATTENTIONS[name])(features, hidden, heads)
