"""What other programs can call: over HTTP with gradio_client, or as the tools of an MCP server."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio import FileData

from captioner.captions import Row
from captioner.errors import CaptionerError
from captioner.options import OPTIONS, CaptionOptions, Number, Phrases
from captioner.ui.bulk import captions_of
from captioner.ui.captioning import tell
from captioner.ui.options import TOP, check, text
from captioner.ui.words import sentence_of
from captioner.ui.zips import photos_in

if TYPE_CHECKING:
    from captioner.pipeline import Caption, Captioner
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
        self, photo: FileData, model: str = "", language: str = "", **said: Any
    ) -> dict[str, Any]:
        """Describe a photo in a sentence.

        Args:
            photo: the photo, of any common kind.
            model: name of an installed model; the page's own if empty.
            language: "en" or "zh", to write in; the model's own if empty.
            {options}

        Returns:
            language, caption, log_prob, score, model, probability; and under "alternatives" the
            next best sentences, each with caption, log_prob, score and probability.
        """
        try:
            captioner = self._captioner(model, language)
            options = CaptionOptions(**said)
            told = tell(
                self.service.batcher, captioner, self.service.uploads.take(photo), options, None
            )
        except CaptionerError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return _answer(told.caption, captioner)

    @takes_options()
    def caption_many(
        self, photos: list[FileData], model: str = "", language: str = "", **said: Any
    ) -> list[dict[str, Any]]:
        """Describe many photos, each in a sentence; the model sees them in batches.

        Args:
            photos: photos of any common kind, or zip files of photos.
            model: name of an installed model; the page's own if empty.
            language: "en" or "zh", to write in; the model's own if empty.
            {options}

        Returns:
            For each photo, in their order, "image" (its name) and what `caption` returns; or
            "image" and "error", one sentence, where it cannot be read.
        """
        try:
            captioner = self._captioner(model, language)
            options = CaptionOptions(**said)
            check(options, captioner)
            listed = photos_in(self.service.uploads.take_all(photos), self.service.most_bytes)
        except CaptionerError as error:
            raise gr.Error(str(error), print_exception=False) from error
        wanted = self.service.visits.wanted_here()
        results = captions_of(self.service.batcher, captioner, listed, options, wanted=wanted)
        return [
            {"image": result.name, **_answer(result.caption, captioner)}
            if result.caption
            else Row(result.name, error=sentence_of(result.error)).as_dict()
            for result in results
        ]

    def _captioner(self, model: object, language: object) -> Captioner:
        model, language = text("model", model), text("language", language)
        if not model:
            return self.service.captioner(None, language or self.service.models.first.language)
        named = self.service.models.named(model)
        return named.in_language(language) if language else named


def _answer(caption: Caption, captioner: Captioner) -> dict[str, Any]:
    """A caption's row without the photo's name, and each sentence's probability."""
    answer = caption.row("", captioner.name).as_dict()
    answer.setdefault("alternatives", [])
    for sentence in (answer, *answer["alternatives"]):
        sentence["probability"] = math.exp(sentence["log_prob"])
    return answer
