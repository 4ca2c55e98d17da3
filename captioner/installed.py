"""The models that are installed, and where a name leads; needs no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from captioner.errors import ModelError
from captioner.messages import Message
from captioner.model.folder import languages_of
from captioner.text import LANGUAGES

DEFAULT_MODEL = "base-en"


def find_model(name: str | Path | None = None, language: str | None = None) -> Path:
    """The folder of a model as `load_model` is told it. Raises ModelError where there is none."""
    return model_folder(str(name or (_writer_of(language) if language else DEFAULT_MODEL)))


def available_models() -> list[str]:
    """Names of the models that are installed with the package."""
    folders = (path.parent.name for path in weights_folder().glob("*/config.json"))
    return sorted(folders)


def _writer_of(language: str) -> str:
    """The installed model that writes a language; the default one where it does."""
    names = sorted(available_models(), key=lambda name: name != DEFAULT_MODEL)
    written = {name: languages_of(weights_folder() / name) for name in names}
    for name, codes in written.items():
        if language in codes:
            return name
    known = _listed(f"{name} ({', '.join(codes)})" for name, codes in written.items())
    raise ModelError("No installed model writes {}; installed: {}.", in_words(language), known)


def in_words(language: str) -> Message:
    """A language as sentences call it, by its code."""
    if language in LANGUAGES:
        return Message(f"{LANGUAGES[language]} ({language})")
    return Message("'{}'", language)


def writes_not(model: str, languages: Iterable[str], language: str) -> ModelError:
    """The error that a model writes these languages and not that one."""
    known = Message(", ".join(str(in_words(code)) for code in languages))
    return ModelError("The model '{}' writes {}, not {}.", model, known, in_words(language))


def _listed(names: Iterable[str]) -> str | Message:
    return ", ".join(names) or Message("none")


def weights_folder() -> Path:
    """Where installed models lie: inside an installed package, or beside it in a clone."""
    package = Path(__file__).parent
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def model_folder(name: str) -> Path:
    """The folder of an installed model, or the one of one's own that `name` is a path of.

    Raises ModelError where there is neither.
    """
    installed = weights_folder() / name
    is_path = os.sep in name or name.startswith(".")
    if not is_path and os.path.isfile(installed / "config.json"):
        return installed
    if is_path or os.path.isdir(name):
        return Path(name)
    known = _listed(available_models())
    raise ModelError("There is no model named '{}'; installed: {}.", name, known)
