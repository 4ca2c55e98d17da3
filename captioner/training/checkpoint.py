"""A training run on disk: written whole or not at all, and never a pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from captioner.errors import ModelError


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    recipe: fingerprint of the recipe it belongs to. phase, epoch: so many epochs of that phase are
    done. best: the best dev CIDEr so far, reached after `best_epoch` epochs of the phase. rows: so
    many lines of `metrics.jsonl` are true.
    """

    recipe: str
    phase: int = 0
    epoch: int = 0
    best: float = float("-inf")
    best_epoch: int = 0
    rows: int = 0


def save_checkpoint(path: Path, tensors: dict[str, Tensor], progress: Progress) -> None:
    """Write tensors and progress beside `path`, then move them there in one step."""
    part = path.with_suffix(".part")
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, part, metadata={"progress": json.dumps(asdict(progress))})
    os.replace(part, path)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], Progress]:
    """Read what `save_checkpoint` wrote. Raises ModelError where it is damaged."""
    with _readable(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, _progress(file)


def load_progress(path: Path) -> Progress:
    """Read only where the run stands. Raises as `load_checkpoint`."""
    with _readable(path) as file:
        return _progress(file)


@contextmanager
def _readable(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} is not a readable checkpoint ({error}).") from None


def _progress(file: Any) -> Progress:
    return Progress(**json.loads(file.metadata()["progress"]))


def named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under `prefix.name`."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under `prefix.name`, by name: what `named` is undone by."""
    start = f"{prefix}."
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """An optimizer's state as flat names: `3.exp_avg` is that of its fourth parameter."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{key}": value for index, own in state.items() for key, value in own.items()}


def load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo `optimizer_tensors`; the parameter groups keep what the recipe says."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = _laid_out_as(parameters[int(index)], tensor)
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def _laid_out_as(parameter: Tensor, tensor: Tensor) -> Tensor:
    """The fused step walks through memory: a channels-last weight needs a channels-last state."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
