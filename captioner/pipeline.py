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

from captioner.captioning import Branch, Caption, PhotoCaptioner, Trace, Word
from captioner.decoding import (
    BeamOptions,
    Choice,
    Fate,
    Hypothesis,
    SamplingOptions,
    beam_search,
    better_of_each,
    consensus,
    sample,
)
from captioner.decoding import Trace as SearchTrace
from captioner.devices import find_device
from captioner.errors import OptionError
from captioner.images import normalise, to_batch
from captioner.model import (
    CaptioningModel,
    Decoder,
    for_inference,
    languages_of,
    read_language,
    read_model,
    read_trigrams,
)
from captioner.options import CaptionOptions
from captioner.text import END, NEVER_WRITTEN, PAD, START, Trigrams, Vocabulary

LIKELIEST = 5  # words that are told of at each point of a sentence


class Captioner(PhotoCaptioner[Tensor]):
    """A model ready to caption photos; it takes the model over, which can't be trained after that.

    folder: the one that the model was read from, where it may write further languages. trigrams:
    those that people write, where they are known.

    With `attention=True`, `words=True`, `trace=True` and `search=True` a caption also holds how it
    came about. With `begin`, words of the vocabulary, all sentences begin with these.
    """

    def __init__(
        self,
        model: CaptioningModel,
        vocabulary: Vocabulary,
        name: str = "",
        device: torch.device | str | None = None,
        folder: Path | None = None,
        *,
        trigrams: Trigrams | None = None,
    ) -> None:
        self.device = find_device(device)
        self.dtype = torch.bfloat16 if has_bfloat16(self.device) else torch.float32
        self.model = for_inference(model.to(self.device), self.dtype)
        self.vocabulary = vocabulary
        self.name = name
        self.trigrams = trigrams
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
        trigrams = read_trigrams(self._folder / language, model.config.unseen_penalty)
        return Captioner(model, vocabulary, self.name, self.device, self._folder, trigrams=trigrams)

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
        words: bool = False,
        trace: bool = False,
        search: bool = False,
        begin: Sequence[str] = (),
        **said: Any,
    ) -> list[Caption]:
        """Caption photos whose grid features `[B, N, D]` are known, without encoding them again.

        Raises as `caption`, and OptionError for a beginning that is too long, of unknown words, or
        of sentences to be drawn.
        """
        in_tokens = self._in_tokens(CaptionOptions.of(options, said))
        if begin:
            in_tokens = self._beginning(in_tokens, begin)
        steps = SearchTrace() if search else None
        chosen = self._search(features, in_tokens, steps)
        captions = [self._captions(choices) for choices in chosen]
        if attention or words:
            longest = in_tokens.max_length if words else 0
            captions = self._read_again(
                captions, chosen, features, grid, attention=attention, longest=longest
            )
        if steps:
            captions = [
                replace(caption, search=self._branches(steps, photo))
                for photo, caption in enumerate(captions)
            ]
        return self._with_trace(captions, chosen, features) if trace else captions

    def _beginning(
        self, options: BeamOptions | SamplingOptions, begin: Sequence[str]
    ) -> BeamOptions:
        if isinstance(options, SamplingOptions):
            raise OptionError("Only the search goes on from a beginning, not draws at random.")
        return replace(options, begin=tuple(map(self._known, begin)))

    def _branches(self, steps: SearchTrace, photo: int) -> tuple[tuple[Branch, ...], ...]:
        return tuple(
            tuple(
                Branch(
                    self.vocabulary.decode(candidate.tokens),
                    candidate.tokens[-1] == END,
                    candidate.log_prob,
                    candidate.fate is not Fate.PRUNED,
                )
                for candidate in step
            )
            for step in steps.steps.get(photo, ())
        )

    def _search(
        self,
        features: Tensor,
        options: BeamOptions | SamplingOptions,
        steps: SearchTrace | None = None,
    ) -> list[list[Choice]]:
        """Each photo's captions, best first, of all that the decoders find. steps: writes down how
        the first one searches."""
        decoders = self._decoders
        if isinstance(options, BeamOptions) and options.begin:
            decoders = decoders[:1]  # one that writes backwards has the beginning last
        found = [
            self._find(decoder, features, options, None if number else steps)
            for number, decoder in enumerate(decoders)
        ]
        by_photo = zip(*found, strict=True)
        if isinstance(options, SamplingOptions):
            return [better_of_each(found, options) for found in by_photo]
        return [consensus(found, options) for found in by_photo]

    @property
    def _decoders(self) -> tuple[Decoder, ...]:
        """One, or one for each direction in which captions are written."""
        return self.model.decoder.directions

    def _find(
        self,
        decoder: Decoder,
        features: Tensor,
        options: BeamOptions | SamplingOptions,
        steps: SearchTrace | None,
    ) -> list[list[Hypothesis]]:
        """Each photo's hypotheses of one decoder, in the order in which people read."""
        beginning = (decoder.step, decoder.start(features), len(features), START, END)
        options = replace(options, avoid_phrases=_in_order(options.avoid_phrases, decoder))
        if isinstance(options, SamplingOptions):
            found = sample(*beginning, options, device=self.device)
        else:
            require = _in_order(options.require, decoder)
            trigrams = options.trigrams and options.trigrams.turned(decoder.backward)
            options = replace(options, require=require, trigrams=trigrams)
            found = beam_search(*beginning, options, device=self.device, trace=steps)
        return [[replace(h, tokens=decoder.in_order(h.tokens)) for h in group] for group in found]

    def _captions(self, choices: list[Choice]) -> Caption:
        best, *others = (self._caption(choice.hypothesis) for choice in choices)
        return replace(best, alternatives=tuple(others))

    def _read_again(
        self,
        captions: list[Caption],
        chosen: list[list[Choice]],
        features: Tensor,
        grid: tuple[int, int],
        *,
        attention: bool,
        longest: int,
    ) -> list[Caption]:
        """Read all captions once more, all at once, to see where each word was looked for and how
        likely it was.

        longest: most words of a caption, of which those that have as many were cut off; 0 where
        words are not asked for.
        """
        photos = [photo for photo, choices in enumerate(chosen) for _ in choices]
        again = [one for caption in captions for one in (caption, *caption.alternatives)]
        for decoder, rows, words in self._best(
            [[choice] for choices in chosen for choice in choices]
        ):
            own_features = features[[photos[row] for row in rows]]
            outputs, maps = decoder.outputs_and_maps(own_features, words)
            if attention:
                for row, looked in zip(rows, maps.float().unflatten(2, grid).cpu(), strict=True):
                    again[row] = replace(
                        again[row], attention=_as_read(looked, decoder, again[row])
                    )
            if longest:
                for row, told in zip(rows, self._words(decoder, outputs, words), strict=True):
                    again[row] = _with_words(again[row], told, decoder, longest)
        listed = iter(again)
        groups = ([next(listed) for _ in choices] for choices in chosen)
        return [replace(best, alternatives=tuple(others)) for best, *others in groups]

    def _words(self, decoder: Decoder, outputs: Tensor, words: Tensor) -> list[list[Word]]:
        """What a decoder thought of each of known captions' words, in its order, from its outputs
        `[B, T - 1, H]` and the captions `[B, T]`."""
        likely = decoder.logits(outputs).softmax(dim=2, dtype=torch.float32)
        chances = likely.gather(2, words[:, 1:, None])[:, :, 0].tolist()
        likely[:, :, list(NEVER_WRITTEN)] = 0
        best = likely.topk(min(LIKELIEST, likely.shape[2]))
        text = self._written
        return [
            [
                Word(text(number), chance, tuple(zip(map(text, likeliest), those, strict=True)))
                for number, chance, likeliest, those in zip(*row, strict=True)
            ]
            for row in zip(
                words[:, 1:].tolist(), chances, best.indices.tolist(), best.values.tolist(),
                strict=True,
            )
        ]  # fmt: skip

    def _written(self, number: int) -> str:
        """A token as it is written; the end is empty."""
        return "" if number in (END, PAD) else self.vocabulary.words[number]

    def _with_trace(
        self, captions: list[Caption], chosen: list[list[Choice]], features: Tensor
    ) -> list[Caption]:
        """Read the best captions once more, all at once, to see how the gates moved."""
        traced = list(captions)
        for decoder, rows, words in self._best(chosen):
            layers = decoder.trace(features[rows], words)
            parts = [torch.stack(part, dim=2).float().cpu() for part in zip(*layers, strict=True)]
            for row, *moved in zip(rows, *parts, strict=True) if parts else ():
                trace = Trace(*(_as_read(part, decoder, captions[row]) for part in moved))
                traced[row] = replace(captions[row], trace=trace)
        return traced

    def _best(self, chosen: list[list[Choice]]) -> Iterator[tuple[Decoder, list[int], Tensor]]:
        """Each decoder with the rows of the photos whose best caption it wrote, and these captions
        in its order `[B, T]`, padded."""
        for number, decoder in enumerate(self._decoders):
            best = {
                row: choices[0].hypothesis
                for row, choices in enumerate(chosen)
                if choices[0].decoder == number
            }
            if best:
                words = [[START, *decoder.in_order(h.tokens), END] for h in best.values()]
                padded = pad_sequence([torch.tensor(row) for row in words], True, PAD)
                yield decoder, list(best), padded.to(self.device)


def _as_read(steps: Tensor, decoder: Decoder, caption: Caption) -> Tensor:
    """Those of a decoder's steps `[T, ...]` that wrote words, in the order of the words."""
    written = steps[: len(caption.tokens)]
    return written.flip(0) if decoder.backward else written.clone()


def _with_words(caption: Caption, told: list[Word], decoder: Decoder, longest: int) -> Caption:
    """A caption with what its decoder thought of each word, in the order of the words."""
    count = len(caption.tokens)
    words = told[:count][::-1] if decoder.backward else told[:count]
    end = told[count : count + 1] if count < longest else []
    return replace(caption, words=(*words, *end))


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
    trigrams = read_trigrams(folder, model.config.unseen_penalty)
    return Captioner(model, vocabulary, folder.name, found, folder, trigrams=trigrams)
