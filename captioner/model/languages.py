"""One model folder for several languages, with one copy of the encoder.

base-en/        the model: its encoder, and a decoder that writes English
base-en/zh/     a decoder that writes Chinese on the same encoder, with a vocabulary, a model
                card and a `config.json` of its own; what that does not say of encoder and
                preprocessing stands in the folder above
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from captioner.errors import ModelError
from captioner.files import MB, raising, read_bytes
from captioner.model.captioning import CaptioningModel
from captioner.model.config import (
    DecoderConfig,
    config_inside,
    language_config,
    language_folder,
    read_config,
    read_vocabulary,
)
from captioner.model.folder import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    TRIGRAMS,
    VOCABULARY,
    WEIGHTS,
    read_trigrams,
)
from captioner.model.saving import (
    build,
    fill,
    part_of,
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
    config = config_inside(path, model.config)
    if config.language != language:
        raise ModelError("{} is for the language '{}', not '{}'.", path, config.language, language)
    vocabulary = read_vocabulary(inside, config)
    sibling = build(config, path)
    sibling.encoder = model.encoder
    fill(sibling.decoder, read_weights(inside / WEIGHTS), inside / WEIGHTS)
    return sibling.eval(), vocabulary


def load_decoder(
    decoder: nn.Module, config: DecoderConfig, vocabulary: Vocabulary, folder: Path, language: str
) -> None:
    """Fill a decoder with that of a model folder, the one that writes the language if it has one.

    The rows of words that it does not know become the mean of all that it knows, beside what they
    are (Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language Models"): at random
    alone they would be far too likely.

    Raises ModelError where the folder cannot be used, or its decoder is of other parts or sizes.
    """
    theirs, inside = language_config(folder, language), language_folder(folder, language)
    if replace(theirs.decoder, dropout=config.dropout) != config:
        raise ModelError("The decoder of {} has other parts or sizes than the recipe's.", inside)
    weights, known = _decoder_weights(inside), read_vocabulary(inside, theirs)
    pairs = [(row, known.row(word)) for row, word in enumerate(vocabulary.words)]
    rows, their_rows = zip(*(pair for pair in pairs if pair[1] is not None), strict=True)
    for name, tensor in decoder.state_dict().items():
        fits = name in weights and weights[name].shape[:1] == (len(known),)  # else `fill` says so
        if name.endswith(("output_projection.weight", "output_projection.bias")) and fits:
            known_rows = weights[name][list(their_rows)].float()
            filled = tensor + known_rows.mean(dim=0)
            filled[list(rows)] = known_rows
            weights[name] = filled
    fill(decoder, weights, inside / WEIGHTS)


def _decoder_weights(folder: Path) -> dict[str, Tensor]:
    """Of a model folder, or of one inside it, which holds nothing else."""
    weights = read_weights(folder / WEIGHTS)
    return part_of(weights, "decoder") or weights


def add_language(folder: Path, other: Path, language: str = "") -> Path:
    """Let a model folder write a language of another model folder, its own where none is given;
    returns the new folder inside it, which replaces one that was there.

    Raises ModelError where a folder cannot be used, where both write the same language, or where
    their encoders are not the same to the last bit: a decoder is of no use on another encoder.
    """
    ours = read_config(folder)
    theirs, source = language_config(other, language), language_folder(other, language)
    if theirs.language == ours.language:
        raise ModelError("{} and {} write the same language, '{}'.", folder, other, ours.language)
    same = (ours.encoder, ours.preprocessing) == (theirs.encoder, theirs.preprocessing)
    if not same or not _equal(
        *(part_of(read_weights(path / WEIGHTS), "encoder") for path in (folder, other))
    ):
        raise ModelError(
            '{} has another encoder than {}: train it on that one, with `weights = "model:NAME"` '
            "under [encoder] and the encoder frozen in all phases.",
            other,
            folder,
        )
    with raising(ModelError):
        contents = {name: read_bytes(source / name, most=8 * MB) for name in (VOCABULARY, CARD)}
    if trigrams := read_trigrams(source, theirs.unseen_penalty):
        contents[TRIGRAMS] = trigrams.bits
    inside = folder / theirs.language
    inside.mkdir(exist_ok=True)
    config = asdict(theirs)
    del config["encoder"], config["preprocessing"]
    content = {"format_version": FORMAT_VERSION, **config}
    write_weights(_decoder_weights(source), inside / WEIGHTS)
    for name, data in contents.items():
        (inside / name).write_bytes(data)
    # Last, because it is what makes the language count as there.
    (inside / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return inside


def _equal(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)
