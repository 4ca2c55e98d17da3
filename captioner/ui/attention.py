"""Where on the photo the model looked for each word, as numbers for the browser and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from captioner.ui.words import Words

_SPREAD = 0.25  # a ninth of the photo with less of the attention than this is no place


def shades(attention: Tensor) -> list[list[int]]:
    """Each word's map `[T, h, w]` as numbers row by row, up to 255 for where it looked most."""
    maps = attention.flatten(1)
    most = maps.amax(dim=1, keepdim=True).clamp(min=1e-12)
    return (255 * maps / most).round().int().tolist()


def place(attention: Tensor) -> int | None:
    """The ninth of the photo that has most of a word's map `[h, w]`, counted row by row.

    None for a map that is spread over the photo.
    """
    import torch

    height, width = attention.shape
    rows, columns = 3 * torch.arange(height) // height, 3 * torch.arange(width) // width
    ninths = (3 * rows[:, None] + columns).flatten()
    shares = torch.zeros(9).index_add(0, ninths, attention.flatten())
    most = int(shares.argmax())
    return most if shares[most] >= _SPREAD * shares.sum() else None


def described(word: str, attention: Tensor, words: Words) -> str:
    """Where the model looked for a word, for people who do not see the picture."""
    where = place(attention)
    if where is None:
        return words.looked_everywhere.format(word)
    return words.looked_at.format(word, words.places[where])
