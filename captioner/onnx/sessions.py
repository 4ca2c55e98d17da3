"""The graphs of a model folder as ONNX Runtime runs them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from captioner.errors import MissingError, ModelError, OptionError
from captioner.files import check_file, raising
from captioner.onnx.beam import Floats, Numbers, Photo, State
from captioner.text import PAD, START

if TYPE_CHECKING:
    from captioner.onnx.folder import DecoderFiles

# A thread that has nothing to do spins for a moment, since waking it takes longer than most of a
# graph's nodes; longer, or after the run, it would take the processor from whoever has work.
_THREADS = {"session.intra_op.spin_duration_us": "20", "session.force_spinning_stop": "1"}
_CPU = "CPUExecutionProvider"
_PROVIDERS = {"cpu": [_CPU], "cuda": ["CUDAExecutionProvider", _CPU]}


def session(path: Path, device: str) -> Any:
    """A graph, ready to run.

    Raises ModelError where the file is missing or cannot be used, OptionError where there is no
    such device, and MissingError without ONNX Runtime.
    """
    ort = _onnxruntime()
    with raising(ModelError):
        check_file(path)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    for name, value in _THREADS.items():
        options.add_session_config_entry(name, value)
    kind = device.partition(":")[0]
    providers = _PROVIDERS.get(kind, [])
    if not providers or providers[0] not in ort.get_available_providers():
        raise OptionError("There is no device '{}' that ONNX Runtime can use here.", device)
    try:
        return ort.InferenceSession(
            path, options, list(dict.fromkeys([*providers, "CPUExecutionProvider"]))
        )
    except Exception as error:  # of classes that onnxruntime does not offer
        raise ModelError("{} is damaged, or no graph that ONNX Runtime can run.", path) from error


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingError(
            'An exported model needs ONNX Runtime; install it with: pip install "captioner[onnx]".'
        ) from error
    return onnxruntime


class OnnxDecoder:
    """One decoder of a folder: `start` and `step` as its graphs compute them."""

    def __init__(self, folder: Path, files: DecoderFiles, device: str) -> None:
        self.files = files
        self.backward = files.backward
        self._start = session(folder / files.start, device)
        self._step = session(folder / files.step, device)

    def start(self, features: Floats) -> tuple[Photo, State]:
        """Grid features `[B, N, D]` to the photos' tensors and a state of one row for each."""
        names = [*self.files.photo, *self.files.state]
        found = dict(zip(names, self._start.run(names, {"features": features}), strict=True))
        state = tuple(found.pop(name) for name in self.files.state)
        return found, state

    def step(self, photo: Photo, tokens: Numbers, state: State) -> tuple[Floats, Floats, State]:
        """The last tokens `[B, K]` to the log-probabilities of the next `[B, K, V]`, where each row
        looked `[B, K, N]`, and the next state."""
        names = ["log_probs", "attention", *(f"next_{name}" for name in self.files.state)]
        given = {"tokens": tokens, **photo, **dict(zip(self.files.state, state, strict=True))}
        log_probs, attention, *after = self._step.run(names, given)
        return log_probs, attention, tuple(after)

    def likely(self, photo: Photo, tokens: Numbers, state: State) -> tuple[Floats, State]:
        """As `step`, for a search, which does not ask where it looked."""
        log_probs, _, after = self.step(photo, tokens, state)
        return log_probs, after

    def looked(
        self,
        photo: Photo,
        state: State,
        photos: Sequence[int],
        captions: Sequence[tuple[int, ...]],
    ) -> list[Floats]:
        """Where the words of known captions, each of one of the photos, were looked for: `[T, N]`
        each, in the order in which people read."""
        own = {name: part[photos] for name, part in photo.items()}
        state = tuple(part[photos] for part in state)
        words = [(START, *self.in_order(caption)) for caption in captions]
        maps = []
        for column in zip_longest(*words, fillvalue=PAD):
            _, attention, state = self.step(own, np.array(column)[:, None], state)
            maps.append(attention[:, 0])
        looked = np.stack(maps, axis=1)  # [captions, T, N]
        rows = [own[: len(words)] for own, words in zip(looked, captions, strict=True)]
        return [row[::-1] if self.backward else row for row in rows]

    def in_order(self, words: tuple[int, ...]) -> tuple[int, ...]:
        """A caption's words as people read them in the decoder's order, and the other way round."""
        return words[::-1] if self.backward else words
