"""A model's parts as ONNX graphs: the encoder, and of each decoder what starts it and one step.

    encoder   images [B, 3, S, S]                            -> features [B, N, D]
    start     features [B, N, D]                             -> the photo's tensors, first state
    step      tokens [B, K], the photo's tensors, the state  -> log_probs [B, K, V],
                                                                attention [B, K, N], next state

B photos, K rows (beams) of each. What the photo's tensors and those of the state are is the model's
own affair: whoever runs a step hands on what he was given, by the names that `Signature` lists.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, NamedTuple

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captioner.errors import ModelError
from captioner.messages import reason
from captioner.model import Decoder, DecoderState, Encoder
from captioner.model.attention import Memory

OPSET = 18
_BATCH, _BEAM = 2, 3  # of the examples that are traced; any other numbers fit the graphs
_PHOTOS, _ROWS = (torch.export.Dim(name, min=1, max=2**16) for name in ("photos", "rows"))
_PHOTO = ("keys", "values", "summary")


class Signature(NamedTuple):
    """The names of a decoder's tensors: `photo` as `start` gives them and `step` takes them,
    `state` likewise; `step` gives the next state as `next_` and the name."""

    photo: tuple[str, ...]
    state: tuple[str, ...]


def encoder_graph(encoder: Encoder, size: int) -> onnx.ModelProto:
    """The encoder for photos of `size` pixels. Raises ModelError where torch cannot export it."""
    images = torch.zeros(_BATCH, 3, size, size)
    return _graph(_Encoding(encoder), (images,), ({0: _PHOTOS},), ["images"], ["features"])


def grid_of(encoder: Encoder, size: int) -> tuple[int, int]:
    """Height and width of the encoder's grid for photos of `size` pixels."""
    _, grid = encoder(torch.zeros(1, 3, size, size))
    return grid


def decoder_graphs(
    decoder: Decoder, locations: int, features: int
) -> tuple[onnx.ModelProto, onnx.ModelProto, Signature]:
    """What starts a decoder and its step, for grids of N locations with D features, and the names
    of what goes between them.

    Raises ModelError where torch cannot export it.
    """
    start = _Start(decoder)
    example = torch.zeros(_BATCH, locations, features)
    keys, values, summary, *rows = start(example)
    photo, state = _PHOTO, tuple(f"state_{part}" for part in range(len(rows)))
    names = [*photo, *state]
    beginning = _graph(start, (example,), ({0: _PHOTOS},), ["features"], names)
    tokens = torch.ones(_BATCH, _BEAM, dtype=torch.int64)
    rows = [part.expand(-1, _BEAM, -1).contiguous() for part in rows]
    both = {0: _PHOTOS, 1: _ROWS}
    step = _graph(
        _Step(decoder),
        (tokens, keys, values, summary, *rows),
        (both, *({0: _PHOTOS} for _ in photo), tuple(both for _ in rows)),
        ["tokens", *names],
        ["log_probs", "attention", *(f"next_{name}" for name in state)],
    )
    return beginning, step, Signature(photo, state)


class _Encoding(nn.Module):
    """The encoder, with pooling as products of matrices, which any grid can be exported with."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        taken, x = [], images
        for index, stage in enumerate(self.encoder.stages.values()):
            x = stage(x)
            if index in self.encoder.taps:
                taken.append(x)
        height, width = taken[-1].shape[2:]
        pooled = [
            _pooling(level.shape[2], height) @ level @ _pooling(level.shape[3], width).T
            if level.shape[2:] != taken[-1].shape[2:]
            else level
            for level in taken
        ]
        return torch.cat(pooled, dim=1).flatten(2).transpose(1, 2)


def _pooling(many: int, few: int) -> Tensor:
    """What averages as `adaptive_avg_pool2d` does along one axis: `[few, many]`."""
    matrix = torch.zeros(few, many)
    for row in range(few):
        first, end = row * many // few, -(-(row + 1) * many // few)
        matrix[row, first:end] = 1 / (end - first)
    return matrix


class _Start(nn.Module):
    """A decoder's `start`, as a flat tuple of tensors, of which the state has a row a photo."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        state = self.decoder.start(features)
        rows = (part.unsqueeze(1) for part in state.recurrent)
        return (*state.memory, state.summary, *rows)


class _Step(nn.Module):
    """A decoder's `step`, with the log-probabilities and where it looked."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, tokens: Tensor, keys: Tensor, values: Tensor, summary: Tensor, *rows: Tensor
    ) -> tuple[Tensor, ...]:
        beams = tokens.shape[1]
        state = DecoderState(Memory(keys, values), summary, tuple(r.flatten(0, 1) for r in rows))
        outputs, weights, after = self.decoder.advance(tokens.flatten(), state)
        log_probs = F.log_softmax(self.decoder.logits(outputs), dim=-1)
        recurrent = (part.unflatten(0, (-1, beams)) for part in after.recurrent)
        return (log_probs, weights.mean(dim=1), *recurrent)


@contextmanager
def quietly() -> Iterator[None]:
    """Exporters tell at length how they go about it, and advise what these graphs need not."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _graph(
    module: nn.Module,
    example: tuple[Tensor, ...],
    dynamic: tuple[Any, ...],
    inputs: list[str],
    outputs: list[str],
) -> onnx.ModelProto:
    """What torch's exporter makes of a module, checked by onnx."""
    try:
        with quietly():
            program = torch.onnx.export(
                module.eval(), example, dynamo=True, dynamic_shapes=dynamic, opset_version=OPSET,
                input_names=inputs, output_names=outputs, verbose=False,
            )  # fmt: skip
        assert program is not None
        graph = program.model_proto
        onnx.checker.check_model(graph, full_check=True)
    except Exception as error:  # whatever torch's exporter lacks
        raise ModelError("The model cannot be exported: {}.", reason(error)) from error
    return graph
