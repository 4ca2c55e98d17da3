"""Where the photos lie while the encoder sees them: on the card where it has room, else on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from captioner.training.data import take

Item = TypeVar("Item")
Result = TypeVar("Result")

_SHARE = 0.4  # of the card's free memory, the rest being for the training itself
_AT_ONCE = 1024  # photos copied


class Pixels(Protocol):
    """Photos by their rows `[B]`, as `uint8 [B, 3, S, S]` on the device that trains."""

    def __call__(self, rows: Tensor) -> Tensor: ...


def pixels_near(array: np.ndarray, photos: int, device: torch.device) -> Pixels:
    """The photos of an array `uint8 [n, 3, S, S]` on disk, as near the device as they can be.

    Sixteen thousand photos of 257 pixels are 3 GB: a card that holds them waits for no disk.
    """
    if device.type == "cuda":
        size = photos * array[:1].nbytes
        if size <= _SHARE * torch.cuda.mem_get_info(device)[0]:
            return _on_card(array, photos, device)
    return lambda rows: moved(take(array, rows), device)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on the device; to a GPU it is copied beside the computing."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def ahead(items: Iterable[Item], prepare: Callable[[Item], Result]) -> Iterator[Result]:
    """The items prepared, each by a thread while the one before is worked on."""
    with ThreadPoolExecutor(1) as thread:
        waiting: Future[Result] | None = None
        for item in items:
            following = thread.submit(prepare, item)
            if waiting:
                yield waiting.result()
            waiting = following
        if waiting:
            yield waiting.result()


def _on_card(array: np.ndarray, photos: int, device: torch.device) -> Pixels:
    held = torch.empty((photos, *array[:1].shape[1:]), dtype=torch.uint8, device=device)
    for first in range(0, photos, _AT_ONCE):
        rows = torch.arange(first, min(photos, first + _AT_ONCE))
        held[rows[0] : rows[-1] + 1] = take(array, rows).to(device)
    return lambda rows: held[rows.to(device)]
