"""What every captioner does, whatever computes for it: open photos, encode them once, describe them
in one language or several. `captioner.pipeline` computes by torch, `captioner.onnx` without it.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from captioner.captions import Alternative, Row
from captioner.chunks import chunks
from captioner.decoding.types import BeamOptions, Hypothesis, SamplingOptions
from captioner.errors import ImageError, OptionError
from captioner.images import ImageSource, Preprocessing, open_image
from captioner.installed import in_words, writes_not
from captioner.options import CaptionOptions
from captioner.text import NEVER_WRITTEN, Trigrams, Vocabulary, tokenizer
from captioner.text.function_words import FUNCTION_WORDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

DIGITS = 4  # of log-probabilities and scores that are written down
_LEAST = 1e-30  # of a probability, or it has no logarithm
PhotoT = TypeVar("PhotoT")
ArrayT = TypeVar("ArrayT")
OwnT = TypeVar("OwnT", bound="PhotoCaptioner[Any]")


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


@dataclass(frozen=True)
class Word:
    """What a decoder thought of one word of its sentence, given those that it had written before.

    text: the word; empty for the sentence's end. probability: of it. likeliest: the likeliest words
    at that point and their probabilities, best first; the end is empty there, too.
    """

    text: str
    probability: float
    likeliest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Branch:
    """A beginning that a step of the beam search has weighed.

    words: of it. ended: whether the sentence ended there. log_prob: natural logarithm of its
    probability, less what trigrams lose that nobody wrote. kept: whether the search went on from
    there, or took it as a sentence.
    """

    words: tuple[str, ...]
    ended: bool
    log_prob: float
    kept: bool


@dataclass(frozen=True, repr=False)
class Caption:
    """A sentence about a photo.

    text: the sentence. tokens: its words. log_prob: natural logarithm of the model's probability
    of this very sentence. score: what it was ranked by, the former scaled for the length, less what
    trigrams lose that nobody wrote.
    attention: `[T, h, w]`, for each word where on the photo's grid the model looked (each map sums
    to one), where it was asked for; a NumPy array from an exported model. words: of each
    token, and of the end where the sentence was not cut off, where they were asked for. trace: of
    the gates, where it was asked for and the model's cell is an LSTM. search: the branches of each
    step of the beam search, likeliest first, where they were asked for; of two directions, the
    forward one. alternatives: the next best sentences, best first, without trace and search.
    language: its code.
    """

    text: str
    tokens: tuple[str, ...]
    log_prob: float
    score: float
    attention: Any = None
    words: tuple[Word, ...] = ()
    trace: Trace | None = None
    search: tuple[tuple[Branch, ...], ...] = ()
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
            parts.append(f"alternatives={[str(other) for other in self.alternatives]}")
        return f"Caption({', '.join(parts)}, language={self.language!r})"

    def row(self, image: str, model: str = "", trigger: str = "") -> Row:
        """What is written of it about a photo.

        image: the photo's name. model: its name. trigger: a phrase before each sentence.
        """
        best, *others = (
            Alternative(
                f"{trigger} {caption.text}".strip(),
                round(caption.log_prob, DIGITS),
                round(caption.score, DIGITS),
            )
            for caption in (self, *self.alternatives)
        )
        return Row(
            image, best.caption, self.language, best.log_prob, best.score, model, tuple(others)
        )

    @property
    def certainty(self) -> float | None:
        """The geometric mean of the probabilities of the words that tell what is on the photo, from
        0 to 1.

        None without `words`, of a sentence that was cut off, whose words its end could not follow,
        and of one that has no such word.
        """
        if len(self.words) <= len(self.tokens):
            return None
        function = FUNCTION_WORDS.get(self.language, frozenset())
        content = [word.probability for word in self.words[:-1] if word.text not in function]
        if not content:
            return None
        return math.exp(sum(math.log(max(p, _LEAST)) for p in content) / len(content))


class PhotoCaptioner(ABC, Generic[ArrayT]):
    """A model ready to caption photos; `ArrayT` is what it computes with.

    name: the model's. vocabulary, language, unit: the words that it writes, the code of their
    language, and what they are (`captioner.text.units`). preprocessing: how photos become what it
    encodes. device: the one that computes. trigrams: those that people write, where they are known.

    What describes photos takes `CaptionOptions`, and single ones of them as keywords. With
    `attention=True` a caption also holds how it came about.
    """

    name: str
    vocabulary: Vocabulary
    language: str
    unit: str
    preprocessing: Preprocessing
    device: Any
    trigrams: Trigrams | None = None

    def __init__(self) -> None:
        self._siblings = {self.language: self}
        self._loading = threading.Lock()

    @property
    @abstractmethod
    def languages(self) -> tuple[str, ...]:
        """Codes of all languages that `in_language` knows, the model's own first."""

    @abstractmethod
    def encode_photos(self, opened: Sequence[Any]) -> tuple[ArrayT, tuple[int, int]]:
        """Opened photos to grid features `[B, N, D]` and the grid's shape."""

    @abstractmethod
    def encode_pixels(self, pixels: NDArray[np.uint8]) -> tuple[ArrayT, tuple[int, int]]:
        """Photos in the model's own size `uint8 [B, S, S, 3]` to grid features and grid."""

    @abstractmethod
    def describe(
        self,
        features: ArrayT,
        grid: tuple[int, int],
        options: CaptionOptions | None = None,
        *,
        attention: bool = False,
        trace: bool = False,
        **said: Any,
    ) -> list[Caption]:
        """Caption photos whose grid features `[B, N, D]` are known, without encoding them again."""

    @abstractmethod
    def _sibling(self: OwnT, language: str) -> OwnT:
        """Load what writes another of the `languages`."""

    def in_language(self: OwnT, language: str) -> OwnT:
        """The captioner of another language on the same encoder, loaded when it is first asked for.

        What one of them has encoded, the other can describe.

        Raises ModelError where the model does not write that language.
        """
        with self._loading:
            if language not in self._siblings:
                if language not in self.languages:
                    raise writes_not(self.name, self.languages, language)
                sibling = self._sibling(language)
                sibling._siblings, sibling._loading = self._siblings, self._loading
                self._siblings[language] = sibling
            return self._siblings[language]  # type: ignore[return-value]

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
        `captioner.images.open_image`. more: single options, and what is beside them in
        `describe`.

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
        detail = self.preprocessing.detail
        opened = [open_image(photo, at_least=detail) for photo in photos]
        return [
            caption for (caption,) in self._captions_in((self.language,), opened, options, more)
        ]

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
        for chunk in chunks(photos, batch):
            results = [_attempt(opener, photo, self.preprocessing.detail) for photo in chunk]
            opened = [image for image in results if not isinstance(image, ImageError)]
            captions = iter(self._captions_in(languages, opened, options, more))
            for photo, image in zip(chunk, results, strict=True):
                found = (image,) if isinstance(image, ImageError) else next(captions)
                yield from ((photo, caption) for caption in found)

    if not TYPE_CHECKING:  # which would take any attribute to be there

        def __getattr__(self, name: str) -> Any:
            """Tell people of an earlier version what took the place of two verbs."""
            if name in ("caption_in", "caption_each_in"):
                now = "caption_each(photos, languages=[...])"
                raise AttributeError(f"{name} is gone: {now} captions in several languages.")
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")

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
        encoded = self.encode_photos(opened)
        captioners = [self.in_language(language) for language in languages]
        found = [captioner.describe(*encoded, options, **more) for captioner in captioners]
        return list(zip(*found, strict=True))

    def _caption(self, hypothesis: Hypothesis) -> Caption:
        language = tokenizer(self.language, self.unit)
        tokens = language.corrected(self.vocabulary.decode(hypothesis.tokens))
        text = language.detokenize(tokens)
        return Caption(text, tokens, hypothesis.log_prob, hypothesis.score, language=self.language)

    def check(self, options: CaptionOptions) -> None:
        """Raises OptionError for words that must appear and that the model does not know, or that
        its sentences have no room for."""
        self._in_tokens(options)

    def _in_tokens(self, options: CaptionOptions) -> BeamOptions | SamplingOptions:
        """The options as the search takes them, in token ids. Raises OptionError."""
        values = {name: value for name, value in options.all().items() if value is not None}
        avoided = self._avoided(values.pop("avoid", ()))
        values["avoid"] = (*NEVER_WRITTEN, *(phrase[0] for phrase in avoided if len(phrase) == 1))
        values["avoid_phrases"] = tuple(phrase for phrase in avoided if len(phrase) > 1)
        values["repeatable"] = self._repeatable
        if options.is_sampling:
            return SamplingOptions(**values)
        values["require"] = self.tokens_of(values.get("require", ()))
        return BeamOptions(**values, trigrams=self.trigrams)

    @cached_property
    def _repeatable(self) -> tuple[int, ...]:
        return repeatable(self.vocabulary, self.language)

    def _avoided(self, phrases: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of words and phrases to avoid, without those that the model cannot write."""
        found: set[tuple[int, ...]] = set()
        for phrase in phrases:
            known = [(number,) for number in self.vocabulary.numbers([phrase])]
            found.update(known or filter(None, [self._tokens(phrase)[0]]))
        return sorted(found)

    def tokens_of(self, phrases: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """Token ids of words or phrases. Raises OptionError for a word the model does not know."""
        return tuple(map(self._phrase, phrases))

    def _phrase(self, phrase: str) -> tuple[int, ...]:
        numbers, unknown = self._tokens(phrase)
        return numbers or tuple(map(self._known, unknown))

    def _known(self, word: str) -> int:
        """The number of a word as it stands. Raises OptionError where it is not known."""
        number = self.vocabulary.number(word)
        if number is None:
            template = "The model does not know the word '{}' in {}."
            raise OptionError(template, word, in_words(self.language))
        return number

    def _tokens(self, phrase: str) -> tuple[tuple[int, ...], list[str]]:
        """Token ids of a phrase, none if it holds unknown words, and these."""
        words = tokenizer(self.language, self.unit).tokenize(phrase)
        numbers = [self.vocabulary.number(word) for word in words]
        unknown = [word for word, number in zip(words, numbers, strict=True) if number is None]
        return tuple(number for number in numbers if number is not None and not unknown), unknown


def repeatable(vocabulary: Vocabulary, language: str) -> tuple[int, ...]:
    """Token ids of words that sentences repeat at short distance, as "the" and "of" are."""
    return tuple(sorted(vocabulary.numbers(FUNCTION_WORDS.get(language, frozenset()))))


def _attempt(opener: Callable[..., Any], photo: Any, detail: int) -> Any:
    try:
        return opener(photo, at_least=detail)
    except ImageError as error:
        return error
