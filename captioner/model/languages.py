"""One model folder for several languages, with one copy of the encoder.

base-en/        the model: its encoder, and a decoder that writes English
base-en/zh/     a decoder that writes Chinese on the same encoder, with a vocabulary, a model
                card and a `config.json` of its own; what that does not say of encoder and
                preprocessing stands in the folder above
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from captioner.errors import ModelError
from captioner.fields import make_config
from captioner.files import MB, raising, read_bytes
from captioner.model.captioning import CaptioningModel, ModelConfig
from captioner.model.folder import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    VOCABULARY,
    WEIGHTS,
    read_raw_config,
)
from captioner.model.saving import (
    build,
    fill,
    part_of,
    read_config,
    read_vocabulary,
)
from captioner.model.weights import read_weights, write_weights
from captioner.text import Vocabulary


def read_language(
    folder: Path, language: str, model: CaptioningModel
) -> tuple[CaptioningModel, Vocabulary]:
    """The model with the same encoder, the very object, and the decoder of another language.

    model: of the folder. Raises ModelError as `read_model`.
    """
    inside = folder / language
    path = inside / CONFIG
    raw = read_raw_config(path)
    shared = {name: asdict(model.config)[name] for name in ("encoder", "preprocessing")}
    with raising(ModelError):
        config = make_config(ModelConfig, {**raw, **shared}, path)
    if config.language != language:
        raise ModelError("{} is for the language '{}', not '{}'.", path, config.language, language)
    vocabulary = read_vocabulary(inside, config)
    sibling = build(config, path)
    sibling.encoder = model.encoder
    fill(sibling.decoder, read_weights(inside / WEIGHTS), inside / WEIGHTS)
    return sibling.eval(), vocabulary


def add_language(folder: Path, other: Path) -> Path:
    """Let a model folder write the language of another model folder, too; returns the new folder
    inside it, which replaces one that was there.

    Raises ModelError where a folder cannot be used, where both write the same language, or where
    their encoders are not the same to the last bit: a decoder is of no use on another encoder.
    """
    ours, theirs = read_config(folder), read_config(other)
    if theirs.language == ours.language:
        raise ModelError("{} and {} write the same language, '{}'.", folder, other, ours.language)
    weights = read_weights(other / WEIGHTS)
    same = (ours.encoder, ours.preprocessing) == (theirs.encoder, theirs.preprocessing)
    if not same or not _equal(
        part_of(read_weights(folder / WEIGHTS), "encoder"), part_of(weights, "encoder")
    ):
        raise ModelError(
            '{} has another encoder than {}: train it on that one, with `weights = "model:NAME"` '
            "under [encoder] and the encoder frozen in all phases.",
            other,
            folder,
        )
    with raising(ModelError):
        contents = {name: read_bytes(other / name, most=8 * MB) for name in (VOCABULARY, CARD)}
    inside = folder / theirs.language
    inside.mkdir(exist_ok=True)
    config = asdict(theirs)
    del config["encoder"], config["preprocessing"]
    content = {"format_version": FORMAT_VERSION, **config}
    write_weights(part_of(weights, "decoder"), inside / WEIGHTS)
    for name, data in contents.items():
        (inside / name).write_bytes(data)
    # Last, because it is what makes the language count as there.
    (inside / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return inside


def _equal(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)
