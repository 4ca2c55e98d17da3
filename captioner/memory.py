"""Memory of the process, kept instead of given back and asked for again."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_memory() -> None:
    """Let the C library keep freed memory, which makes CPU work with large tensors faster.

    By default glibc hands every large block back to the system, which then clears each of its
    pages for the next tensor of the same size: in an EfficientNet's training step that takes as
    long as the arithmetic. Elsewhere than with glibc nothing happens. For programs, not for
    libraries: it holds for the whole process.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, -1)
