"""Models at work: in this process, or one process for each of several devices."""

from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from captioner.errors import FolderError, OptionError
from captioner.folder.workers import pool
from captioner.images import normalise
from captioner.lanes import lanes, start_lanes
from captioner.model import ModelConfig
from captioner.options import CaptionOptions
from captioner.pipeline import Caption, Captioner, load_model

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ModelChoice:
    """Which model captions, where and how.

    name, language: as for `load_model`. devices: such as "cuda:0", or ("cpu", "cpu") for two
    processes; every GPU where there are some, else the CPU, if not given. options: how captions are
    written.
    """

    name: str | None = None
    language: str | None = None
    devices: tuple[str, ...] = ()
    options: CaptionOptions = field(default_factory=CaptionOptions)


class Devices(Protocol):
    """One or more copies of a model that take batches of pixels.

    name, config: of the model. at_once: how many batches keep all of them busy.
    """

    name: str
    config: ModelConfig
    at_once: int

    def caption(self, pixels: Pixels) -> Future[list[Caption]]:
        """Caption photos `uint8 [B, S, S, 3]`."""

    def close(self) -> None:
        """Stop what runs."""


class OneDevice:
    """A model in this process, in one or more threads that each caption batches of their own.

    See `lanes` for how many there are and why.

    Raises OptionError where the options do not suit the model.
    """

    def __init__(self, captioner: Captioner, options: CaptionOptions) -> None:
        captioner.check(options)
        self._captioner, self._options = captioner, options
        self.name = captioner.name
        self.config = captioner.model.config
        count = lanes(captioner.device)
        self.at_once = count + 1  # so that the next batch is ready where one is done
        self._lanes = start_lanes(count)

    def caption(self, pixels: Pixels) -> Future[list[Caption]]:
        """See `Devices`."""
        return self._lanes.submit(caption_pixels, self._captioner, pixels, self._options)

    def close(self) -> None:
        """See `Devices`."""
        self._lanes.shutdown(cancel_futures=True)


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
            self.name, self.config = about[0].result()
            for future in about:
                future.result()
        except BaseException:
            self.close()
            raise

    def caption(self, pixels: Pixels) -> Future[list[Caption]]:
        """See `Devices`."""
        number = self._busy.index(min(self._busy))
        self._busy[number] += 1
        work = (self._choice, self._devices[number], len(self._devices), pixels)
        future = self._pools[number].submit(_caption, *work)
        future.add_done_callback(lambda _: self._rest(number))
        return future

    def close(self) -> None:
        """See `Devices`."""
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
        _check_device(name, len(gpus))
    if len(devices) > 1:
        return SeveralDevices(choice, devices)
    return OneDevice(load_model(choice.name, devices[0], choice.language), choice.options)


def _check_device(name: str, gpus: int) -> None:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise OptionError("'{}' is no device such as cpu or cuda:0.", name) from None
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise OptionError("There is no device '{}': this machine has {} GPUs.", name, gpus)


def caption_pixels(captioner: Captioner, pixels: Pixels, options: CaptionOptions) -> list[Caption]:
    """Caption photos `uint8 [B, S, S, 3]`, in halves where the GPU has too little memory.

    Raises FolderError where it has too little for one photo, OptionError as `Captioner.caption`.
    """
    half = len(pixels) // 2
    try:
        images = torch.from_numpy(pixels).to(captioner.device).permute(0, 3, 1, 2)
        batch = normalise(images, captioner.model.config.preprocessing)
        return captioner.describe(*captioner.encode(batch), options)
    except torch.OutOfMemoryError:
        if half == 0:
            raise FolderError("{} has too little memory for one photo.", captioner.device) from None
    parts = pixels[:half], pixels[half:]
    return [found for part in parts for found in caption_pixels(captioner, part, options)]


def _about(choice: ModelChoice, device: str, processes: int) -> tuple[str, ModelConfig]:
    captioner = _own(choice, device, processes)
    captioner.check(choice.options)
    return captioner.name, captioner.model.config


def _caption(choice: ModelChoice, device: str, processes: int, pixels: Pixels) -> list[Caption]:
    return caption_pixels(_own(choice, device, processes), pixels, choice.options)


@lru_cache(maxsize=1)
def _own(choice: ModelChoice, device: str, processes: int) -> Captioner:
    """The model of this process, loaded once."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    return load_model(choice.name, device, choice.language)
