"""A training run on disk: written whole or not at all, and never a pickle."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer

from captioner.errors import CaptionerError, FileError, ModelError, TrainingError
from captioner.fields import make_config
from captioner.files import MB, check_file, parse_json, raising, read_bytes, write_whole
from captioner.messages import reason
from captioner.model.format_1 import weights_of_today

_DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


@dataclass(frozen=True)
class SoFar:
    """What is done of an epoch: steps, the sum of their losses or rewards, and seconds."""

    steps: int = 0
    shown: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    recipe: fingerprint of the recipe it belongs to. phase, epoch: so many epochs of that phase are
    done, and so_far of the next one. best: the best dev CIDEr so far, reached after `best_epoch`
    epochs of the phase. rows: so many lines of `metrics.jsonl` are true. kept: dev CIDEr and epoch
    of the weights that are kept for their mean, best first.
    """

    recipe: str
    phase: int = 0
    epoch: int = 0
    best: float = float("-inf")
    best_epoch: int = 0
    rows: int = 0
    so_far: SoFar = field(default_factory=SoFar)
    kept: tuple[tuple[float, int], ...] = ()


def save_checkpoint(path: Path, tensors: dict[str, Tensor], progress: Progress) -> None:
    """Write tensors and progress: after a crash of the machine, too, `path` holds either all that
    is new or all that was there.

    Raises TrainingError where they cannot be written; nothing of them is left then.
    """
    metadata = {"progress": json.dumps(asdict(progress))}
    write_whole(path, _safetensors(tensors, metadata), TrainingError, synced=True)


def _safetensors(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Iterator[bytes]:
    """A file of the safetensors format, tensor by tensor: its own writer copies all of them, and a
    training has no memory for everything twice."""
    # The widest numbers first, so that all lie at multiples of their own size.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].element_size())
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.numel() * tensor.element_size()
        offsets, dtype = [begin, end], _DTYPES[tensor.dtype]
        header[name] = {"dtype": dtype, "shape": [*tensor.shape], "data_offsets": offsets}
    content = json.dumps(header).encode()
    content += b" " * (-len(content) % 8)
    yield len(content).to_bytes(8, "little") + content
    for _, tensor in ordered:
        values = tensor.detach().cpu().contiguous().reshape(-1)
        yield values.view(torch.uint8).numpy().tobytes()


def mean_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several checkpoints' tensors, counters as in the last one.

    Raises ModelError where one is damaged.
    """
    sums: dict[str, Tensor] = {}
    for path in paths:
        for name, tensor in load_checkpoint(path)[0].items():
            adds_up = tensor.is_floating_point() and name in sums
            sums[name] = sums[name] + tensor.double() if adds_up else _wide(tensor)
    return {
        name: (total / len(paths)).float() if total.is_floating_point() else total
        for name, total in sums.items()
    }


def _wide(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], Progress]:
    """Read what `save_checkpoint` wrote. Raises ModelError where it is damaged."""
    with _readable(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return weights_of_today(tensors), _progress(file)


def load_progress(path: Path) -> Progress:
    """Read only where the run stands. Raises as `load_checkpoint`."""
    with _readable(path) as file:
        return _progress(file)


@contextmanager
def _readable(path: Path) -> Iterator[Any]:
    with raising(ModelError):
        check_file(path)
    with restoring(path), safe_open(path, framework="pt") as file:
        yield file


@contextmanager
def restoring(path: Path) -> Iterator[None]:
    """Raise ModelError where a checkpoint's content is damaged, or that of something else."""
    try:
        yield
    except CaptionerError as error:
        raise ModelError("{} is not a readable checkpoint: {}", path, error) from None
    except (
        *(OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError, AttributeError),
        RecursionError,
    ) as error:
        raise ModelError("{} is not a readable checkpoint ({}).", path, reason(error)) from None


def load_state(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Fill a module. Raises ValueError where the tensors are not those of such a module."""
    ours, theirs = ({n: t.shape for n, t in of.items()} for of in (module.state_dict(), tensors))
    if ours != theirs:
        name, _ = min(ours.items() ^ theirs.items())
        raise ValueError(f"{name} is missing, unknown or of another size")
    module.load_state_dict(dict(tensors))


def read_rows(path: Path, count: int | None = None) -> list[dict[str, Any]]:
    """The first rows of a run's `metrics.jsonl`, or all.

    Raises TrainingError, naming the line, where one is none that a training wrote.
    """
    with raising(TrainingError):
        lines = read_bytes(path, most=1000 * MB).splitlines()[:count]
    return [_row(line, path, number) for number, line in enumerate(lines, start=1)]


def _row(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        row = parse_json(line.decode(), str(path), number)
        texts = {name: row[name] for name in ("phase", "device") if name in row}
        scores = {n: v for n, v in row.items() if n not in texts and not isinstance(v, list)}
        if not {"cider", "bleu_4"} <= scores.keys() or "phase" not in texts:
            raise ValueError
        _ = "".join(texts.values()), math.fsum(scores.values())
    except (AttributeError, TypeError, ValueError, OverflowError, FileError):
        raise TrainingError(
            "{}, line {}: not a row that a training wrote; delete the file to go on without the "
            "rows of earlier epochs.",
            path,
            number,
        ) from None
    return row


def _progress(file: Any) -> Progress:
    return make_config(Progress, json.loads(file.metadata()["progress"]), "progress")


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
    return {
        f"{index}.{key}": value for index, values in state.items() for key, value in values.items()
    }


def load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo `optimizer_tensors`; the parameter groups keep what the recipe says.

    Raises ValueError or IndexError where the tensors are those of other parameters.
    """
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
    if tensor.dim() == 0:  # the number of steps
        return tensor
    if tensor.shape != parameter.shape:
        raise ValueError("the optimizer's state is of another size")
    return torch.empty_like(parameter, requires_grad=False).copy_(tensor)
