"""`Captioner`: load a model folder, caption photos.

The command, the page and other people's programs all use this one object.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from captioner.captions import Alternative, Row
from captioner.chunks import chunks
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
from captioner.errors import ImageError, ModelError, OptionError
from captioner.images import ImageSource, open_image, to_batch
from captioner.installed import find_model, in_words
from captioner.messages import Message
from captioner.model import (
    CaptioningModel,
    Decoder,
    for_inference,
    languages_of,
    read_language,
    read_model,
)
from captioner.options import CaptionOptions
from captioner.text import END, NEVER_WRITTEN, PAD, START, Vocabulary, tokenizer
from captioner.text.function_words import FUNCTION_WORDS

DIGITS = 4  # of log-probabilities and scores that are written down
PhotoT = TypeVar("PhotoT")


@dataclass(frozen=True, repr=False)
class Trace:
    """How the gates and the cell state of an LSTM moved while it wrote a sentence.

    input, forget, output: how open each unit's gate was, from 0 to 1. cell: the cell state after
    the step. All `float32 [T, layers, H]`, bottom layer first; step t is the one that chose word t,
    for which it had read the word before, or after it where the decoder wrote from the end.
    """

    input: Tensor
    forget: Tensor
    output: Tensor
    cell: Tensor

    def __repr__(self) -> str:
        words, layers, units = self.cell.shape
        return f"Trace({words} words, {layers} layers, {units} units)"


@dataclass(frozen=True, repr=False)
class Caption:
    """A sentence about a photo.

    text: the sentence. tokens: its words. log_prob: natural logarithm of the model's probability
    of this very sentence. score: what it was ranked by, the former scaled for the length.
    attention: `[T, h, w]`, for each word where on the photo's grid the model looked (each map sums
    to one), where it was asked for. trace: of the gates, where it was asked for and the model's
    cell is an LSTM. alternatives: the next best sentences, best first, without trace. language: its
    code.
    """

    text: str
    tokens: tuple[str, ...]
    log_prob: float
    score: float
    attention: Tensor | None = None
    trace: Trace | None = None
    alternatives: tuple[Caption, ...] = ()
    language: str = ""

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        """In a line, without tensors."""
        parts = [repr(self.text), f"log_prob={self.log_prob:.4f}", f"score={self.score:.4f}"]
        if self.attention is not None:
            parts.append(f"attention={list(self.attention.shape)}")
        if self.trace is not None:
            parts.append(f"trace={self.trace!r}")
        if self.alternatives:
            parts.append(f"alternatives={[str(own) for own in self.alternatives]}")
        return f"Caption({', '.join(parts)}, language={self.language!r})"

    def row(self, image: str, model: str = "", trigger: str = "") -> Row:
        """What is written of it about a photo.

        image: the photo's name. model: its name. trigger: a phrase before each sentence.
        """
        best, *others = (
            Alternative(
                f"{trigger} {own.text}".strip(),
                round(own.log_prob, DIGITS),
                round(own.score, DIGITS),
            )
            for own in (self, *self.alternatives)
        )
        return Row(
            image, best.caption, self.language, best.log_prob, best.score, model, tuple(others)
        )

    @property
    def certainty(self) -> float:
        """The geometric mean of the probabilities of the words and of the end, from 0 to 1."""
        return math.exp(self.log_prob / (len(self.tokens) + 1))


class Captioner:
    """A model ready to caption photos; it takes the model over, which can't be trained after that.

    folder: the one that the model was read from, where it may write further languages.

    What describes photos takes `CaptionOptions`, and single ones of them as keywords. With
    `attention=True` and `trace=True` a caption also holds how it came about.
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
        self._siblings = {self.language: self}
        self._loading = threading.Lock()

    @property
    def language(self) -> str:
        """Code of the language that this captioner writes, such as "en"."""
        return self.model.config.language

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of all languages that `in_language` knows, the model's own first."""
        return languages_of(self._folder) if self._folder else tuple(self._siblings)

    def in_language(self, language: str) -> Captioner:
        """The captioner of another language on the same encoder, loaded when it is first asked for.

        What one of them has encoded, the other can describe.

        Raises ModelError where the model does not write that language.
        """
        with self._loading:
            if language not in self._siblings:
                self._siblings[language] = self._sibling(language)
            return self._siblings[language]

    def _sibling(self, language: str) -> Captioner:
        if self._folder is None or language not in self.languages:
            known = Message(", ".join(str(in_words(code)) for code in self.languages))
            raise ModelError(
                "The model '{}' writes {}, not {}.", self.name, known, in_words(language)
            )
        model, vocabulary = read_language(self._folder, language, self.model)
        sibling = Captioner(model, vocabulary, self.name, self.device, self._folder)
        sibling._siblings, sibling._loading = self._siblings, self._loading
        return sibling

    @overload
    def caption(
        self, photo: ImageSource, options: CaptionOptions | None = None, **more: Any
    ) -> Caption: ...

    @overload
    def caption(
        self,
        photo: Sequence[ImageSource],
        options: CaptionOptions | None = None,
        **more: Any,
    ) -> list[Caption]: ...

    def caption(
        self,
        photo: ImageSource | Sequence[ImageSource],
        options: CaptionOptions | None = None,
        **more: Any,
    ) -> Caption | list[Caption]:
        """Caption one photo, or each of a list of them.

        photo: a path, the bytes of a file, a Pillow image, a NumPy array or a tensor, see
        `captioner.images.open_image`. more: single options, attention and trace.

        Raises ImageError where it cannot be opened, OptionError where an option cannot be.
        """
        if isinstance(photo, list | tuple):
            return self.caption_batch(photo, options, **more)
        return self.caption_batch([cast(ImageSource, photo)], options, **more)[0]

    def caption_batch(
        self,
        photos: Sequence[ImageSource] | Tensor,
        options: CaptionOptions | None = None,
        **more: Any,
    ) -> list[Caption]:
        """Caption several photos in one batch, in their order; a tensor may hold them, too.

        Takes and raises as `caption`.
        """
        detail = self.model.config.preprocessing.detail
        opened = [open_image(photo, at_least=detail) for photo in photos]
        return [own for (own,) in self._captions_in((self.language,), opened, options, more)]

    def caption_each(
        self,
        photos: Iterable[PhotoT],
        options: CaptionOptions | None = None,
        *,
        languages: Sequence[str] = (),
        batch: int = 32,
        opener: Callable[..., Any] = open_image,
        **more: Any,
    ) -> Iterator[tuple[PhotoT, Caption | ImageError]]:
        """Caption any number of photos, `batch` at a time, each paired with its caption.

        A photo that cannot be opened is paired with its error, and the others go on. languages: of
        several, each photo is there once for each, encoded once. opener: opens one photo, as
        `open_image(photo, at_least=pixels)`, for photos that are kept another way.

        Raises as `caption`, and ModelError where the model does not write one of the languages.
        """
        languages = languages or (self.language,)
        detail = self.model.config.preprocessing.detail
        for chunk in chunks(photos, batch):
            results = [_attempt(opener, photo, detail) for photo in chunk]
            opened = [image for image in results if not isinstance(image, ImageError)]
            captions = iter(self._captions_in(languages, opened, options, more))
            for photo, image in zip(chunk, results, strict=True):
                found = (image,) if isinstance(image, ImageError) else next(captions)
                yield from ((photo, own) for own in found)

    if not TYPE_CHECKING:  # which would take any attribute to be there

        def __getattr__(self, name: str) -> Any:
            """Tell people of an earlier version what took the place of two verbs."""
            if name in ("caption_in", "caption_each_in"):
                now = "caption_each(photos, languages=[...])"
                raise AttributeError(f"{name} is gone: {now} captions in several languages.")
            raise AttributeError(f"Captioner has no attribute '{name}'")

    def _captions_in(
        self,
        languages: Sequence[str],
        opened: Sequence[Any],
        options: CaptionOptions | None,
        more: dict[str, Any],
    ) -> list[tuple[Caption, ...]]:
        """Each opened photo's captions, one in each language."""
        if not opened:
            return []
        encoded = self.encode(to_batch(opened, self.model.config.preprocessing))
        captioners = [self.in_language(language) for language in languages]
        found = [captioner.describe(*encoded, options, **more) for captioner in captioners]
        return list(zip(*found, strict=True))

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

    def check(self, options: CaptionOptions) -> None:
        """Raises OptionError for words that must appear and that the model does not know, or that
        its sentences have no room for."""
        self._in_tokens(options)

    def _in_tokens(self, options: CaptionOptions) -> BeamOptions | SamplingOptions:
        """The options as the search takes them, in token ids. Raises OptionError."""
        values = {name: value for name, value in options.all().items() if value is not None}
        avoided = self._avoided(values.pop("avoid", ()))
        values["avoid"] = (*NEVER_WRITTEN, *(own[0] for own in avoided if len(own) == 1))
        values["avoid_phrases"] = tuple(own for own in avoided if len(own) > 1)
        values["repeatable"] = self._repeatable
        if options.is_sampling:
            return SamplingOptions(**values)
        return BeamOptions(**{**values, "require": self.tokens_of(values.get("require", ()))})

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

    def _numbers(self, words: Iterable[str]) -> list[int]:
        """Of those words that the model knows, as they stand or in small letters."""
        forms = (form for word in words for form in {word, word.lower()})
        numbers = (self.vocabulary.number(form) for form in forms)
        return [number for number in numbers if number is not None]

    @cached_property
    def _repeatable(self) -> tuple[int, ...]:
        """Words that sentences repeat at short distance, as "the" and "of" are."""
        words = FUNCTION_WORDS.get(self.language, frozenset())
        return tuple(sorted(self._numbers(words)))

    def _avoided(self, phrases: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of words and phrases to avoid, without those that the model cannot write."""
        found: set[tuple[int, ...]] = set()
        for phrase in phrases:
            known = [(number,) for number in self._numbers([phrase])]
            found.update(known or filter(None, [self._tokens(phrase)[0]]))
        return sorted(found)

    def tokens_of(self, phrases: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """Token ids of words or phrases. Raises OptionError for a word the model does not know."""
        return tuple(map(self._phrase, phrases))

    def _phrase(self, phrase: str) -> tuple[int, ...]:
        numbers, unknown = self._tokens(phrase)
        for word in unknown:
            template = "The model does not know the word '{}' in {}."
            raise OptionError(template, word, in_words(self.language))
        return numbers

    def _tokens(self, phrase: str) -> tuple[tuple[int, ...], list[str]]:
        """Token ids of a phrase, none if it holds unknown words, and these."""
        words = tokenizer(self.language, self.model.config.unit).tokenize(phrase)
        numbers = [self.vocabulary.number(word) for word in words]
        unknown = [word for word, number in zip(words, numbers, strict=True) if number is None]
        return tuple(number for number in numbers if number is not None and not unknown), unknown

    def _captions(self, choices: list[Choice]) -> Caption:
        best, *others = (self._caption(choice.hypothesis) for choice in choices)
        return replace(best, alternatives=tuple(others))

    def _caption(self, hypothesis: Hypothesis) -> Caption:
        tokens = self.vocabulary.decode(hypothesis.tokens)
        text = tokenizer(self.language, self.model.config.unit).detokenize(tokens)
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


def _attempt(opener: Callable[..., Any], photo: Any, detail: int) -> Any:
    try:
        return opener(photo, at_least=detail)
    except ImageError as error:
        return error


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


def load_model(
    name: str | Path | None = None,
    device: torch.device | str | None = None,
    language: str | None = None,
) -> Captioner:
    """Load a model by its name under `weights/`, or from a folder of one's own.

    device: such as "cuda" or "cpu"; the GPU where there is one, if not given.
    language: code of the language to write, such as "zh"; without a name, the installed model that
    writes it is taken. The model's own, if not given.

    Raises ModelError where there is no such model, or its folder cannot be used, and OptionError
    where there is no such device.
    """
    folder, found = find_model(name, language), find_device(device)
    model, vocabulary = read_model(folder)
    captioner = Captioner(model, vocabulary, folder.name, found, folder)
    return captioner.in_language(language) if language else captioner
