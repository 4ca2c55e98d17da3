"""Constraints: small objects that forbid tokens by setting their log-probability to -inf."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from captioner.decoding.types import DecodingOptions


class Constraint(Protocol):
    """Forbids some tokens at each step."""

    def __call__(self, log_probs: Tensor, history: Tensor) -> None:
        """Set the log-probabilities of forbidden tokens to -inf in place, without renormalising.

        Args:
            log_probs: float ``[B, K, V]`` of the next token.
            history: long ``[B, K, t]``, the tokens so far without the start token.
        """
        ...


@dataclass(frozen=True)
class Avoid:
    """Forbid some tokens throughout."""

    tokens: Tensor  # long [number of tokens]

    def __call__(self, log_probs: Tensor, history: Tensor) -> None:
        """See :class:`Constraint`."""
        log_probs.index_fill_(2, self.tokens, -torch.inf)


@dataclass(frozen=True)
class AvoidPhrases:
    """Forbid the token that would complete a phrase; all phrases are of the same length."""

    phrases: Tensor  # long [number of phrases, tokens of each]

    def __call__(self, log_probs: Tensor, history: Tensor) -> None:
        """See :class:`Constraint`."""
        before, last = self.phrases[:, :-1], self.phrases[:, -1]
        length, written = before.shape[1], history.shape[2]
        if written < length:
            return
        begun = (history[:, :, None, written - length :] == before).all(dim=3)  # [B, K, phrases]
        # Adding, unlike writing, cannot undo a -inf where several phrases end with one token.
        penalty = torch.where(begun, -torch.inf, 0.0).to(log_probs.dtype)
        log_probs.scatter_add_(2, last.expand_as(begun), penalty)


@dataclass(frozen=True)
class MinLength:
    """Forbid the end token until a caption has ``length`` tokens."""

    length: int
    end: int

    def __call__(self, log_probs: Tensor, history: Tensor) -> None:
        """See :class:`Constraint`."""
        if history.shape[2] < self.length:
            log_probs[:, :, self.end] = -torch.inf


@dataclass(frozen=True)
class NoRepeatNgram:
    """Forbid any token that would complete an n-gram for the second time (Paulus et al. 2018)."""

    n: int

    def __call__(self, log_probs: Tensor, history: Tensor) -> None:
        """See :class:`Constraint`."""
        starts = history.shape[2] - self.n + 1  # where an n-gram can have begun
        if starts < 1:
            return
        repeats: Tensor | None = (
            None  # [B, K, starts]: where the last n - 1 tokens have been before
        )
        for token in range(self.n - 1):
            last = history[:, :, starts + token, None]
            same = history[:, :, token : token + starts] == last
            repeats = same if repeats is None else repeats & same
        following = history[:, :, self.n - 1 :]
        if repeats is None:
            log_probs.scatter_(2, following, -torch.inf)
        elif repeats.any():
            # Adding, unlike writing, cannot undo a -inf where one token ends several n-grams.
            penalty = torch.where(repeats, -torch.inf, 0.0).to(log_probs.dtype)
            log_probs.scatter_add_(2, following, penalty)


@dataclass
class NoStutter:
    """Forbid a token that stands among the last ``within``: "a white and white dog".

    Attributes:
        within: how many tokens back are looked at.
        repeatable: long ``[number of tokens]``, those that may come again so soon, such as "the".
    """

    within: int
    repeatable: Tensor
    _penalties: Tensor | None = field(default=None, init=False, repr=False)  # [V], looked up

    def __call__(self, log_probs: Tensor, history: Tensor) -> None:
        """See :class:`Constraint`."""
        if self._penalties is None:
            known = self.repeatable[self.repeatable < log_probs.shape[2]]
            penalties = log_probs.new_full(log_probs.shape[2:], -torch.inf)
            self._penalties = penalties.index_fill_(0, known, 0)
        recent = history[:, :, -self.within :]
        log_probs.scatter_add_(2, recent, self._penalties.take(recent))


def constraints_of(
    options: DecodingOptions, end: int, device: torch.device | str | None
) -> list[Constraint]:
    """Build the constraints that the options ask for; none for those that forbid nothing."""
    constraints: list[Constraint] = []
    if options.avoid:
        constraints.append(Avoid(torch.tensor(options.avoid, device=device)))
    for length in sorted(set(map(len, options.avoid_phrases))):
        phrases = [phrase for phrase in options.avoid_phrases if len(phrase) == length]
        constraints.append(AvoidPhrases(torch.tensor(phrases, device=device)))
    if options.min_length > 0:
        constraints.append(MinLength(options.min_length, end))
    if options.no_repeat_ngram > 0:
        constraints.append(NoRepeatNgram(options.no_repeat_ngram))
    if options.no_repeat_within > 0:
        repeatable = torch.tensor(options.repeatable, dtype=torch.long, device=device)
        constraints.append(NoStutter(options.no_repeat_within, repeatable))
    return constraints


def constrain(
    log_probs: Tensor, history: Tensor, constraints: Sequence[Constraint], end: int
) -> None:
    """Apply every constraint in place; a row with no token left may end, whatever forbade it.

    Args:
        log_probs: float ``[B, K, V]``.
        history: long ``[B, K, t]``.
        constraints: applied one after another.
        end: id of the end token.
    """
    if not constraints:
        return
    ending = log_probs[:, :, end].clone()
    for constraint in constraints:
        constraint(log_probs, history)
    unending = log_probs[:, :, end] == -torch.inf
    if unending.any():  # whatever may end is not stuck, and costs no look at all its tokens
        stuck = unending & (log_probs.amax(dim=-1) == -torch.inf)
        log_probs[:, :, end] = torch.where(stuck, ending, log_probs[:, :, end])
