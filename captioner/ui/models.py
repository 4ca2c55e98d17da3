"""The models that the page offers: the one it was started with, and the other installed ones."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from captioner.ui.words import WORDS

if TYPE_CHECKING:
    from captioner.pipeline import Captioner


class Models:
    """Captioners by name; those that nobody has asked for yet are not loaded.

    first: the captioner that the page was started with. others: languages of further installed
    models, by their names.
    """

    def __init__(self, first: Captioner, others: Mapping[str, Sequence[str]]) -> None:
        self.first = first
        self.languages = {first.name: first.languages, **others}
        self._loaded = {first.name: first}
        self._lock = threading.Lock()

    def named(self, name: str) -> Captioner:
        """The captioner of that name. Raises ModelError where there is none or it is unusable."""
        from captioner.errors import ModelError
        from captioner.loading import load_model

        if name not in self.languages:
            known = ", ".join(self.languages)
            raise ModelError("There is no model named '{}'; installed: {}.", name, known)
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = cast("Captioner", load_model(name, self.first.device))
            return self._loaded[name]

    def writing(self, language: str, name: str = "") -> Captioner:
        """A captioner that writes the language, of the named model or of the first that does; where
        there is none, the named model or the page's own in its own language.

        Raises ModelError as `named`.
        """
        names = [name] if name else list(self.languages)
        for own in names:
            if language in self.languages.get(own, ()):
                return self.named(own).in_language(language)
        return self.named(name) if name else self.first

    def others(self, captioner: Captioner, name: str = "") -> list[Captioner]:
        """For each other language of the page a captioner that writes it, where there is one.

        name: the model's that was asked for. Raises ModelError as `named`.
        """
        writers = [self.writing(code, name) for code in WORDS if code != captioner.language]
        return [writer for writer in writers if writer.language != captioner.language]


def installed(first: Captioner) -> Models:
    """The captioner, and all models that are installed with the package."""
    from captioner.installed import available_models, weights_folder
    from captioner.model import languages_of

    others = {name: languages_of(weights_folder() / name) for name in available_models()}
    others.pop(first.name, None)
    return Models(first, others)
