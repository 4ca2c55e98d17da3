"""What log-probabilities lose to trigrams that nobody wrote, by tensors; `captioner.decoding.rules`
has the same for one hypothesis."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from captioner.decoding.types import BeamOptions


class Unseen:
    """Weighs the likeliest tokens after each hypothesis, see :class:`BeamOptions`.

    Args:
        options: of the search, with trigrams.
        start: id of the start token.
        end: id of the end token.
        device: where everything is computed.
    """

    def __init__(
        self, options: BeamOptions, start: int, end: int, device: torch.device | str | None
    ) -> None:
        assert options.trigrams is not None
        bits = bytearray(options.trigrams.bits)
        on_device = torch.frombuffer(bits, dtype=torch.uint8).to(device)
        self._trigrams = replace(options.trigrams, bits=on_device)
        self._start, self._end, self._most = start, end, 2 * options.beam
        required = {token for phrase in options.require for token in phrase}
        # These go to other groups of the search, and are weighed beside the likeliest of each.
        self._apart = torch.tensor(
            sorted({*required, end}) if required else [], dtype=torch.long, device=device
        )

    def of(self, history: Tensor, tokens: Tensor) -> Tensor:
        """What tokens ``[B, K, M]`` lose after the histories, long ``[B, K, t]``."""
        if not history.shape[2]:
            return torch.zeros(tokens.shape, device=tokens.device)
        before = F.pad(history[:, :, -2:], (max(0, 2 - history.shape[2]), 0), value=self._start)
        return self._lost(before[:, :, :1], before[:, :, 1:], tokens)

    def within(self, tokens: Tensor, *, ended: bool) -> Tensor:
        """What captions ``[B, K, T]`` have lost, ``[B, K]``; those that ended are filled up with
        end tokens, and have lost what the first of these lost, too."""
        written = F.pad(tokens, (1, 0), value=self._start)
        if ended:
            written = F.pad(written, (0, 1), value=self._end)
        if written.shape[2] < 3:
            return torch.zeros(tokens.shape[:2], device=tokens.device)
        first, second, third = written[:, :, :-2], written[:, :, 1:-1], written[:, :, 2:]
        return self._lost(first, second, third).masked_fill(second == self._end, 0).sum(dim=2)

    def _lost(self, first: Tensor, second: Tensor, third: Tensor) -> Tensor:
        trigrams = self._trigrams
        odd = trigrams.is_common(first, second) & (1 - trigrams.holds(first, second, third))
        return trigrams.penalty * odd.float()

    def weigh(self, log_probs: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Leave the likeliest of log-probabilities ``[B, K, V]``, less what these lose.

        Returns them with all others at -inf, except for the end's, which is there anyhow, and bool
        ``[B, K]``, whether it is among the likeliest.
        """
        others = log_probs.index_fill(2, self._apart, -torch.inf)
        likeliest = others.topk(min(self._most, log_probs.shape[2])).indices
        shape = log_probs.shape[:2]
        apart = self._apart.expand(*shape, -1)
        end = torch.full((*shape, 1), self._end, device=log_probs.device)
        tokens = torch.cat([likeliest, apart, end], dim=2)
        kept = log_probs.gather(2, tokens) - self.of(history, tokens)
        weighed = torch.full_like(log_probs, -torch.inf).scatter(2, tokens, kept)
        return weighed, (tokens[:, :, :-1] == self._end).any(dim=2)
