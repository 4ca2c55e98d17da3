"""What other programs can call: over HTTP with gradio_client, or as the tools of an MCP server."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio import FileData

from captioner.errors import CaptionerError
from captioner.ui.options import Choices, text
from captioner.ui.series import captions_of
from captioner.ui.telling import tell
from captioner.ui.words import sentence_of
from captioner.ui.zips import photos_in

if TYPE_CHECKING:
    from captioner.pipeline import Caption, Captioner
    from captioner.ui.desk import Desk


class Programs:
    """The end points `/caption` and `/caption_many`; gradio documents them by what stands here.

    They raise gradio.Error with the same sentence that a person would read, in English.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def register(self) -> None:
        """Offer the end points, inside gradio's Blocks."""
        gr.api(self.caption, api_name="caption")
        gr.api(self.caption_many, api_name="caption_many")

    def caption(  # noqa: PLR0917
        self,
        photo: FileData,
        model: str = "",
        language: str = "",
        beam: int = 3,
        top: int = 5,
        max_length: int = 14,
        sampling: bool = False,
        temperature: float = 1.0,
        seed: int = 1,
        include: list[str] | None = None,
        avoid: list[str] | None = None,
    ) -> dict[str, Any]:
        """Describe a photo in a sentence.

        Args:
            photo: the photo, of any common kind.
            model: name of an installed model; the page's own if empty.
            language: "en" or "zh", to write in; the model's own if empty.
            beam: width of the beam search, 1 to 10.
            top: how many sentences, best first, 1 to 10.
            max_length: most words in a sentence, 1 to 30.
            sampling: draw sentences at random instead of taking the best.
            temperature: of the draw: below 1 keeps to likely words, above 1 is bolder.
            seed: of the draw: the same seed gives the same sentences.
            include: words or phrases that must appear; not with sampling.
            avoid: words that must not appear.

        Returns:
            model, language, text, log_prob, probability; and under "alternatives" the next best
            sentences, each with text, log_prob and probability.
        """
        try:
            captioner = self._captioner(model, language)
            choices = Choices(beam, top, max_length, sampling, temperature, seed, include, avoid)  # type: ignore[arg-type]
            told = tell(self.desk.batcher, captioner, self.desk.uploads.take(photo), choices, None)
        except CaptionerError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return _signed(told.caption, captioner)

    def caption_many(  # noqa: PLR0917
        self,
        photos: list[FileData],
        model: str = "",
        language: str = "",
        beam: int = 3,
        top: int = 1,
        max_length: int = 14,
        include: list[str] | None = None,
        avoid: list[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Describe many photos, each in a sentence; the model sees them in batches.

        Args:
            photos: photos of any common kind, or zip files of photos.
            model: name of an installed model; the page's own if empty.
            language: "en" or "zh", to write in; the model's own if empty.
            beam: width of the beam search, 1 to 10.
            top: how many sentences, best first, 1 to 10.
            max_length: most words in a sentence, 1 to 30.
            include: words or phrases that must appear.
            avoid: words that must not appear.

        Returns:
            For each photo, in their order, "image" (its name) and what `caption` returns; or
            "image" and "error", one sentence, where it cannot be read.
        """
        try:
            captioner = self._captioner(model, language)
            choices = Choices(beam, top, max_length, include=include, avoid=avoid)  # type: ignore[arg-type]
            choices.check(captioner)
            listed = photos_in(self.desk.uploads.take_all(photos), self.desk.most_bytes)
        except CaptionerError as error:
            raise gr.Error(str(error), print_exception=False) from error
        wanted = self.desk.visits.wanted_here()
        results = captions_of(self.desk.batcher, captioner, listed, choices, wanted=wanted)
        return [
            {"image": result.name, **_signed(result.caption, captioner)}
            if result.caption
            else {"image": result.name, "error": str(sentence_of(result.error))}
            for result in results
        ]

    def _captioner(self, model: object, language: object) -> Captioner:
        model, language = text("model", model), text("language", language)
        if not model:
            return self.desk.captioner(None, language or self.desk.models.first.language)
        named = self.desk.models.named(model)
        return named.in_language(language) if language else named


def _signed(caption: Caption, captioner: Captioner) -> dict[str, Any]:
    return {
        "model": captioner.name,
        "language": captioner.language,
        **_sentence(caption),
        "alternatives": [_sentence(other) for other in caption.alternatives],
    }


def _sentence(caption: Caption) -> dict[str, Any]:
    return {
        "text": caption.text,
        "log_prob": caption.log_prob,
        "probability": math.exp(caption.log_prob),
    }
