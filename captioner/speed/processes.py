"""Processes that work for this one and end with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor


def pool(count: int, method: str, start: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """So many processes, started by "fork" or "spawn"; each calls `start` first."""
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(count, context, initializer=_start, initargs=(start,))


def _start(start: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the main process's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if start:
        start()


def _end_with_parent() -> None:
    """A killed parent can't stop its workers, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
