"""`OnnxCaptioner`: photos captioned by a folder of ONNX graphs, ONNX Runtime and NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.captioning import Caption, PhotoCaptioner
from captioner.decoding.bidirectional import Choice, consensus
from captioner.decoding.types import BeamOptions, Hypothesis
from captioner.errors import ModelError, OptionError
from captioner.model.folder import languages_of, read_trigrams
from captioner.onnx.beam import Floats, Photo, State, beam_search
from captioner.onnx.folder import ENCODER, OnnxConfig, read_onnx_config, read_words
from captioner.onnx.preprocessing import normalise, to_batch
from captioner.onnx.sessions import OnnxDecoder, session
from captioner.options import CaptionOptions


class OnnxCaptioner(PhotoCaptioner[Floats]):
    """An exported model; it finds sentences by beam search alone.

    Raises ModelError where the folder cannot be used, MissingError without ONNX Runtime.
    """

    def __init__(self, folder: Path, device: Any = None) -> None:
        self._set_up(folder, folder, read_onnx_config(folder), str(device or "cpu"))
        self._encoder = session(folder / ENCODER, self.device)

    def _set_up(self, folder: Path, inside: Path, config: OnnxConfig, device: str) -> None:
        """inside: where the language's own files lie."""
        self.folder, self.config, self.device = folder, config, device
        self.name, self.language, self.unit = config.name, config.language, config.unit
        self.preprocessing = config.preprocessing
        self.vocabulary = read_words(inside, config)
        self.trigrams = read_trigrams(inside, config.unseen_penalty)
        self._decoders = [OnnxDecoder(inside, own, device) for own in config.decoders]
        super().__init__()

    @property
    def languages(self) -> tuple[str, ...]:
        """As of `PhotoCaptioner`."""
        return languages_of(self.folder)

    def _sibling(self, language: str) -> OnnxCaptioner:
        inside = self.folder / language
        config = read_onnx_config(inside, self.config)
        if config.language != language:
            raise ModelError(
                "{} is for the language '{}', not '{}'.", inside, config.language, language
            )
        sibling = OnnxCaptioner.__new__(OnnxCaptioner)
        sibling._set_up(self.folder, inside, config, self.device)
        sibling._encoder = self._encoder
        return sibling

    def encode_photos(self, opened: Sequence[Any]) -> tuple[Floats, tuple[int, int]]:
        """Opened photos to grid features `[B, N, D]` and the grid's shape."""
        return self.encode(to_batch(opened, self.preprocessing))

    def encode_pixels(self, pixels: NDArray[np.uint8]) -> tuple[Floats, tuple[int, int]]:
        """Photos in the model's own size `uint8 [B, S, S, 3]` to features and grid, likewise."""
        return self.encode(normalise(pixels, self.preprocessing))

    def encode(self, images: Floats) -> tuple[Floats, tuple[int, int]]:
        """Normalised images `[B, 3, S, S]` to grid features `[B, N, D]` and the grid's shape."""
        (features,) = self._encoder.run(["features"], {"images": images})
        return features, self.config.grid

    def describe(
        self,
        features: Floats,
        grid: tuple[int, int],
        options: CaptionOptions | None = None,
        *,
        attention: bool = False,
        words: bool = False,
        trace: bool = False,
        search: bool = False,
        **said: Any,
    ) -> list[Caption]:
        """As of `PhotoCaptioner`. Raises OptionError for what only the model itself can do."""
        asked = self._in_tokens(CaptionOptions.of(options, said))
        if not isinstance(asked, BeamOptions) or words or trace or search:
            raise OptionError(
                "An exported model finds its sentences by beam search and tells only where it "
                "looked: leave out temperature, top_k, top_p, seed, words, trace and search."
            )
        started = [decoder.start(features) for decoder in self._decoders]
        found = [self._find(*own, asked) for own in zip(self._decoders, started, strict=True)]
        chosen = [consensus(own, asked) for own in zip(*found, strict=True)]
        captions = [[self._caption(one.hypothesis) for one in own] for own in chosen]
        if attention:
            self._look_again(captions, chosen, started, grid)
        return [replace(best, alternatives=tuple(others)) for best, *others in captions]

    def _find(
        self, decoder: OnnxDecoder, begun: tuple[Photo, State], options: BeamOptions
    ) -> list[list[Hypothesis]]:
        """Each photo's hypotheses of one decoder, in the order in which people read."""
        photo, state = begun
        avoid_phrases, require = (
            tuple(map(decoder.in_order, phrases))
            for phrases in (options.avoid_phrases, options.require)
        )
        trigrams = options.trigrams and options.trigrams.turned(decoder.backward)
        options = replace(options, avoid_phrases=avoid_phrases, require=require, trigrams=trigrams)
        found = beam_search(decoder.likely, photo, state, options)
        return [[replace(h, tokens=decoder.in_order(h.tokens)) for h in own] for own in found]

    def _look_again(
        self,
        captions: list[list[Caption]],
        chosen: list[list[Choice]],
        started: list[tuple[Photo, State]],
        grid: tuple[int, int],
    ) -> None:
        """Read all captions once more, to see where each word was looked for."""
        for number, (decoder, begun) in enumerate(zip(self._decoders, started, strict=True)):
            rows = [
                (photo, place)
                for photo, own in enumerate(chosen)
                for place, choice in enumerate(own)
                if choice.decoder == number
            ]
            if not rows:  # none of the best is this decoder's
                continue
            words = [chosen[photo][place].hypothesis.tokens for photo, place in rows]
            looked = decoder.looked(*begun, [photo for photo, _ in rows], words)
            for (photo, place), maps in zip(rows, looked, strict=True):
                own = maps.reshape(-1, *grid)
                captions[photo][place] = replace(captions[photo][place], attention=own)
