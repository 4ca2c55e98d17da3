"""What a model computes on: the processor, a GPU, or what else torch has here."""

from __future__ import annotations

import torch

from captioner.errors import OptionError


def find_device(name: torch.device | str | None = None) -> torch.device:
    """The device of a name such as "cpu", "cuda:0" or "mps"; a GPU by NVIDIA or AMD where there is
    one, else the processor, if not given.

    Raises OptionError where there is no such device, or this torch cannot use it.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise OptionError("'{}' is no device such as cpu or cuda:0.", name) from None
    if device.type == "cuda":
        gpus = torch.cuda.device_count()
        if (device.index or 0) >= gpus:
            raise OptionError("There is no device '{}': this machine has {} GPUs.", name, gpus)
    elif device.type != "cpu":
        _try(device)
    return device


def _try(device: torch.device) -> None:
    """Torch tells in a dozen ways that it was built without a device, or finds none."""
    try:
        torch.ones(1, device=device).cpu()
    except Exception:
        raise OptionError("There is no device '{}' that torch can use here.", device) from None
