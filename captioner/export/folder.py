"""A model folder written as a folder of ONNX graphs, which `captioner.onnx` reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from captioner.captioning import repeatable
from captioner.decoding.types import BeamOptions
from captioner.errors import ModelError, OptionError
from captioner.export.graphs import decoder_graphs, encoder_graph, grid_of
from captioner.export.precision import multiply_int8, quantise_encoder, store_float16, store_int8
from captioner.files import writing
from captioner.images import Preprocessing, open_image
from captioner.model import (
    CaptioningModel,
    fold_batch_norms,
    language_folder,
    languages_of,
    read_language,
    read_model,
    read_trigrams,
)
from captioner.model.folder import CARD, CONFIG, FORMAT_VERSION, TRIGRAMS, VOCABULARY
from captioner.onnx.folder import ENCODER, DecoderFiles
from captioner.onnx.preprocessing import to_batch
from captioner.options import CaptionOptions
from captioner.text import Vocabulary

_STORED: dict[str, Callable[[ModelProto], None]] = {
    "float32": lambda graph: None,
    "float16": store_float16,
    "int8": store_int8,
}
_DECODER = {**_STORED, "int8": multiply_int8}
PRECISIONS = tuple(_STORED)


@dataclass(frozen=True)
class ExportOptions:
    """How a model is exported.

    precision: of the weights, one of `PRECISIONS`. photos: files of some dozens of photos, for
    int8: with them the encoder computes with whole numbers, too. languages: codes of those to
    write; all that the model knows, if none. stored: whether int8 is only what is stored, for
    browsers, which compute no quicker with it.

    Raises OptionError where there is no such precision, or photos are given to another than int8.
    """

    precision: str = "float32"
    photos: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    stored: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise OptionError("There is no precision '{}'; there is: {}.", self.precision, known)
        if self.photos and self.precision != "int8":
            raise OptionError("Photos are of use to the precision int8 only.")


def export_model(folder: Path, out: Path, options: ExportOptions | None = None) -> tuple[str, ...]:
    """Write a model folder as ONNX graphs in the folder `out`, where they replace what has their
    names; returns the codes of its languages, its own first.

    Raises ModelError where the model cannot be read or exported or the folder not be written, and
    ImageError where one of the photos cannot be opened.
    """
    options = options or ExportOptions()
    model, vocabulary = read_model(folder)
    fold_batch_norms(model.encoder.requires_grad_(False))
    size = model.config.preprocessing.size
    with writing(out, ModelError):
        out.mkdir(parents=True, exist_ok=True)
        onnx.save(_encoder(model, options), out / ENCODER)
        shared = {
            "name": folder.name,
            "precision": options.precision,
            "preprocessing": asdict(model.config.preprocessing),
            "grid": grid_of(model.encoder, size),
        }
        first, *others = _chosen(folder, options)
        if first != model.config.language:
            model, vocabulary = read_language(folder, first, model)
        own = language_folder(folder, first)
        _write_language((own, out), model, vocabulary, shared, options)
        for language in others:
            sibling, words = read_language(folder, language, model)
            _write_language((folder / language, out / language), sibling, words, {}, options)
    return first, *others


def _chosen(folder: Path, options: ExportOptions) -> tuple[str, ...]:
    known = languages_of(folder)
    for language in options.languages:
        if language not in known:
            raise ModelError(
                "The model '{}' writes {}, not {}.", folder.name, ", ".join(known), language
            )
    return options.languages or known


def _encoder(model: CaptioningModel, options: ExportOptions) -> ModelProto:
    graph = encoder_graph(model.encoder, model.config.preprocessing.size)
    if options.photos:
        graph = quantise_encoder(graph, _opened(options.photos, model.config.preprocessing))
        store_float16(graph)  # what is left of it
    else:
        _STORED[options.precision](graph)
    return graph


def _opened(photos: Iterable[str], preprocessing: Preprocessing) -> Iterator[NDArray[np.float32]]:
    for photo in photos:
        yield to_batch([open_image(photo, at_least=preprocessing.detail)], preprocessing)


def _write_language(
    files: tuple[Path, Path],
    model: CaptioningModel,
    vocabulary: Vocabulary,
    shared: dict[str, Any],
    options: ExportOptions,
) -> None:
    """One language's graphs, vocabulary and configuration.

    files: its model folder, and where it goes. shared: what the configuration says of the encoder.
    """
    source, out = files
    out.mkdir(parents=True, exist_ok=True)
    rows, columns = grid_of(model.encoder, model.config.preprocessing.size)
    graphs = []
    for decoder in model.decoder.directions:
        ending = "_backward.onnx" if decoder.backward else ".onnx"
        start, step, signature = decoder_graphs(decoder, rows * columns, model.encoder.width)
        for graph, name in ((start, "start"), (step, "step")):
            (_STORED if options.stored else _DECODER)[options.precision](graph)
            onnx.save(graph, out / (name + ending))
        graphs.append(
            DecoderFiles("start" + ending, "step" + ending, *signature, backward=decoder.backward)
        )
    config = model.config
    content = {
        "format_version": FORMAT_VERSION,
        **shared,
        "language": config.language,
        "unit": config.unit,
        "vocabulary_size": len(vocabulary),
        "decoders": [asdict(own) for own in graphs],
        "repeatable": repeatable(vocabulary, config.language),
        "certainty": config.certainty,
        "unseen_penalty": config.unseen_penalty,
        "options": {
            **{k: v for k, v in CaptionOptions().all().items() if v is not None},
            "length_bound": BeamOptions.length_bound,
        },
    }
    vocabulary.save(out / VOCABULARY)
    if trigrams := read_trigrams(source, config.unseen_penalty):
        (out / TRIGRAMS).write_bytes(trigrams.bits)
    if (source / CARD).is_file():
        (out / CARD).write_bytes((source / CARD).read_bytes())
    # Last, because it is what makes the folder count as a model.
    (out / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
