"""The files of a model folder, and what it says of itself; needs no torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from captioner.errors import ModelError
from captioner.fields import shown
from captioner.files import MB, raising, read_json
from captioner.model.format_1 import config_of_today
from captioner.text import LANGUAGES, Trigrams

FORMAT_VERSION = 2
CONFIG, WEIGHTS, VOCABULARY, CARD, TRIGRAMS = (
    "config.json",
    "model.safetensors",
    "vocabulary.json",
    "README.md",
    "trigrams.bin",
)


def languages_of(folder: Path) -> tuple[str, ...]:
    """Codes of the languages that a model folder writes, its own first.

    Raises ModelError where there is no model folder.
    """
    path = folder / CONFIG
    first = read_raw_config(path).get("language", "en")
    if first not in tuple(LANGUAGES):
        raise ModelError("{} is not the configuration of a captioner model.", path)
    others = [code for code in LANGUAGES if code != first]
    return first, *(code for code in others if os.path.isfile(folder / code / CONFIG))


def read_trigrams(folder: Path, penalty: float) -> Trigrams | None:
    """The trigrams of a model folder whose configuration has such a penalty; nothing where it has
    none. Raises ModelError where they are missing or damaged."""
    return Trigrams.load(folder / TRIGRAMS, penalty) if penalty else None


def read_raw_config(path: Path) -> dict[str, Any]:
    """What a `config.json` holds, of a format that is known. Raises ModelError."""
    if not os.path.lexists(path):
        raise ModelError("{} is missing, so {} is not a model folder.", path, path.parent)
    with raising(ModelError):
        raw = read_json(path, most=MB)
    version = raw.pop("format_version", None) if isinstance(raw, dict) else None
    if type(version) is not int or version < 1:
        raise ModelError("{} is not the configuration of a captioner model.", path)
    if version > FORMAT_VERSION:
        raise ModelError(
            "{} has format {}, and this version of captioner reads formats up to {}: please update "
            "captioner.",
            path,
            shown(version),
            FORMAT_VERSION,
        )
    return config_of_today(raw) if version == 1 else raw
