"""Captions to be scored: what a report is made of, and what an earlier report holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captioner.errors import DatasetError
from captioner.files import MB, raising, read_json
from captioner.text import tokenizer

FORMAT = "captioner report"
VERSION = 1


@dataclass(frozen=True)
class Entry:
    """One photo by its name, with the caption to be scored and its references."""

    image: str
    caption: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Captions:
    """A set of captions.

    title: who wrote them. language: a code such as "en". source: which photos they are of.
    """

    title: str
    language: str
    entries: tuple[Entry, ...]
    source: str = ""

    def tokens(self, unit: str | None = None) -> tuple[list[list[str]], list[list[list[str]]]]:
        """The captions' tokens and their references' tokens, in the language's first unit or this.

        Raises OptionError where there is no such language or unit.
        """
        tokenize = tokenizer(self.language, unit).tokenize
        candidates = [tokenize(entry.caption) for entry in self.entries]
        references = [[tokenize(text) for text in entry.references] for entry in self.entries]
        return candidates, references


def read_report(path: Path) -> Captions:
    """The captions of a report that was saved as JSON; their title is the file's name.

    Raises DatasetError where the file is missing, is something else, or names a photo twice.
    """
    with raising(DatasetError):
        document = read_json(path, most=1000 * MB)
    try:
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            raise KeyError
        entries = tuple(_entry(row) for row in document["captions"])
        language = document["language"]
        tokenizer(language)
    except (KeyError, TypeError, ValueError):
        raise DatasetError("{} is not a report that 'captioner evaluate' saved.", path) from None
    for image, times in Counter(entry.image for entry in entries).items():
        if times > 1:
            raise DatasetError("{} has {} captions for {}.", path, times, image)
    return Captions(path.name, language, entries)


def _entry(row: Any) -> Entry:
    entry = Entry(row["image"], row["caption"], tuple(row["references"]))
    texts = (entry.image, entry.caption, *entry.references)
    if not entry.references or not all(isinstance(text, str) for text in texts):
        raise ValueError
    return entry
