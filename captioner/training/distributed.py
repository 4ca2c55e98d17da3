"""Several processes that train one model: `torchrun` starts them, this module joins them.

    torchrun --nproc-per-node=2 -m captioner train RECIPE.toml

Each process takes its share of every batch and of every evaluation, and PyTorch's own
DistributedDataParallel adds the gradients up. The first process alone writes files. Without
torchrun there is one process, and nothing here does anything.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from captioner.devices import find_device
from captioner.errors import CaptionerError, OptionError, TrainingError

T = TypeVar("T")

_PATIENCE = 10.0  # seconds in which torchrun ends the processes of a machine where one has failed
_LONGEST_WAIT = timedelta(days=2)  # for the first process, which decodes all photos alone


@dataclass(frozen=True)
class Workers:
    """The processes of a run, as one of them sees them.

    device: which this process computes on. rank: its number among all `count` processes;
    local_rank: among those of its machine, which are `local_count`. Every method must be called by
    all of them together.
    """

    device: torch.device
    rank: int = 0
    local_rank: int = 0
    count: int = 1
    local_count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and talks to people."""
        return self.rank == 0

    def share(self, things: int) -> slice:
        """This process's part of so many things; the shares differ by one at most."""
        return slice(
            things * self.rank // self.count,
            things * (self.rank + 1) // self.count,
        )

    def add(self, values: Sequence[float]) -> list[float]:
        """Each value summed over the processes."""
        sums = torch.tensor(values, dtype=torch.float64)
        if self.count > 1:
            dist.all_reduce(sums)
        return sums.tolist()

    def gather(self, items: list[T]) -> list[T]:
        """The processes' lists one after another, in order of rank."""
        if self.count == 1:
            return items
        lists: list[Any] = [None] * self.count
        dist.all_gather_object(lists, items)
        return [item for some in lists for item in some]

    def from_first(self, work: Callable[[], T]) -> T:
        """Do the work in the first process only: all return what it returned, or raise the
        CaptionerError that it raised."""
        if self.count == 1:
            return work()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = work()
            except CaptionerError as error:
                box[1] = error
        dist.broadcast_object_list(box, src=0)
        if box[1] is not None:
            raise box[1]
        return box[0]

    def in_turn(self, work: Callable[[], T]) -> T:
        """Do the work in the first process, then in the first of each other machine, then in all
        others: what a machine's first one keeps on disk the others find there."""
        mine = 0 if self.first else 1 if self.local_rank == 0 else 2
        results = []
        for turn in range(3 if self.count > 1 else 1):
            if turn == mine:
                results.append(work())
            self.add([0])  # all wait for this turn's processes
        return results[0]

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients become the mean of all processes' gradients."""
        return DistributedDataParallel(module) if self.count > 1 else module


@contextmanager
def join(device: torch.device | str | None = None) -> Iterator[Workers]:
    """Meet the other processes that torchrun has started, and stop with them.

    device: such as "cuda" or "cpu"; the GPUs where there are some, if not given. Of several GPUs
    each process takes the one of its number. A second `join` within the first changes nothing.

    Raises OptionError where there is no such device or more processes than GPUs, and TrainingError
    where another process has stopped without a word to this one.
    """
    kind = find_device(device)
    count = int(os.environ["WORLD_SIZE"]) if dist.is_torchelastic_launched() else 1
    if count == 1:
        yield Workers(kind)
        return
    rank, local_rank, local_count = (
        int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    if dist.is_initialized():
        yield Workers(_device_of(kind, local_rank), rank, local_rank, count, local_count)
        return
    with _one_voice(rank):
        workers = Workers(_device_of(kind, local_rank), rank, local_rank, count, local_count)
        backend = "cpu:gloo,cuda:nccl" if kind.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=_LONGEST_WAIT)
        try:
            yield workers
        except BaseException:
            # gloo's own threads must be gone before the process ends, or they may abort it; nccl
            # would wait here for processes that have nothing to say any more.
            if backend == "gloo":
                _leave()
            raise
        _leave()


def _leave() -> None:
    """Stop being one of the processes.

    gloo's end waits for its threads, and they may wait for Python's lock to let go of a tensor.
    torch 2.6 holds the lock while the group ends, so gloo must not end with it but after it.
    """
    assert dist.group.WORLD
    gloo = dist.group.WORLD._get_backend(torch.device("cpu"))
    dist.destroy_process_group()
    del gloo


def _device_of(device: torch.device, local_rank: int) -> torch.device:
    """The device of that kind that is this process's own."""
    if device.type != "cuda":
        return device
    processes, gpus = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if processes > gpus:
        raise OptionError("This machine has {} GPUs, too few for {} processes.", gpus, processes)
    gpu = torch.device("cuda", local_rank)
    torch.cuda.set_device(gpu)
    return gpu


class _EndedError(BaseException):
    """This process was asked to end, which torchrun asks of all where one has ended."""


@contextmanager
def _one_voice(rank: int) -> Iterator[None]:
    """Let one process say why all stop.

    Where one process fails, torchrun ends the others of its machine. So a process other than the
    first, or one that has only lost another, waits for that before it says anything itself. One
    that was killed says nothing, so another does.
    """
    if rank > 0:
        logging.getLogger("captioner").setLevel(logging.ERROR)
    ended: list[int] = []

    def end(number: int, _: object) -> None:
        ended.append(number)
        raise _EndedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        try:
            yield
        except (CaptionerError, RuntimeError) as error:
            if not ended:
                time.sleep(_patience(error, rank))
            raise
    except BaseException as error:
        _let_speak()
        said = _said(error, rank, was_asked=bool(ended))
        if isinstance(said, CaptionerError) and not _is_first_to_speak(rank):
            said = SystemExit(1)
        raise said from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _patience(error: Exception, rank: int) -> float:
    """Seconds in which another process may say more of an error than this one."""
    if isinstance(error, CaptionerError):
        return _PATIENCE if rank > 0 else 0.0
    return 2 * _PATIENCE if _is_lost_peer(error) else 0.0  # the other one may have waited, too


def _let_speak() -> None:
    """Whatever else ends now, processes that open photos among it, interrupts this one no more."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(signal, "SIGCHLD"):  # not on Windows
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _said(error: BaseException, rank: int, *, was_asked: bool) -> BaseException:
    """What this process would say of what stopped it."""
    if was_asked:
        return TrainingError(
            "A process of this training was ended from outside, and all have stopped; the same "
            "command goes on from the last checkpoint."
        )
    if isinstance(error, KeyboardInterrupt) and rank > 0:
        return SystemExit(130)
    if _is_lost_peer(error):
        return TrainingError(
            "Another process of this training has stopped; its own message says why."
        )
    return error


def _is_first_to_speak(rank: int) -> bool:
    """Whether no other process has asked this; torchrun keeps count."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    key = f"spoken {os.environ['TORCHELASTIC_RESTART_COUNT']}"
    try:
        store = dist.TCPStore(address, port, is_master=False, timeout=timedelta(seconds=5))
        return store.add(key, 1) == 1
    except (RuntimeError, ValueError):  # torchrun itself is gone
        return rank == 0


def _is_lost_peer(error: BaseException) -> bool:
    """gloo throws plain runtime errors, which name it."""
    is_gloos = isinstance(error, RuntimeError) and "gloo" in str(error)
    return isinstance(error, dist.DistError) or is_gloos
