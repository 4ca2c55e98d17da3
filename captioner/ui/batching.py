"""Photos that arrive together are encoded and described together; one does not wait for many."""

from __future__ import annotations

import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from captioner.chunks import chunks
from captioner.errors import CaptionerError
from captioner.images import to_batch
from captioner.messages import Message
from captioner.speed.memory import give_memory_back
from captioner.speed.workers import start_workers

if TYPE_CHECKING:
    from PIL import Image

    from captioner.captioning import Caption
    from captioner.options import CaptionOptions
    from captioner.pipeline import Captioner

log = logging.getLogger(__name__)

MOST = 32  # photos in one batch
FEWEST = 8  # photos in each of several batches; fewer are quicker in one
QUIET_SECONDS = 10  # without a visitor, after which memory is given back
ItemT = TypeVar("ItemT")


class Seen(NamedTuple):
    """A photo as a model sees it: grid features `[N, D]` and the grid's height and width."""

    features: Tensor
    grid: tuple[int, int]


@dataclass(eq=False)
class Job:
    """A photo to describe.

    image: of a photo that the model has not seen yet. seen: of one that it has. many: whether it is
    one of many that a visitor has given. attention, trace, search: whether the caption's maps, how
    its gates moved, and how the search went are wanted, too. begin: the words that its sentences
    begin with.
    """

    captioner: Captioner
    options: CaptionOptions
    image: Image.Image | None = None
    seen: Seen | None = None
    many: bool = False
    attention: bool = False
    trace: bool = False
    search: bool = False
    begin: tuple[str, ...] = ()
    result: Future[tuple[Caption, Seen]] = field(default_factory=Future)


class Batcher:
    """Does the model's work for all visitors.

    What is waiting when the model is free is what it does next, so a visitor who is alone waits
    for nobody. A few photos are one batch, many are a batch for each worker, see
    `captioner.speed.workers`. Whoever has one photo does not wait for the many of others: such
    photos have a thread of their own. Captions are the same as without company, but for the
    rounding of the features' last digits.

    workers: how many; one is best where a GPU does the work.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = start_workers(workers)
        self._threads = torch.get_num_threads()
        self._singles, self._many = _Lane(), _Lane(workers)
        self.closed = False
        for lane in (self._singles, self._many):
            threading.Thread(
                target=self._work, args=[lane], name="captioner-model", daemon=True
            ).start()

    def submit(self, job: Job) -> Future[tuple[Caption, Seen]]:
        """Put a photo in the queue; the result raises what the model has raised."""
        (self._many if job.many else self._singles).waiting.put(job)
        return job.result

    def close(self) -> None:
        """Do no more than what has been begun; whoever still waits is told so."""
        self.closed = True

    def _work(self, lane: _Lane) -> None:
        while True:
            batches = lane.next()
            lane.is_busy = True
            try:
                self._do(batches)
            except BaseException as error:  # whatever it is, the next visitor is answered
                log.exception(Message("The model's thread goes on after a mistake."))
                _fail((job for batch in batches for job in batch), error)
            lane.is_busy = False

    def _do(self, batches: list[list[Job]]) -> None:
        first, *others = batches
        if self.closed:
            closed = CaptionerError("The page is being closed.")
            _fail((job for batch in batches for job in batch), closed)
        elif others:
            list(self._workers.map(work_through, batches))
        else:
            # Threads that share a layer wait for each other, the longer the more others there are.
            both = self._singles.is_busy and self._many.is_busy
            torch.set_num_threads(1 if both else self._threads)
            work_through(first)


class _Lane:
    """Photos that wait, for a thread that takes them in batches."""

    def __init__(self, workers: int = 1) -> None:
        self.waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.is_busy = False
        self._workers = workers
        self._held: list[Job] = []  # taken from the queue, for the next batch

    def next(self) -> list[list[Job]]:
        """What is waiting, as one batch or as one for each worker. Each is of a power of two: every
        other size would have the encoder's kernels compiled anew, which takes longer than the
        photos themselves."""
        if not self._held:
            self._held.append(self._first())
        while len(self._held) < MOST * self._workers:
            try:
                self._held.append(self.waiting.get_nowait())
            except queue.Empty:
                break
        batches = self._workers if len(self._held) >= FEWEST * self._workers else 1
        most = min(MOST, len(self._held) // batches)
        size = 1 << (most.bit_length() - 1)
        jobs, self._held = self._held[: size * batches], self._held[size * batches :]
        return list(chunks(jobs, size))

    def _first(self) -> Job:
        try:
            return self.waiting.get(timeout=QUIET_SECONDS)
        except queue.Empty:
            give_memory_back()
            return self.waiting.get()


def work_through(jobs: Sequence[Job]) -> None:
    """Give each job its result: what one model encodes goes together, then what is described by
    the same options."""
    unseen = [job for job in jobs if job.seen is None]
    for group in _grouped(unseen, lambda job: id(job.captioner)):
        _attempt(_encode, group)
    seen = [job for job in jobs if not job.result.done()]
    for group in _grouped(seen, _together):
        _attempt(_describe, group)


def _attempt(work: Callable[[Sequence[Job]], None], jobs: Sequence[Job]) -> None:
    """What goes wrong concerns these jobs alone, never the thread."""
    try:
        work(jobs)
    except Exception as error:
        _fail(jobs, error)


def _fail(jobs: Iterable[Job], error: BaseException) -> None:
    for job in jobs:
        if not job.result.done():
            job.result.set_exception(error)


def _encode(jobs: Sequence[Job]) -> None:
    captioner = jobs[0].captioner
    images = [job.image for job in jobs if job.image is not None]
    features, grid = captioner.encode(to_batch(images, captioner.model.config.preprocessing))
    for job, own in zip(jobs, features, strict=True):
        # A copy, or one visitor's features would keep all of the batch in memory.
        job.seen = Seen(own.clone(), grid)


def _describe(jobs: Sequence[Job]) -> None:
    seen = [job.seen for job in jobs if job.seen is not None]
    features = torch.stack([own.features for own in seen])
    first = jobs[0]
    captions = first.captioner.describe(
        features, seen[0].grid, first.options,
        attention=first.attention, words=True, trace=first.trace, search=first.search,
        begin=first.begin,
    )  # fmt: skip
    for job, caption, own in zip(jobs, captions, seen, strict=True):
        job.result.set_result((caption, own))


def _together(job: Job) -> Hashable:
    """Equal for jobs that may be described in one batch."""
    return id(job.captioner), job.options, job.attention, job.trace, job.search, job.begin


def _grouped(jobs: Iterable[ItemT], key: Callable[[ItemT], Any]) -> list[list[ItemT]]:
    groups = defaultdict(list)
    for job in jobs:
        groups[key(job)].append(job)
    return list(groups.values())
