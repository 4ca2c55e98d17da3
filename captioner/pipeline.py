"""`Captioner`: photos captioned by torch, the object that the command and the page use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from captioner.captioning import Caption, PhotoCaptioner, Trace
from captioner.decoding import (
    BeamOptions,
    Choice,
    Hypothesis,
    SamplingOptions,
    beam_search,
    better_of_each,
    consensus,
    sample,
)
from captioner.devices import find_device
from captioner.images import normalise, to_batch
from captioner.model import (
    CaptioningModel,
    Decoder,
    for_inference,
    languages_of,
    read_language,
    read_model,
)
from captioner.options import CaptionOptions
from captioner.text import END, PAD, START, Vocabulary, tokenizer


class Captioner(PhotoCaptioner[Tensor]):
    """A model ready to caption photos; it takes the model over, which can't be trained after that.

    folder: the one that the model was read from, where it may write further languages.

    With `attention=True` and `trace=True` a caption also holds how it came about.
    """

    def __init__(
        self,
        model: CaptioningModel,
        vocabulary: Vocabulary,
        name: str = "",
        device: torch.device | str | None = None,
        folder: Path | None = None,
    ) -> None:
        self.device = find_device(device)
        self.dtype = torch.bfloat16 if has_bfloat16(self.device) else torch.float32
        self.model = for_inference(model.to(self.device), self.dtype)
        self.vocabulary = vocabulary
        self.name = name
        self._folder = folder
        config = model.config
        self.language, self.unit, self.preprocessing = (
            config.language,
            config.unit,
            config.preprocessing,
        )
        super().__init__()

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of all languages that `in_language` knows, the model's own first."""
        return languages_of(self._folder) if self._folder else tuple(self._siblings)

    def _sibling(self, language: str) -> Captioner:
        assert self._folder is not None
        model, vocabulary = read_language(self._folder, language, self.model)
        return Captioner(model, vocabulary, self.name, self.device, self._folder)

    def encode_photos(self, opened: Sequence[Any]) -> tuple[Tensor, tuple[int, int]]:
        """Opened photos to grid features `[B, N, D]` and the grid's shape."""
        return self.encode(to_batch(opened, self.preprocessing))

    def encode_pixels(self, pixels: NDArray[np.uint8]) -> tuple[Tensor, tuple[int, int]]:
        """Photos in the model's own size `uint8 [B, S, S, 3]` to features and grid, likewise."""
        images = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2)
        return self.encode(normalise(images, self.preprocessing))

    @torch.inference_mode()
    def encode(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Normalised images `[B, 3, S, S]` to grid features `[B, N, D]` and the grid's shape."""
        return self.model.encoder(images.to(self.device, self.dtype))

    @torch.inference_mode()
    def describe(
        self,
        features: Tensor,
        grid: tuple[int, int],
        options: CaptionOptions | None = None,
        *,
        attention: bool = False,
        trace: bool = False,
        **said: Any,
    ) -> list[Caption]:
        """Caption photos whose grid features `[B, N, D]` are known, without encoding them again."""
        chosen = self._search(features, self._in_tokens(CaptionOptions.of(options, said)))
        captions = [self._captions(choices) for choices in chosen]
        if attention:
            captions = self._with_attention(captions, chosen, features, grid)
        return self._with_trace(captions, chosen, features) if trace else captions

    def _search(
        self, features: Tensor, options: BeamOptions | SamplingOptions
    ) -> list[list[Choice]]:
        """Each photo's captions, best first, of all that the decoders find."""
        found = [self._find(decoder, features, options) for decoder in self._decoders]
        by_photo = zip(*found, strict=True)
        if isinstance(options, SamplingOptions):
            return [better_of_each(own, options) for own in by_photo]
        return [consensus(own, options) for own in by_photo]

    @property
    def _decoders(self) -> tuple[Decoder, ...]:
        """One, or one for each direction in which captions are written."""
        return self.model.decoder.directions

    def _find(
        self, decoder: Decoder, features: Tensor, options: BeamOptions | SamplingOptions
    ) -> list[list[Hypothesis]]:
        """Each photo's hypotheses of one decoder, in the order in which people read."""
        beginning = (decoder.step, decoder.start(features), len(features), START, END)
        options = replace(options, avoid_phrases=_in_order(options.avoid_phrases, decoder))
        if isinstance(options, SamplingOptions):
            found = sample(*beginning, options, device=self.device)
        else:
            options = replace(options, require=_in_order(options.require, decoder))
            found = beam_search(*beginning, options, device=self.device)
        return [[replace(h, tokens=decoder.in_order(h.tokens)) for h in group] for group in found]

    def _captions(self, choices: list[Choice]) -> Caption:
        best, *others = (self._caption(choice.hypothesis) for choice in choices)
        return replace(best, alternatives=tuple(others))

    def _caption(self, hypothesis: Hypothesis) -> Caption:
        tokens = self.vocabulary.decode(hypothesis.tokens)
        text = tokenizer(self.language, self.unit).detokenize(tokens)
        return Caption(text, tokens, hypothesis.log_prob, hypothesis.score, language=self.language)

    def _with_attention(
        self,
        captions: list[Caption],
        chosen: list[list[Choice]],
        features: Tensor,
        grid: tuple[int, int],
    ) -> list[Caption]:
        """Read all captions once more, all at once, to see where each word was looked for."""
        photos = [photo for photo, own in enumerate(chosen) for _ in own]
        looked = [one for caption in captions for one in (caption, *caption.alternatives)]
        for decoder, rows, words in self._best([[choice] for own in chosen for choice in own]):
            own_features = features[[photos[row] for row in rows]]
            maps = decoder.attention_maps(own_features, words).float().unflatten(2, grid).cpu()
            for row, own in zip(rows, maps, strict=True):
                looked[row] = replace(looked[row], attention=_as_read(own, decoder, looked[row]))
        listed = iter(looked)
        groups = ([next(listed) for _ in own] for own in chosen)
        return [replace(best, alternatives=tuple(others)) for best, *others in groups]

    def _with_trace(
        self, captions: list[Caption], chosen: list[list[Choice]], features: Tensor
    ) -> list[Caption]:
        """Read the best captions once more, all at once, to see how the gates moved."""
        traced = list(captions)
        for decoder, rows, words in self._best(chosen):
            layers = decoder.trace(features[rows], words)
            parts = [torch.stack(part, dim=2).float().cpu() for part in zip(*layers, strict=True)]
            for row, *own in zip(rows, *parts, strict=True) if parts else ():
                trace = Trace(*(_as_read(part, decoder, captions[row]) for part in own))
                traced[row] = replace(captions[row], trace=trace)
        return traced

    def _best(self, chosen: list[list[Choice]]) -> Iterator[tuple[Decoder, list[int], Tensor]]:
        """Each decoder with the rows of the photos whose best caption it wrote, and these captions
        in its order `[B, T]`, padded."""
        for number, decoder in enumerate(self._decoders):
            best = {
                row: own[0].hypothesis for row, own in enumerate(chosen) if own[0].decoder == number
            }
            if best:
                words = [[START, *decoder.in_order(h.tokens), END] for h in best.values()]
                padded = pad_sequence([torch.tensor(row) for row in words], True, PAD)
                yield decoder, list(best), padded.to(self.device)


def _as_read(steps: Tensor, decoder: Decoder, caption: Caption) -> Tensor:
    """Those of a decoder's steps `[T, ...]` that wrote words, in the order of the words."""
    own = steps[: len(caption.tokens)]
    return own.flip(0) if decoder.backward else own.clone()


def _in_order(
    phrases: tuple[tuple[int, ...], ...], decoder: Decoder
) -> tuple[tuple[int, ...], ...]:
    """Phrases in the order in which a decoder writes."""
    return tuple(decoder.in_order(phrase) for phrase in phrases)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it would be slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and (
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )


def load_captioner(folder: Path, device: torch.device | str | None = None) -> Captioner:
    """The captioner of a model folder, as `load_model` knows it; raises as that does."""
    found = find_device(device)  # before seconds are spent on the model
    model, vocabulary = read_model(folder)
    return Captioner(model, vocabulary, folder.name, found, folder)
