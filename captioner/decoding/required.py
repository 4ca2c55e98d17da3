"""Words that must appear: grid beam search (Hokamp and Liu 2017).

Hypotheses are kept in groups by how many of the required tokens they have written, so that one
that has begun a required phrase need not compete with those that have not. Each group holds a whole
beam, and all groups of all images advance in the same batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captioner.decoding.rules import progress_in


class Required:
    """Follows how far each hypothesis has come with each of P required phrases.

    A progress, long ``[B, K, P]``, counts how many of a phrase's tokens the hypothesis ends with;
    once the whole phrase has been written it stays. A hypothesis belongs to the group of the sum of
    its progress, and is complete in the last group, number :attr:`total`.

    Args:
        phrases: token ids of each phrase, at least one.
        end: id of the end token, open to complete hypotheses only.
        device: where everything is computed.
    """

    def __init__(
        self, phrases: Sequence[Sequence[int]], end: int, device: torch.device | str | None
    ) -> None:
        self.total = sum(map(len, phrases))
        self.end = end
        tokens = sorted({token for phrase in phrases for token in phrase})
        self._tokens = torch.tensor(tokens, device=device)
        longest = max(map(len, phrases))
        # [P, longest + 1, A + 1]: the progress after each of the A tokens in question, from each
        # progress; the last column is for any other token.
        self._after = torch.tensor(
            [
                [[progress_in(phrase, done, token) for token in (*tokens, None)] for done in
                 range(longest + 1)]
                for phrase in phrases
            ],
            device=device,
        )  # fmt: skip
        self._phrases = torch.arange(len(phrases), device=device)

    def begin(self, images: int) -> Tensor:
        """Progress ``[B, 1, P]`` of hypotheses without a token."""
        return self._phrases.new_zeros(images, 1, len(self._phrases))

    def split(self, totals: Tensor, progress: Tensor) -> Tensor:
        """Sort continuations into their groups.

        Args:
            totals: float ``[B, K, V]``, log-probability of each continuation.
            progress: long ``[B, K, P]``, before it.

        Returns:
            ``[B, total + 1, K, V]``: the same, -inf in every group but the continuation's own.
        """
        reached = self._after[self._phrases, progress].sum(dim=2)  # [B, K, A + 1]
        groups = reached[:, :, -1:].repeat(1, 1, totals.shape[2])
        groups.index_copy_(2, self._tokens, reached[:, :, :-1])
        complete = progress.sum(dim=2) == self.total
        groups[:, :, self.end] = torch.where(complete, self.total, -1)
        every = torch.arange(self.total + 1, device=totals.device)[:, None, None]
        return totals[:, None].where(groups[:, None] == every, -torch.inf)

    def advance(self, progress: Tensor, parents: Tensor, tokens: Tensor) -> Tensor:
        """Progress ``[B, K', P]`` of the rows ``parents [B, K']`` after one more token each."""
        before = progress.gather(1, parents[:, :, None].expand(-1, -1, progress.shape[2]))
        same = tokens[:, :, None] == self._tokens
        columns = same.int().argmax(dim=2).where(same.any(dim=2), len(self._tokens))
        return self._after[self._phrases, before, columns[:, :, None]]
