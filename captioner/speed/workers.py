"""Threads that each take batches of their own through a model and share a CPU's cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

MOST = 4  # each has the memory of a batch, and Python's lock is one for all


def worker_count(device: torch.device) -> int:
    """How many threads serve a model on that device best, where many photos wait.

    A GPU has one. On a CPU the layers of a CNN are short, so that threads that divide one layer
    wait for each other a good part of the time, and for whatever else runs there; and while one
    worker searches for words, which keeps a single core busy, the others encode.
    """
    return min(torch.get_num_threads(), MOST) if device.type == "cpu" else 1


def start_workers(count: int) -> ThreadPoolExecutor:
    """So many threads, among which torch's own for this process are divided."""
    share = max(1, torch.get_num_threads() // count)
    return ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(share,))
