"""Models at work: in this process, or one process for each of several devices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from captioner.captioning import Caption, PhotoCaptioner
from captioner.devices import find_device
from captioner.errors import FolderError
from captioner.folder.choice import ModelChoice
from captioner.images import Preprocessing
from captioner.options import CaptionOptions
from captioner.speed.processes import pool
from captioner.speed.workers import start_workers, worker_count

Pixels = NDArray[np.uint8]


class Devices(Protocol):
    """One or more copies of a model that take batches of pixels.

    name, preprocessing, languages: of the model. at_once: how many batches keep all of them busy.
    """

    name: str
    preprocessing: Preprocessing
    languages: tuple[str, ...]
    at_once: int

    def caption(self, pixels: Pixels) -> Future[list[tuple[Caption, ...]]]:
        """Caption photos `uint8 [B, S, S, 3]`, each in all languages."""

    def close(self) -> None:
        """Stop what runs."""


class OneDevice:
    """A model in this process, in one or more threads that each caption batches of their own.

    See `worker_count` for how many there are and why.

    captioners: the model, once for each language.
    """

    def __init__(self, captioners: Sequence[PhotoCaptioner[Any]], options: CaptionOptions) -> None:
        self._captioners, self._options = captioners, options
        self.name = captioners[0].name
        self.preprocessing = captioners[0].preprocessing
        self.languages = tuple(captioner.language for captioner in captioners)
        count = worker_count(torch.device(captioners[0].device))
        self.at_once = count + 1  # so that the next batch is ready where one is done
        self._threads = start_workers(count)

    def caption(self, pixels: Pixels) -> Future[list[tuple[Caption, ...]]]:
        return self._threads.submit(caption_pixels, self._captioners, pixels, self._options)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


class SeveralDevices:
    """A process with its own copy of the model for each device; the least busy one is next.

    Raises ModelError as `load_model`, OptionError where the options do not suit the model.
    """

    def __init__(self, choice: ModelChoice, devices: tuple[str, ...]) -> None:
        self._choice, self._devices = choice, devices
        self._pools = [pool(1, "spawn") for _ in devices]  # CUDA does not survive a fork
        self._busy = [0] * len(devices)
        self.at_once = 2 * len(devices)
        try:
            about = [
                process.submit(_about, choice, device, len(devices))
                for process, device in zip(self._pools, devices, strict=True)
            ]
            self.name, self.preprocessing, self.languages = about[0].result()
            for future in about:
                future.result()
        except BaseException:
            self.close()
            raise

    def caption(self, pixels: Pixels) -> Future[list[tuple[Caption, ...]]]:
        number = self._busy.index(min(self._busy))
        self._busy[number] += 1
        work = (self._choice, self._devices[number], len(self._devices), pixels)
        future = self._pools[number].submit(_caption, *work)
        future.add_done_callback(lambda _: self._rest(number))
        return future

    def close(self) -> None:
        for process in self._pools:
            process.shutdown(cancel_futures=True)

    def _rest(self, number: int) -> None:
        self._busy[number] -= 1


def start_devices(choice: ModelChoice) -> Devices:
    """The model on all chosen devices.

    Raises ModelError as `load_model`, and OptionError where there is no such device or the options
    do not suit the model.
    """
    gpus = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    devices = choice.devices or gpus or ("cpu",)
    for name in devices:
        find_device(name)
    if len(devices) > 1:
        return SeveralDevices(choice, devices)
    return OneDevice(choice.load(devices[0]), choice.options)


def caption_pixels(
    captioners: Sequence[PhotoCaptioner[Any]], pixels: Pixels, options: CaptionOptions
) -> list[tuple[Caption, ...]]:
    """Caption photos `uint8 [B, S, S, 3]`, in halves where the GPU has too little memory.

    captioners: of one model, each of which describes what the first has encoded.

    Raises FolderError where it has too little for one photo, OptionError as `load_model`'s.
    """
    half, first = len(pixels) // 2, captioners[0]
    try:
        encoded = first.encode_pixels(pixels)
        found = [captioner.describe(*encoded, options) for captioner in captioners]
        return list(zip(*found, strict=True))
    except torch.OutOfMemoryError:
        if half == 0:
            raise FolderError("{} has too little memory for one photo.", first.device) from None
    parts = pixels[:half], pixels[half:]
    return [found for part in parts for found in caption_pixels(captioners, part, options)]


def _about(
    choice: ModelChoice, device: str, processes: int
) -> tuple[str, Preprocessing, tuple[str, ...]]:
    captioners = _loaded(choice, device, processes)
    languages = tuple(captioner.language for captioner in captioners)
    return captioners[0].name, captioners[0].preprocessing, languages


def _caption(
    choice: ModelChoice, device: str, processes: int, pixels: Pixels
) -> list[tuple[Caption, ...]]:
    return caption_pixels(_loaded(choice, device, processes), pixels, choice.options)


@lru_cache(maxsize=1)
def _loaded(choice: ModelChoice, device: str, processes: int) -> list[PhotoCaptioner[Any]]:
    """The model of this process, loaded once."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    return choice.load(device)
