"""Opening and shrinking photos in other processes, ahead of the model that captions them.

Processes, not threads: a photo that crashes the decoder takes only its process along, and reading
photos does not wait for Python's lock, which the search for captions holds much of the time.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image

from captioner.chunks import chunks
from captioner.errors import ImageError
from captioner.images import Photo, Preprocessing, open_image, to_pixels
from captioner.messages import Message, reason
from captioner.speed.memory import keep_little_memory
from captioner.speed.processes import pool

CHUNK = 8  # photos that a process opens at a time
_CHUNKS = 3  # that wait for each process, so that none is ever without work
_DIGEST = 16  # bytes: among a million photos two differing ones share one with odds of 1 to 10^27


@dataclass(frozen=True)
class Opened:
    """A photo ready for the model, or the reason why it cannot be opened.

    stamp: `Photo.stamp` before it was opened. digest: of its bytes. pixels: `uint8 [S, S, 3]`.
    """

    photo: Photo
    stamp: str = ""
    digest: bytes | None = None
    pixels: NDArray[np.uint8] | None = None
    error: Message | None = None


class Opener:
    """Processes that open photos; a context, at whose end they stop."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = self._new_pool()

    def __enter__(self) -> Opener:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def open(
        self, photos: Iterable[Photo], preprocessing: Preprocessing, ahead: int = 0
    ) -> Iterator[Opened]:
        """The photos in their order, each opened; at least `ahead` before they are asked for."""
        most = max(self._workers * _CHUNKS, -(-ahead // CHUNK))
        waiting: deque[tuple[list[Photo], Future[list[Opened]]]] = deque()
        for chunk in chunks(photos, CHUNK):
            waiting.append((chunk, self._submit(chunk, preprocessing)))
            if len(waiting) > most:
                yield from self._next(waiting, preprocessing)
        while waiting:
            yield from self._next(waiting, preprocessing)

    def _submit(self, chunk: list[Photo], preprocessing: Preprocessing) -> Future[list[Opened]]:
        try:
            return self._pool.submit(open_chunk, chunk, preprocessing)
        except BrokenProcessPool as error:  # `_next` will see to it
            broken: Future[list[Opened]] = Future()
            broken.set_exception(error)
            return broken

    def _next(
        self,
        waiting: deque[tuple[list[Photo], Future[list[Opened]]]],
        preprocessing: Preprocessing,
    ) -> list[Opened]:
        """The first chunk that waits. Where a photo has crashed a process, all that waited are
        opened again, the first one photo by photo."""
        chunk, future = waiting.popleft()
        try:
            return future.result()
        except BrokenProcessPool:
            self._pool = self._new_pool()
            opened = [self._alone(photo, preprocessing) for photo in chunk]
            again = [(other, self._submit(other, preprocessing)) for other, _ in waiting]
            waiting.clear()
            waiting.extend(again)
            return opened

    def _alone(self, photo: Photo, preprocessing: Preprocessing) -> Opened:
        with _pool(1) as alone:
            try:
                return alone.submit(open_chunk, [photo], preprocessing).result()[0]
            except BrokenProcessPool:
                template = "{} makes the image decoder crash, or needs too much memory."
                return Opened(photo, error=Message(template, photo.name))

    def _new_pool(self) -> ProcessPoolExecutor:
        started = _pool(self._workers)
        started.submit(os.getpid)  # has it start its processes at once, while this one is small
        return started


def open_chunk(photos: list[Photo], preprocessing: Preprocessing) -> list[Opened]:
    """Open and shrink photos, each for itself: one that cannot be opened says why."""
    return [_open(photo, preprocessing) for photo in photos]


def _open(photo: Photo, preprocessing: Preprocessing) -> Opened:
    try:
        stamp = photo.stamp()
    except OSError:
        stamp = ""
    try:
        image, digest = _image_and_digest(photo, preprocessing.detail)
        pixels = to_pixels(image, preprocessing.size).permute(1, 2, 0).contiguous().numpy()
        return Opened(photo, stamp, digest, pixels)
    except ImageError as error:
        return Opened(photo, stamp, error=error)
    except MemoryError:
        too_large = Message("{} is too large for this computer's memory.", photo.name)
        return Opened(photo, stamp, error=too_large)


def _image_and_digest(photo: Photo, detail: int) -> tuple[Image, bytes]:
    if photo.member:
        content = photo.read()
        digest = hashlib.blake2b(content, digest_size=_DIGEST).digest()
        return open_image(content, photo.name, at_least=detail), digest
    return photo.open(detail), _file_digest(photo)


def _file_digest(photo: Photo) -> bytes:
    """Of a file that was just read, so that the system still has it in memory."""
    digest = hashlib.blake2b(digest_size=_DIGEST)
    try:
        with open(photo.path, "rb") as file:
            while part := file.read(2**20):
                digest.update(part)
    except OSError as error:
        raise ImageError("{} cannot be read ({}).", photo.name, reason(error)) from None
    return digest.digest()


def _pool(workers: int) -> ProcessPoolExecutor:
    # Forking spares each process importing torch; only Linux can be relied upon to survive it.
    return pool(workers, "fork" if sys.platform.startswith("linux") else "spawn", _prepare)


def _prepare() -> None:
    torch.set_num_threads(1)
    keep_little_memory()
