"""From photos to rows: opened by some processes, captioned by one or more models, copies once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from captioner.captions import Row
from captioner.errors import FolderError
from captioner.folder.devices import Devices
from captioner.folder.opening import Opened, Opener
from captioner.folder.outputs import Done
from captioner.images import Photo
from captioner.pipeline import Caption

Lookup = Callable[[bytes], tuple[Row, ...]]


class Engine(Protocol):
    """What captions photos. model: its name; languages: codes of what it writes, in order."""

    model: str
    languages: tuple[str, ...]

    def caption(self, photos: Iterable[Photo], lookup: Lookup) -> Iterator[Done]:
        """The photos, each captioned or with the reason why it cannot be read, in about their
        order. lookup: gives the rows of a photo of the same bytes by their digest, if there is one.
        """


class LocalEngine:
    """The processors of this machine.

    batch: how many photos a model takes at a time. trigger: a phrase before each caption.
    """

    def __init__(self, opener: Opener, devices: Devices, batch: int, trigger: str = "") -> None:
        self._opener, self._devices = opener, devices
        self._batch, self._trigger = batch, trigger
        self.model, self.languages = devices.name, devices.languages

    def caption(self, photos: Iterable[Photo], lookup: Lookup) -> Iterator[Done]:
        state = _State()
        ahead = self._devices.at_once * self._batch  # while one is captioned the next is opened
        for opened in self._opener.open(photos, self._devices.preprocessing, ahead):
            known = without_model(opened, lookup)
            if known:
                yield known
                continue
            state.take(opened)
            if len(state.batch) == self._batch:
                self._submit(state)
            while len(state.submitted) >= self._devices.at_once:
                yield from self._collect(state)
        if state.batch:
            self._submit(state)
        while state.submitted:
            yield from self._collect(state)

    def _submit(self, state: _State) -> None:
        pixels = np.stack([opened.pixels for opened in state.batch if opened.pixels is not None])
        digests = [opened.digest for opened in state.batch if opened.digest]
        state.batch = []
        state.submitted.append((digests, self._devices.caption(pixels)))

    def _collect(self, state: _State) -> Iterator[Done]:
        digests, future = state.submitted.popleft()
        try:
            found = future.result()
        except BrokenProcessPool:
            raise FolderError("A process that captions was ended from outside.") from None
        for digest, captions in zip(digests, found, strict=True):
            for opened in state.copies.pop(digest):
                yield done(opened, captions, self.model, self._trigger)


def without_model(opened: Opened, lookup: Lookup) -> Done | None:
    """What is done without a caption of its own: a photo that can't be read, or a known copy."""
    photo = opened.photo
    if opened.error or opened.digest is None:
        return Done(photo, (Row(photo.name, error=opened.error),), opened.stamp, None)
    same = tuple(replace(row, image=photo.name) for row in lookup(opened.digest))
    return Done(photo, same, opened.stamp, opened.digest) if same else None


def done(opened: Opened, captions: Sequence[Caption], model: str, trigger: str) -> Done:
    """A photo with its captions, one in each language."""
    name = opened.photo.name
    rows = tuple(caption.row(name, model, trigger) for caption in captions)
    return Done(opened.photo, rows, opened.stamp, opened.digest)


@dataclass
class _State:
    """What is under way.

    batch: photos that wait for a batch to be full. submitted: batches that a model has, first in
    first out. copies: all photos of the same bytes as one of these, by their digest.
    """

    batch: list[Opened] = field(default_factory=list)
    submitted: deque[tuple[list[bytes], Future[list[tuple[Caption, ...]]]]] = field(
        default_factory=deque
    )
    copies: dict[bytes, list[Opened]] = field(default_factory=dict)

    def take(self, opened: Opened) -> None:
        """Put a photo into the batch, or to the photo of the same bytes that is under way."""
        assert opened.digest is not None
        if opened.digest not in self.copies:
            self.batch.append(opened)
        self.copies.setdefault(opened.digest, []).append(replace(opened, pixels=None))
