"""Constraints: small objects that forbid tokens by setting their log-probability to -inf."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from captioner.decoding.types import DecodingOptions


class Constraint(Protocol):
    """Forbids some tokens at each step."""

    def __call__(self, log_probs: Tensor, history: Tensor) -> Tensor:
        """Set the log-probabilities of forbidden tokens to -inf, without renormalising.

        Args:
            log_probs: float ``[B, K, V]`` of the next token; not changed.
            history: long ``[B, K, t]``, the tokens so far without the start token.

        Returns:
            A new tensor ``[B, K, V]``, or ``log_probs`` itself if nothing is forbidden.
        """
        ...


@dataclass(frozen=True)
class Avoid:
    """Forbid some tokens throughout."""

    tokens: Tensor  # long [number of tokens]

    def __call__(self, log_probs: Tensor, history: Tensor) -> Tensor:
        """See :class:`Constraint`."""
        return log_probs.index_fill(2, self.tokens, -torch.inf)


@dataclass(frozen=True)
class MinLength:
    """Forbid the end token until a caption has ``length`` tokens."""

    length: int
    end: int

    def __call__(self, log_probs: Tensor, history: Tensor) -> Tensor:
        """See :class:`Constraint`."""
        if history.shape[2] >= self.length:
            return log_probs
        forbidden = log_probs.clone()
        forbidden[:, :, self.end] = -torch.inf
        return forbidden


@dataclass(frozen=True)
class NoRepeatNgram:
    """Forbid any token that would complete an n-gram for the second time (Paulus et al. 2018)."""

    n: int

    def __call__(self, log_probs: Tensor, history: Tensor) -> Tensor:
        """See :class:`Constraint`."""
        length = history.shape[2]
        if length < self.n:
            return log_probs
        seen = history.unfold(2, self.n, 1)  # [B, K, length - n + 1, n]
        prefix = history[:, :, None, length - self.n + 1 :]  # [B, K, 1, n - 1]
        repeats = (seen[..., :-1] == prefix).all(dim=-1)
        # Adding, unlike writing, cannot undo a -inf where one token ends several n-grams.
        penalty = torch.where(repeats, -torch.inf, 0.0).to(log_probs.dtype)
        return log_probs.scatter_add(2, seen[..., -1], penalty)


def constraints_of(
    options: DecodingOptions, end: int, device: torch.device | str | None
) -> list[Constraint]:
    """Build the constraints that the options ask for; none for those that forbid nothing."""
    constraints: list[Constraint] = []
    if options.avoid:
        constraints.append(Avoid(torch.tensor(options.avoid, device=device)))
    if options.min_length > 0:
        constraints.append(MinLength(options.min_length, end))
    if options.no_repeat_ngram > 0:
        constraints.append(NoRepeatNgram(options.no_repeat_ngram))
    return constraints


def constrain(
    log_probs: Tensor, history: Tensor, constraints: Sequence[Constraint], end: int
) -> Tensor:
    """Apply every constraint; a row with no token left may end, whatever forbade it.

    Args:
        log_probs: float ``[B, K, V]``; not changed.
        history: long ``[B, K, t]``.
        constraints: applied one after another.
        end: id of the end token.

    Returns:
        float ``[B, K, V]``.
    """
    constrained = log_probs
    for constraint in constraints:
        constrained = constraint(constrained, history)
    if constrained is not log_probs:
        stuck = constrained.amax(dim=-1) == -torch.inf
        if stuck.any():
            ending = torch.where(stuck, log_probs[:, :, end], constrained[:, :, end])
            constrained[:, :, end] = ending
    return constrained
