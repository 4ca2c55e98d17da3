"""What other programs can call: over HTTP with gradio_client, or as the tools of an MCP server."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio import FileData

from captioner.captioning import DIGITS
from captioner.captions import Row
from captioner.errors import CaptionerError, ModelError, OptionError
from captioner.options import OPTIONS, CaptionOptions, Number, Phrases
from captioner.text import LANGUAGES
from captioner.ui.bulk import captions_of
from captioner.ui.captioning import tell
from captioner.ui.options import TOP, check, text
from captioner.ui.words import sentence_of
from captioner.ui.zips import photos_in

if TYPE_CHECKING:
    from torch import Tensor

    from captioner.captioning import Caption
    from captioner.pipeline import Captioner
    from captioner.ui.service import Service


def takes_options(**usual: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives an end point an argument for each of `CaptionOptions`, in place of its `**said`.

    gradio, which knows no such collection, documents them and calls with all values in order; the
    docstring's `{options}` becomes a line for each. usual: values where nothing is said.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        kinds = {name: _kind(takes) for name, takes in OPTIONS.items()}
        options = [
            inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=usual.get(name), annotation=kind,
            )
            for name, kind in kinds.items()
        ]  # fmt: skip
        shape = inspect.signature(function)
        *others, _ = shape.parameters.values()
        signature = shape.replace(parameters=[*others, *options])

        @wraps(function)
        def call(*values: Any, **named: Any) -> Any:
            given = signature.bind(*values, **named)
            given.apply_defaults()
            return function(**given.arguments)

        lines = (f"{name}: {takes.described(usual.get(name))}" for name, takes in OPTIONS.items())
        call.__doc__ = str(function.__doc__).replace("{options}", "\n            ".join(lines))
        call.__signature__ = signature  # type: ignore[attr-defined]
        call.__annotations__ = {**function.__annotations__, **kinds}
        return call

    return decorate


def _kind(takes: Number | Phrases) -> Any:
    return takes.kind | None if isinstance(takes, Number) else list[str] | None


class Api:
    """The end points `/caption` and `/caption_many`; gradio documents them by what stands here.

    They raise gradio.Error with the same sentence that a person would read, in English.
    """

    def __init__(self, service: Service) -> None:
        self.service = service

    def register(self) -> None:
        """Offer the end points, inside gradio's Blocks."""
        gr.api(self.caption, api_name="caption")
        gr.api(self.caption_many, api_name="caption_many")

    @takes_options(top=TOP)
    def caption(
        self,
        photo: FileData,
        model: str = "",
        language: str = "",
        details: list[str] | None = None,
        **said: Any,
    ) -> dict[str, Any]:
        """Describe a photo in a sentence.

        Args:
            photo: the photo, of any common kind.
            model: name of an installed model; the page's own if empty.
            language: "en" or "zh", to write in; the model's own if empty.
            details: how the sentence came about, as any of "words", "attention" and "trace"
            {options}

        Returns:
            language, caption, log_prob, score, model, probability, certainty; and under
            "alternatives" the next best sentences, each with caption, log_prob, score and
            probability. Beside them what `details` asks for.
        """
        try:
            captioner = self._captioner(model, language)
            options = CaptionOptions(**said)
            wanted = _details(details)
            upload = self.service.uploads.take(photo)
            told = tell(
                self.service.batcher, captioner, upload, options, None, trace="trace" in wanted
            )
        except CaptionerError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return _answer(told.caption, captioner, wanted)

    @takes_options()
    def caption_many(
        self,
        photos: list[FileData],
        model: str = "",
        language: str = "",
        details: list[str] | None = None,
        **said: Any,
    ) -> list[dict[str, Any]]:
        """Describe many photos, each in a sentence; the model sees them in batches.

        Args:
            photos: photos of any common kind, or zip files of photos.
            model: name of an installed model; the page's own if empty.
            language: "en" or "zh", to write in; the model's own if empty.
            details: how the sentence came about, as any of "words", "attention" and "trace"
            {options}

        Returns:
            For each photo, in their order, "image" (its name) and what `caption` returns; or
            "image" and "error", one sentence, where it cannot be read.
        """
        try:
            captioner = self._captioner(model, language)
            options = CaptionOptions(**said)
            asked = _details(details)
            check(options, captioner)
            listed = photos_in(self.service.uploads.take_all(photos), self.service.most_bytes)
        except CaptionerError as error:
            raise gr.Error(str(error), print_exception=False) from error
        wanted = self.service.visits.wanted_here()
        results = captions_of(
            self.service.batcher, captioner, listed, options,
            attention="attention" in asked, trace="trace" in asked, wanted=wanted,
        )  # fmt: skip
        return [
            {"image": result.name, **_answer(result.caption, captioner, asked)}
            if result.caption
            else Row(result.name, error=sentence_of(result.error)).as_dict()
            for result in results
        ]

    def _captioner(self, model: object, language: object) -> Captioner:
        """Raises OptionError for a language that is none, ModelError where no model writes it."""
        name, code = text("model", model), _language(language)
        if name:
            named = self.service.models.named(name)
            return named.in_language(code) if code else named
        captioner = self.service.captioner(None, code or self.service.models.first.language)
        if code and captioner.language != code:
            known = ", ".join(self.service.models.languages)
            raise ModelError("No installed model writes {}; installed: {}.", code, known)
        return captioner


def _language(value: object) -> str:
    """The code of a language such as "zh" or "zh-CN"; none is an empty one. Raises OptionError."""
    given = text("language", value)
    code = re.split("[-_]", given.strip().lower())[0]
    if given and code not in LANGUAGES:
        raise OptionError(
            "There is no language '{}' here; there is: {}.", given, ", ".join(LANGUAGES)
        )
    return code


def _details(value: object) -> frozenset[str]:
    """What an answer holds beside the sentence. Raises OptionError."""
    listed = value or []
    if not isinstance(listed, list) or not set(map(str, listed)) <= set(DETAILS):
        raise OptionError("details must be a list of any of {}.", ", ".join(DETAILS))
    return frozenset(listed)


def _answer(caption: Caption, captioner: Captioner, details: frozenset[str]) -> dict[str, Any]:
    """A caption's row without the photo's name, each sentence's probability, the certainty of the
    best, and what else was asked for of it."""
    answer = caption.row("", captioner.name).as_dict()
    answer.setdefault("alternatives", [])
    for sentence in (answer, *answer["alternatives"]):
        sentence["probability"] = math.exp(sentence["log_prob"])
    certainty = caption.certainty
    answer["certainty"] = None if certainty is None else round(certainty, DIGITS)
    return answer | {name: DETAILS[name](caption) for name in DETAILS if name in details}


def _words(caption: Caption) -> list[dict[str, Any]]:
    return [
        {
            "word": own.text,
            "probability": round(own.probability, DIGITS),
            "likeliest": {word: round(chance, DIGITS) for word, chance in own.likeliest},
        }
        for own in caption.words
    ]


def _attention(caption: Caption) -> Any:
    return None if caption.attention is None else _numbers(caption.attention)


def _trace(caption: Caption) -> dict[str, Any] | None:
    if caption.trace is None:
        return None
    return {own.name: _numbers(getattr(caption.trace, own.name)) for own in fields(caption.trace)}


def _numbers(tensor: Tensor) -> Any:
    """A tensor as lists, each number with as many digits as JSON needs of it."""
    return (tensor.double() * 10**DIGITS).round().div(10**DIGITS).tolist()


DETAILS: dict[str, Callable[[Caption], Any]] = {
    "words": _words,
    "attention": _attention,
    "trace": _trace,
}
