"""Photos that arrive together are encoded and described together; one does not wait for many."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from captioner.errors import CaptionerError
from captioner.images import to_batch
from captioner.messages import Message
from captioner.speed.memory import give_memory_back

if TYPE_CHECKING:
    from PIL import Image

    from captioner.captioning import Caption
    from captioner.options import CaptionOptions
    from captioner.pipeline import Captioner

log = logging.getLogger(__name__)

MOST = 32  # photos in one batch
FEWEST = 8  # photos in each of several batches; fewer are quicker in one
MOMENT = 0.03  # seconds in which the next one of many photos is opened
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
    for nobody. Where many photos wait, several threads take batches of their own, see
    `captioner.speed.workers`: none waits for another's to end. Whoever has one photo does not wait
    for the many of others: such photos have a thread of their own. Captions are the same as without
    company, but for the rounding of the features' last digits.

    workers: how many threads take of many; one is best where a GPU does the work.
    """

    def __init__(self, workers: int = 1) -> None:
        self._threads = torch.get_num_threads()
        self._share = max(1, self._threads // workers)
        self._singles, self._many = _Lane(), _Lane(workers, MOMENT)
        self.closed = False
        for lane in (self._singles, *[self._many] * workers):
            threading.Thread(
                target=self._work, args=[lane], name="captioner-model", daemon=True
            ).start()

    def submit(self, job: Job) -> Future[tuple[Caption, Seen]]:
        """Put a photo in the queue; the result raises what the model has raised."""
        (self._many if job.many else self._singles).put(job)
        return job.result

    def close(self) -> None:
        """Do no more than what has been begun; whoever still waits is told so."""
        self.closed = True

    def _work(self, lane: _Lane) -> None:
        while True:
            batch = lane.next()
            try:
                self._do(batch)
            except BaseException as error:  # whatever it is, the next visitor is answered
                log.exception(Message("The model's thread goes on after a mistake."))
                _fail(batch, error)
            lane.done()

    def _do(self, batch: list[Job]) -> None:
        if self.closed:
            _fail(batch, CaptionerError("The page is being closed."))
            return
        # Threads that share a layer wait for each other, the longer the more others there are: only
        # what is soon done, with nobody else at work, has all of them.
        alone = self._singles.busy + self._many.busy == 1 and len(batch) < FEWEST
        torch.set_num_threads(self._threads if alone else self._share)
        work_through(batch)


class _Lane:
    """Photos that wait, for threads that take them in batches.

    workers: how many threads. moment: seconds within which further photos are waited for. busy: how
    many of the threads are at work.
    """

    def __init__(self, workers: int = 1, moment: float = 0.0) -> None:
        self._workers, self._moment = workers, moment
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self.busy = 0

    def put(self, job: Job) -> None:
        """One more that waits."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def next(self) -> list[Job]:
        """What is waiting, or this thread's share of it where others have nothing to do."""
        with self._changed:
            while not self._waiting:
                self._gather()
            idle = self._workers - self.busy
            count = len(self._waiting)
            size = batch_size(min(MOST, count // idle if count >= FEWEST * idle else count))
            self.busy += 1
            return [self._waiting.popleft() for _ in range(size)]

    def _gather(self) -> None:
        """Wait for a photo, and as long as more come at once: they are opened one after another."""
        if not self._changed.wait_for(lambda: self._waiting, QUIET_SECONDS):
            give_memory_back()
            self._changed.wait_for(lambda: self._waiting)
        count = 0
        while count < len(self._waiting) < MOST * self._workers:
            count = len(self._waiting)
            self._changed.wait(self._moment)

    def done(self) -> None:
        """A thread has worked through what it had taken."""
        with self._changed:
            self.busy -= 1


def batch_size(count: int) -> int:
    """How many of so many photos are encoded at once: what nearly fills a batch of a power of two,
    or less.

    Every other size would have the encoder's kernels compiled anew, which takes longer than the
    photos themselves.
    """
    full = 1 << (count - 1).bit_length()
    return count if 4 * count >= 3 * full else full // 2


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
    filling = images[-1:] * ((1 << (len(images) - 1).bit_length()) - len(images))
    batch = to_batch([*images, *filling], captioner.model.config.preprocessing)
    features, grid = captioner.encode(batch)
    for job, own in zip(jobs, features, strict=False):
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
