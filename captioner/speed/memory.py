"""Memory of the process, kept instead of given back and asked for again."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8
_LARGE = 32 * 2**20  # bytes, glibc's own upper limit for _M_MMAP_THRESHOLD


def keep_memory() -> None:
    """Let the C library keep freed memory, which makes CPU work with large tensors faster.

    By default glibc hands every large block back to the system, which then clears each of its
    pages for the next tensor of the same size: in an EfficientNet's training step that takes as
    long as the arithmetic. Threads share one arena, as those that glibc makes for threads keep
    nothing that large. Elsewhere than with glibc nothing happens. For programs, not for libraries:
    it holds for the whole process.
    """
    _set_malloc((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1))


def keep_little_memory() -> None:
    """Let the C library keep freed memory of the usual sizes, and give back what is very large.

    For processes that now and then need much, as for one huge photo among many.
    """
    _set_malloc((_M_MMAP_MAX, 65536), (_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, 2 * _LARGE))


def give_memory_back() -> None:
    """Hand freed memory back to the system, whatever of it the C library was told to keep.

    Takes milliseconds, and the next large tensors are slower once; for after something huge.
    """
    libc = _libc()
    if libc:
        libc.malloc_trim(0)


@contextmanager
def without_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: where a million objects are made that stay, Python would go
    through those that are there again and again, which is a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _set_malloc(*settings: tuple[int, int]) -> None:
    libc = _libc()
    for name, value in settings if libc else ():
        libc.mallopt(name, value)


def _libc() -> Any:
    """glibc, None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL("libc.so.6")
        return libc if libc.mallopt and libc.malloc_trim else None
    except (OSError, AttributeError):
        return None
