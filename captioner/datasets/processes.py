"""Work on many photos, done ahead by processes; needs no torch."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, TypeVar

from captioner.chunks import chunks
from captioner.errors import DatasetError
from captioner.speed.cores import usable_cores
from captioner.speed.processes import pool

Item = TypeVar("Item")
Result = TypeVar("Result")

_FEW = 256  # photos that are opened sooner than processes are started
_AT_ONCE = 16  # photos that a process gives back together
_AHEAD = 4  # times so many that it may be ahead


def in_processes(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    order: Iterable[int] | None = None,
    processes: int | None = None,
    prepare: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """`work` done on photos ahead, by a process for each core, in the photos' order or another.

    Not by threads: much of opening a photo holds Python's lock, and of sixteen cores one and a half
    were busy. Results go through pipes, as containers often have little shared memory, and should
    be small.

    order: which items, one after another; it may be made as it is read. processes: how many.
    prepare: what each calls first.

    Raises DatasetError where a process is ended from outside, as one is that needs too much memory.
    """
    few = order is None and len(items) < _FEW
    count = 0 if few else usable_cores() if processes is None else processes
    rows = range(len(items)) if order is None else order
    return _ahead(work, items, rows, count, prepare) if count else (work(items[r]) for r in rows)


def _ahead(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    rows: Iterable[int],
    count: int,
    prepare: Callable[[], None] | None,
) -> Iterator[Result]:
    # Forked with what is in memory, of which nothing is sent; elsewhere that is not safe.
    method = "fork" if sys.platform.startswith("linux") else "spawn"
    workers = pool(count, method, partial(_keep, work, items, prepare))
    waiting: deque[Future[list[Result]]] = deque()
    try:
        for chunk in chunks(rows, _AT_ONCE):
            waiting.append(workers.submit(_work_on, chunk))
            if len(waiting) > count * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool:
        raise DatasetError(
            "A process that opened photos was ended from outside; was there too little memory?"
        ) from None
    finally:
        workers.shutdown(cancel_futures=True)


_kept: tuple[Callable[[Any], Any], Sequence[Any]]  # of a process: what to do, and with what


def _keep(
    work: Callable[[Item], Result], items: Sequence[Item], prepare: Callable[[], None] | None
) -> None:
    global _kept  # noqa: PLW0603
    _kept = work, items
    if prepare:
        prepare()


def _work_on(rows: Sequence[int]) -> list[Any]:
    work, items = _kept
    return [work(items[row]) for row in rows]
