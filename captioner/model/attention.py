"""Attention of a word's query over the grid features of its photo.

Every attention has the same two methods. `remember` turns grid features into what is looked up,
once per photo; `forward` answers queries. Queries come as `[B, Q, H]`: B photos, and for each any
number of questions (its beams, or all words of all its captions at once), so that a photo's keys
are never copied.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from captioner.errors import ModelError


class Memory(NamedTuple):
    """What an attention looks up; the shapes are its own, photos first."""

    keys: Tensor
    values: Tensor


class Additive(nn.Module):
    """`score = v · tanh(W q + U f)` (Bahdanau et al. 2015; Xu et al. 2015)."""

    def __init__(self, features: int, hidden: int, heads: int = 1) -> None:
        super().__init__()
        if heads != 1:
            raise ModelError("Additive attention has one head.")
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(features, hidden, bias=False)
        self.value = nn.Linear(features, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def remember(self, features: Tensor) -> Memory:
        """Grid features `[B, N, D]` to keys and values `[B, N, H]`."""
        return Memory(self.key(features), self.value(features))

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, Q, H]` to contexts `[B, Q, H]` and weights `[B, 1, Q, N]`, sum one."""
        hidden = torch.tanh(self.query(queries).unsqueeze(2) + memory.keys.unsqueeze(1))
        weights = self.score(hidden).squeeze(3).softmax(dim=2)
        return weights @ memory.values, weights.unsqueeze(1)


class MultiHead(nn.Module):
    """Scaled dot-product attention with several heads (Vaswani et al. 2017)."""

    def __init__(self, features: int, hidden: int, heads: int = 8) -> None:
        super().__init__()
        if hidden % heads:
            raise ModelError(f"{heads} heads do not divide a hidden size of {hidden}.")
        self.heads = heads
        self.scale = (hidden // heads) ** -0.5
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(features, hidden, bias=False)
        self.value = nn.Linear(features, hidden)

    def remember(self, features: Tensor) -> Memory:
        """Grid features `[B, N, D]` to keys `[B, heads, H / heads, N]` and values transposed.

        In float32 or better: products as small as a step's take longer in bfloat16.
        """
        keys = _wide(self._split(self.key(features)).transpose(2, 3))
        return Memory(keys, _wide(self._split(self.value(features))))

    def forward(self, queries: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Queries `[B, Q, H]` to contexts `[B, Q, H]` and weights `[B, heads, Q, N]`."""
        scores = _wide(self._split(self.query(queries) * self.scale)) @ memory.keys
        weights = scores.softmax(dim=3)
        context = (weights @ memory.values).transpose(1, 2).flatten(2)
        return context.to(queries.dtype), weights

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32)).contiguous()


Attention = Additive | MultiHead
ATTENTIONS: dict[str, type[Attention]] = {"additive": Additive, "multihead": MultiHead}


def attention(name: str, features: int, hidden: int, heads: int) -> Attention:
    """The attention of that name. Raises ModelError with the names that exist."""
    if name not in ATTENTIONS:
        known = ", ".join(sorted(ATTENTIONS))
        raise ModelError(f"There is no attention named '{name}'; there is: {known}.")
    return ATTENTIONS[name](features, hidden, heads)
