"""A model on disk: `config.json`, `model.safetensors`, `vocabulary.json`, `README.md`.

Nothing in the folder is a pickle, and loading one runs no code of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from captioner.errors import ModelError
from captioner.fields import shown
from captioner.model.captioning import CaptioningModel
from captioner.model.config import EncoderConfig, ModelConfig, read_config, read_vocabulary
from captioner.model.encoder import Encoder
from captioner.model.folder import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    TRIGRAMS,
    VOCABULARY,
    WEIGHTS,
)
from captioner.model.weights import read_weights, usable, write_weights
from captioner.text import Trigrams, Vocabulary


def save_model(
    folder: Path,
    model: CaptioningModel,
    vocabulary: Vocabulary,
    card: str,
    trigrams: Trigrams | None = None,
) -> None:
    """Write a model folder, weights as float16.

    trigrams: those that people write, for its search.

    Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {"format_version": FORMAT_VERSION, **asdict(model.config), "unseen_penalty": 0.0}
    if trigrams:
        config["unseen_penalty"] = trigrams.penalty
        (folder / TRIGRAMS).write_bytes(trigrams.bits)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    vocabulary.save(folder / VOCABULARY)
    (folder / CARD).write_text(card, encoding="utf-8")
    weights = {n: _half(t) for n, t in model.state_dict().items() if not _is_counter(n)}
    write_weights(weights, folder / WEIGHTS)


def read_model(folder: Path) -> tuple[CaptioningModel, Vocabulary]:
    """Build the model that a folder holds, on the CPU, as float32, ready for use.

    Raises ModelError, in one sentence naming the file, where the folder is missing, incomplete,
    truncated, damaged, foreign or of a newer format. Until all is found to fit together, this takes
    no more memory than the vocabulary.
    """
    if not os.path.isdir(folder):
        raise ModelError("There is no model folder {}.", folder)
    config = read_config(folder)
    vocabulary = read_vocabulary(folder, config)
    model = build(config, folder / CONFIG)
    fill(model, read_weights(folder / WEIGHTS), folder / WEIGHTS)
    return model.eval(), vocabulary


def load_encoder(encoder: Encoder, config: EncoderConfig, folder: Path) -> None:
    """Fill an encoder with that of a model folder.

    Raises ModelError where the folder cannot be used, or its encoder is another one.
    """
    other = read_config(folder).encoder
    if other != config:
        names = (field.name for field in fields(config))
        name = next(name for name in names if getattr(other, name) != getattr(config, name))
        theirs, ours = shown(getattr(other, name)), shown(getattr(config, name))
        raise ModelError("The encoder of {} has {} {}, not {}.", folder, name, theirs, ours)
    fill(encoder, part_of(read_weights(folder / WEIGHTS), "encoder"), folder / WEIGHTS)


def part_of(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Weights of one part of the model, "encoder" or "decoder", without its name before theirs."""
    prefix = f"{name}."
    return {n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix)}


def build(config: ModelConfig, path: Path) -> CaptioningModel:
    """An empty model, which takes neither memory nor the time that initial values take.

    Raises ModelError, naming the file that the configuration is from, where there can be no such
    model.
    """
    try:
        with _Empty():
            return CaptioningModel(config)
    except ModelError as error:
        raise ModelError("{}: {}", path, error) from None


class _Empty(TorchFunctionMode):
    """Makes weights and statistics without values, on the meta device.

    Not all tensors, as `torch.device("meta")` does: a RegNet computes its sizes with some.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.empty, torch.zeros, torch.ones) and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def _half(tensor: Tensor) -> Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).contiguous()


def _is_counter(name: str) -> bool:
    """Batch norms count their training batches; nothing reads that afterwards."""
    return name.endswith("num_batches_tracked")


def fill(model: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put a file's weights in their places, as float32.

    Raises ModelError, naming the file, where they are those of another model, or unusable.
    """
    present = model.state_dict()
    expected = {n: t.shape for n, t in present.items() if not _is_counter(n)}
    wrong = [n for n, s in expected.items() if n not in weights or weights[n].shape != s]
    wrong += [n for n in weights if n not in expected]
    if wrong:
        raise ModelError(
            "{} does not match its configuration: {} is missing, unknown or of another size.",
            path,
            wrong[0],
        )
    state = usable(weights, path)
    state |= {n: torch.zeros((), dtype=torch.long) for n in present if _is_counter(n)}
    model.load_state_dict(state, assign=True)
