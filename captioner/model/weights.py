"""Weights on disk: safetensors files, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from captioner.errors import FileError, ModelError
from captioner.files import MB, check_file, raising
from captioner.messages import reason
from captioner.model.format_1 import weights_of_today

_LONGEST_HEADER = 8 * MB  # room for the names of 80,000 tensors, where a large model has 2,000


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by today's names, as the file has them; they take no memory until they
    are read. Raises ModelError, naming the file, where it is none or damaged."""
    with raising(ModelError):
        _check_header(path)
    try:
        weights = load_file(path)
    except Exception as error:  # damaged headers raise almost anything
        raise ModelError(
            "{} is damaged or not a safetensors file ({}).", path, reason(error)
        ) from None
    return weights_of_today(weights)


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors. Raises OSError where they cannot be written."""
    path.write_bytes(save(weights, metadata={"format": "pt"}))


def usable(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights as float32. Raises ModelError, naming the file and the first of them that holds
    anything but finite numbers."""
    return {name: _usable(tensor, name, path) for name, tensor in weights.items()}


def _usable(tensor: Tensor, name: str, path: Path) -> Tensor:
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise ModelError(
            "{} is of no use: {} is of type {}, not of a float type.", path, name, kind
        )
    tensor = tensor.float()
    # The extremes are NaN or infinite if any value is, and found in one pass without a copy.
    if tensor.numel() and not all(extreme.isfinite() for extreme in tensor.aminmax()):
        raise ModelError("{} is of no use: {} holds a value that is no finite number.", path, name)
    return tensor


def _check_header(path: Path) -> None:
    """The file begins with the length of its header, eight bytes, little-endian."""
    check_file(path)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise FileError("{} cannot be read ({}).", path, reason(error)) from None
    if length > _LONGEST_HEADER:
        raise FileError("{} is damaged or not a safetensors file (its header is too long).", path)
