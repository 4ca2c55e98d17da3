"""The models that the page offers: the one it was started with, and the other installed ones."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captioner.pipeline import Captioner


class Models:
    """Captioners by name; those that nobody has asked for yet are not loaded.

    first: the captioner that the page was started with. others: languages of further installed
    models, by their names.
    """

    def __init__(self, first: Captioner, others: dict[str, str]) -> None:
        self.first = first
        self.languages = {first.name: first.language, **others}
        self._loaded = {first.name: first}
        self._lock = threading.Lock()

    def named(self, name: str) -> Captioner:
        """The captioner of that name. Raises ModelError where there is none or it is unusable."""
        from captioner.errors import ModelError
        from captioner.pipeline import load_model

        if name not in self.languages:
            known = ", ".join(self.languages)
            raise ModelError(f"There is no model named '{name}'; installed: {known}.")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load_model(name, self.first.device)
            return self._loaded[name]

    def writing(self, language: str) -> Captioner:
        """A captioner that writes the language; the page's own where there is none."""
        names = [name for name, own in self.languages.items() if own == language]
        return self.named(names[0]) if names else self.first


def installed(first: Captioner) -> Models:
    """The captioner, and all models that are installed with the package."""
    from captioner.model import read_config
    from captioner.pipeline import available_models, weights_folder

    others = {name: read_config(weights_folder() / name).language for name in available_models()}
    others.pop(first.name, None)
    return Models(first, others)
