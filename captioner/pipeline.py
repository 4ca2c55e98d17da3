"""`Captioner`: load a model folder, caption photos.

The command, the page and other people's programs all use this one object.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from captioner.decoding import (
    BeamOptions,
    Hypothesis,
    SamplingOptions,
    beam_search,
    sample,
)
from captioner.errors import ImageError, ModelError, OptionError
from captioner.images import ImageSource, open_image, to_batch
from captioner.model import CaptioningModel, for_inference, read_config, read_folder
from captioner.text import END, LANGUAGES, NEVER_WRITTEN, PAD, START, Vocabulary, tokenizer

DEFAULT_MODEL = "flickr8k-en"
PhotoT = TypeVar("PhotoT")


@dataclass(frozen=True)
class Caption:
    """A sentence about a photo.

    text: the sentence. tokens: its words. log_prob: natural logarithm of the model's probability
    of this very sentence. score: what the search ranked it by. attention: `[T, h, w]`, for each
    word where on the photo's grid the model looked (each map sums to one), where it was asked for.
    alternatives: the next best sentences, best first.
    """

    text: str
    tokens: tuple[str, ...]
    log_prob: float
    score: float
    attention: Tensor | None = None
    alternatives: tuple[Caption, ...] = ()


class Captioner:
    """A model ready to caption photos; it takes the model over, which can't be trained after that.

    Options of all its methods, as keywords: those of `BeamOptions` (beam, top, min_length,
    max_length, length_penalty, no_repeat_ngram), or with `sampling=True` those of
    `SamplingOptions` (temperature, top_k, top_p, seed); `avoid` takes words.
    """

    def __init__(
        self,
        model: CaptioningModel,
        vocabulary: Vocabulary,
        name: str = "",
        device: torch.device | str | None = None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = torch.bfloat16 if has_bfloat16(self.device) else torch.float32
        self.model = for_inference(model.to(self.device), self.dtype)
        self.vocabulary = vocabulary
        self.name = name

    @property
    def language(self) -> str:
        """Code of the language that the model writes, such as "en"."""
        return self.model.config.language

    def caption(self, photo: ImageSource, *, attention: bool = False, **options: Any) -> Caption:
        """Caption one photo: a path, the bytes of a file, a Pillow image or a NumPy array.

        Raises ImageError where it cannot be opened, OptionError where an option is out of range.
        """
        return self.caption_batch([photo], attention=attention, **options)[0]

    def caption_batch(
        self, photos: Sequence[ImageSource], *, attention: bool = False, **options: Any
    ) -> list[Caption]:
        """Caption several photos in one batch, in their order. Raises as `caption`."""
        if not photos:
            return []
        preprocessing = self.model.config.preprocessing
        opened = [open_image(photo, at_least=preprocessing.detail) for photo in photos]
        features, grid = self.encode(to_batch(opened, preprocessing))
        return self.describe(features, grid, attention=attention, **options)

    def caption_each(
        self,
        photos: Iterable[PhotoT],
        *,
        batch: int = 32,
        opener: Callable[..., Any] = open_image,
        **options: Any,
    ) -> Iterator[tuple[PhotoT, Caption | ImageError]]:
        """Caption any number of photos, `batch` at a time, each paired with its caption.

        A photo that cannot be opened is paired with its error, and the others go on. opener: opens
        one photo, as `open_image(photo, at_least=pixels)`, for photos that are kept another way.
        """
        detail = self.model.config.preprocessing.detail
        waiting = iter(photos)
        while chunk := list(islice(waiting, batch)):
            results = [_attempt(opener, photo, detail) for photo in chunk]
            opened = [image for image in results if not isinstance(image, ImageError)]
            captions = iter(self.caption_batch(opened, **options))
            for photo, image in zip(chunk, results, strict=True):
                yield photo, image if isinstance(image, ImageError) else next(captions)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Normalised images `[B, 3, S, S]` to grid features `[B, N, D]` and the grid's shape."""
        return self.model.encoder(images.to(self.device, self.dtype))

    @torch.inference_mode()
    def describe(
        self,
        features: Tensor,
        grid: tuple[int, int],
        *,
        attention: bool = False,
        sampling: bool = False,
        avoid: Sequence[str] = (),
        **options: Any,
    ) -> list[Caption]:
        """Caption photos whose grid features `[B, N, D]` are known, without encoding them again."""
        unwanted = (*NEVER_WRITTEN, *self._numbers(avoid))
        search = _search(sampling, {**options, "avoid": unwanted}, self.device)
        decoder = self.model.decoder
        found = search(decoder.step, decoder.start(features), len(features), START, END)
        captions = [self._captions(hypotheses) for hypotheses in found]
        return self._with_attention(captions, found, features, grid) if attention else captions

    def _numbers(self, words: Sequence[str]) -> list[int]:
        """A word that the model does not know is avoided already."""
        forms = (form for word in words for form in {word, word.lower()})
        numbers = (self.vocabulary.number(form) for form in forms)
        return [number for number in numbers if number is not None]

    def _captions(self, hypotheses: list[Hypothesis]) -> Caption:
        best, *others = (self._caption(hypothesis) for hypothesis in hypotheses)
        return replace(best, alternatives=tuple(others))

    def _caption(self, hypothesis: Hypothesis) -> Caption:
        tokens = self.vocabulary.decode(hypothesis.tokens)
        text = tokenizer(self.language, self.model.config.unit).detokenize(tokens)
        return Caption(text, tokens, hypothesis.log_prob, hypothesis.score)

    def _with_attention(
        self,
        captions: list[Caption],
        found: list[list[Hypothesis]],
        features: Tensor,
        grid: tuple[int, int],
    ) -> list[Caption]:
        """Read the best captions once more, all at once, to see where each word was looked for."""
        rows = [[START, *hypotheses[0].tokens, END] for hypotheses in found]
        longest = max(map(len, rows))
        padded = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
        maps = self.model.decoder.attention_maps(features, padded.to(features.device))
        maps = maps.float().unflatten(2, grid).cpu()
        return [
            replace(caption, attention=own[: len(caption.tokens)].clone())
            for caption, own in zip(captions, maps, strict=True)
        ]


def _attempt(opener: Callable[..., Any], photo: Any, detail: int) -> Any:
    try:
        return opener(photo, at_least=detail)
    except ImageError as error:
        return error


def _search(sampling: bool, options: dict[str, Any], device: torch.device) -> Any:
    """Beam search or sampling with these options."""
    try:
        if sampling:
            return partial(sample, options=SamplingOptions(**options), device=device)
        return partial(beam_search, options=BeamOptions(**options), device=device)
    except TypeError as error:
        raise OptionError(f"{str(error).partition('__init__() ')[2] or error}.") from None


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
    language: code of the language that it must write, such as "zh"; without a name, the installed
    model that writes it is taken.

    Raises ModelError where there is no such model, or its folder cannot be used.
    """
    folder = _find(str(name or (_writer_of(language) if language else DEFAULT_MODEL)))
    model, vocabulary = read_folder(folder)
    if language and model.config.language != language:
        own = _in_words(model.config.language)
        raise ModelError(f"The model '{folder.name}' writes {own}, not {_in_words(language)}.")
    return Captioner(model, vocabulary, folder.name, device)


def available_models() -> list[str]:
    """Names of the models that are installed with the package."""
    folders = (path.parent.name for path in weights_folder().glob("*/config.json"))
    return sorted(folders)


def _writer_of(language: str) -> str:
    """The installed model that writes a language; the default one where it does."""
    names = sorted(available_models(), key=lambda name: name != DEFAULT_MODEL)
    written = {name: read_config(weights_folder() / name).language for name in names}
    for name, own in written.items():
        if own == language:
            return name
    known = ", ".join(f"{name} ({own})" for name, own in written.items()) or "none"
    raise ModelError(f"No installed model writes {_in_words(language)}; installed: {known}.")


def _in_words(language: str) -> str:
    return f"{LANGUAGES[language]} ({language})" if language in LANGUAGES else f"'{language}'"


def weights_folder() -> Path:
    """Where installed models lie: inside an installed package, or beside it in a clone."""
    package = Path(__file__).parent
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def _find(name: str) -> Path:
    installed = weights_folder() / name
    is_path = os.sep in name or name.startswith(".")
    if not is_path and (installed / "config.json").is_file():
        return installed
    if Path(name).is_dir() or is_path:
        return Path(name)
    known = ", ".join(available_models()) or "none"
    raise ModelError(f"There is no model named '{name}'; installed: {known}.")
