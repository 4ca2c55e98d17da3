"""A model on disk: `config.json`, `model.safetensors`, `vocabulary.json`, `README.md`.

Nothing in the folder is a pickle, and loading one runs no code of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from captioner.errors import ModelError
from captioner.images import Preprocessing
from captioner.model.captioning import CaptioningModel, ModelConfig
from captioner.model.decoder import DecoderConfig
from captioner.model.encoder import Encoder, EncoderConfig
from captioner.text import Vocabulary

FORMAT_VERSION = 1
CONFIG, WEIGHTS, VOCABULARY, CARD = (
    "config.json",
    "model.safetensors",
    "vocabulary.json",
    "README.md",
)


def save_model(folder: Path, model: CaptioningModel, vocabulary: Vocabulary, card: str) -> None:
    """Write a model folder, weights as float16.

    Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {"format_version": FORMAT_VERSION, **asdict(model.config)}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    vocabulary.save(folder / VOCABULARY)
    (folder / CARD).write_text(card, encoding="utf-8")
    weights = {n: _half(t) for n, t in model.state_dict().items() if not _is_counter(n)}
    write_weights(weights, folder / WEIGHTS)


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors, readable for all whom the folder is open to."""
    save_file(weights, path, metadata={"format": "pt"})
    path.chmod(0o644)


def read_folder(folder: Path) -> tuple[CaptioningModel, Vocabulary]:
    """Build the model that a folder holds, on the CPU, as float32, ready for use.

    Raises ModelError, in one sentence naming the file, where the folder is missing, incomplete,
    truncated, foreign or of a newer format.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no model folder {folder}.")
    config = read_config(folder)
    vocabulary = read_vocabulary(folder, config)
    model = build(config, folder / CONFIG)
    fill(model, read_weights(folder / WEIGHTS), folder / WEIGHTS)
    return model.eval(), vocabulary


def read_vocabulary(folder: Path, config: ModelConfig) -> Vocabulary:
    """The folder's vocabulary. Raises ModelError where it cannot be that of the configuration."""
    vocabulary = Vocabulary.load(folder / VOCABULARY)
    if len(vocabulary) != config.vocabulary_size:
        raise ModelError(
            f"{folder / VOCABULARY} has {len(vocabulary)} words, and the model was made for "
            f"{config.vocabulary_size}."
        )
    return vocabulary


def load_encoder(encoder: Encoder, config: EncoderConfig, folder: Path) -> None:
    """Fill an encoder with that of a model folder.

    Raises ModelError where the folder cannot be used, or its encoder is another one.
    """
    other = read_config(folder).encoder
    if other != config:
        raise ModelError(
            f"The encoder of {folder} is {other.name} with stages {other.stages}, not "
            f"{config.name} with stages {config.stages}."
        )
    fill(encoder, part_of(read_weights(folder / WEIGHTS), "encoder"), folder / WEIGHTS)


def part_of(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Weights of one part of the model, "encoder" or "decoder", without its name before theirs."""
    prefix = f"{name}."
    return {n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix)}


def build(config: ModelConfig, path: Path) -> CaptioningModel:
    """An empty model, without the time that initial values take where that can be spared."""
    try:
        try:
            with torch.device("meta"):
                return CaptioningModel(config)
        except NotImplementedError:  # RegNet computes its sizes with tensors
            return CaptioningModel(config)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _half(tensor: Tensor) -> Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).contiguous()


def _is_counter(name: str) -> bool:
    """Batch norms count their training batches; nothing reads that afterwards."""
    return name.endswith("num_batches_tracked")


def read_config(folder: Path) -> ModelConfig:
    """What a model folder says of its model, without building it. Raises as `read_folder`."""
    path = folder / CONFIG
    raw = read_raw_config(path)
    if "decoder" in raw and "encoder" not in raw:
        raise ModelError(
            f"{folder} holds a decoder without an encoder: give the model folder that it lies in, "
            "and its language."
        )
    return parsed(path, lambda: _config(raw))


def read_raw_config(path: Path) -> dict[str, Any]:
    """What a `config.json` holds, of a format that is known. Raises ModelError."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path} is missing, so {path.parent} is not a model folder.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} is not a readable model configuration ({error}).") from None
    version = raw.pop("format_version", None) if isinstance(raw, dict) else None
    if not isinstance(version, int):
        raise ModelError(f"{path} is not the configuration of a captioner model.")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path} has format {version}, and this version of captioner reads formats up to "
            f"{FORMAT_VERSION}: please update captioner."
        )
    return raw


def parsed(path: Path, parse: Callable[[], ModelConfig]) -> ModelConfig:
    """A configuration made of a file's content. Raises ModelError, naming the file."""
    try:
        return parse()
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except (TypeError, KeyError) as error:
        raise ModelError(f"{path} is not a complete model configuration ({error}).") from None


def _config(raw: Mapping[str, Any]) -> ModelConfig:
    parts = {
        "encoder": EncoderConfig(**tuples(raw["encoder"])),
        "decoder": DecoderConfig(**raw["decoder"]),
        "preprocessing": Preprocessing(**tuples(raw["preprocessing"])),
    }
    return ModelConfig(**{**tuples(raw), **parts})


def tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's values, with tuples for what JSON knows as lists."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


def read_weights(path: Path) -> dict[str, Tensor]:
    """A folder's weights by their names. Raises ModelError, naming the file."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing.") from None
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is damaged or not a safetensors file ({error}).") from None


def fill(model: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put a file's weights in their places, as float32. Raises ModelError, naming the file."""
    own = model.state_dict()
    expected = {n: t.shape for n, t in own.items() if not _is_counter(n)}
    wrong = [n for n, s in expected.items() if n not in weights or weights[n].shape != s]
    wrong += [n for n in weights if n not in expected]
    if wrong:
        raise ModelError(
            f"{path} does not match its configuration: {wrong[0]} is missing, unknown or of "
            "another size."
        )
    state = {n: t.float() if t.is_floating_point() else t for n, t in weights.items()}
    state |= {n: torch.zeros((), dtype=torch.long) for n in own if _is_counter(n)}
    model.load_state_dict(state, assign=True)
