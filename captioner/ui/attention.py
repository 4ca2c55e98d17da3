"""Where on the photo the model looked for each word, as numbers for the browser and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from captioner.ui.words import Words

_FAINT = 0.3  # of the greatest difference in a sentence: a smaller one is not fully tinted
_SPREAD = 0.25  # a ninth of the photo with less of the attention than this is no place


def tints(attention: Tensor) -> list[list[int]]:
    """For each word where it looked more than the others did, as numbers row by row up to 255.

    All words look at the same striking places; what is of one word alone is in the difference from
    the mean of the others' maps `[T, h, w]`, or of an even spread where there are no others. A word
    that hardly differs gets a fainter tint than one that does.
    """
    maps = attention.flatten(1).double()
    count = len(maps)
    even = maps.sum(dim=1, keepdim=True) / maps.shape[1]
    others = (maps.sum(dim=0) - maps) / (count - 1) if count > 1 else even.expand_as(maps)
    more = (maps - others).clamp(min=0)
    most = more.amax(dim=1, keepdim=True)
    full = most.clamp(min=_FAINT * float(more.amax())).clamp(min=1e-12)
    return (255 * more / full).round().int().tolist()


def places(attention: Tensor) -> list[int | None]:
    """For each word the ninth of the photo that has most of its map, counted row by row; attention
    is `[T, h, w]`.

    None for a map that is spread over the photo.
    """
    import torch

    height, width = attention.shape[1:]
    rows, columns = 3 * torch.arange(height) // height, 3 * torch.arange(width) // width
    ninths = (3 * rows[:, None] + columns).flatten()
    shares = torch.zeros(len(attention), 9).index_add(1, ninths, attention.flatten(1))
    most = shares.max(dim=1)
    spread = most.values < _SPREAD * shares.sum(dim=1)
    found = zip(most.indices.tolist(), spread.tolist(), strict=True)
    return [None if is_spread else ninth for ninth, is_spread in found]


def described(word: str, place: int | None, words: Words) -> str:
    """Where the model looked for a word, for people who do not see the picture."""
    if place is None:
        return words.looked_everywhere.format(word)
    return words.looked_at.format(word, words.places[place])
