"""Captioning many photos of one visitor, in company with those of all the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from captioner.images import Photo
from captioner.ui.batching import Batcher, Job, Seen
from captioner.ui.html import small_picture
from captioner.ui.opening import opened
from captioner.ui.zips import Refusal

if TYPE_CHECKING:
    from captioner.captioning import Caption
    from captioner.options import CaptionOptions
    from captioner.pipeline import Captioner

AHEAD = 16  # photos that one visitor has in the queue: they are opened while others are described
SLOW_AHEAD = 2  # of those whose search takes long, so that others have their turn


@dataclass(frozen=True)
class Captioned:
    """A photo's caption, the photo as the model saw it and, if asked for, in small; or why it has
    none."""

    name: str
    caption: Caption | None = None
    picture: str = ""
    error: Exception | None = None
    seen: Seen | None = None


def captions_of(
    batcher: Batcher,
    captioner: Captioner,
    photos: Sequence[Photo | Refusal],
    options: CaptionOptions,
    *,
    pictures: bool = False,
    attention: bool = False,
    trace: bool = False,
    wanted: Callable[[], bool] = lambda: True,
) -> Iterator[Captioned]:
    """Caption photos in their order; one that cannot be read has its reason instead.

    Whoever stops reading stops the work, except for the few photos that are ahead. attention,
    trace: as of `Job`. wanted: whether anybody still waits for it, otherwise it stops, too.
    """
    ahead = SLOW_AHEAD if options.require else AHEAD
    many = len(photos) > 1
    waiting: deque[_Waiting | Captioned] = deque()
    for photo in photos:
        if batcher.closed or not wanted():
            return
        job = Job(captioner, options, many=many, attention=attention, trace=trace)
        waiting.append(_submitted(batcher, job, photo, pictures))
        if len(waiting) > ahead:
            yield _finished(waiting.popleft())
    while waiting:
        yield _finished(waiting.popleft())


def captions_too(
    batcher: Batcher,
    captioner: Captioner,
    results: Sequence[Captioned],
    options: CaptionOptions,
) -> list[Captioned]:
    """The same photos by a further decoder of the same model, which writes another language.

    results: those of `captions_of`; what has been seen already is not encoded again.
    """
    many = len(results) > 1
    jobs = [
        result.seen and Job(captioner, options, seen=result.seen, many=many) for result in results
    ]
    waiting = [
        _Waiting(result.name, "", batcher.submit(job)) if job else result
        for result, job in zip(results, jobs, strict=True)
    ]
    return [_finished(own) for own in waiting]


class _Waiting(NamedTuple):
    name: str
    picture: str
    result: Future[tuple[Caption, Seen]]


def _submitted(
    batcher: Batcher, job: Job, photo: Photo | Refusal, pictures: bool
) -> _Waiting | Captioned:
    """job: without its image."""
    try:
        job.image = opened(job.captioner, photo)
        picture = small_picture(job.image) if pictures else ""
    except Exception as error:
        return Captioned(photo.name, error=error)
    return _Waiting(photo.name, picture, batcher.submit(job))


def _finished(waiting: _Waiting | Captioned) -> Captioned:
    if isinstance(waiting, Captioned):
        return waiting
    try:
        caption, seen = waiting.result.result()
    except Exception as error:
        return Captioned(waiting.name, picture=waiting.picture, error=error)
    return Captioned(waiting.name, caption, waiting.picture, seen=seen)
