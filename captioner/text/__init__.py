"""Words: from a sentence to tokens, from tokens to numbers, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from captioner.errors import OptionError
from captioner.text import chinese, english
from captioner.text.trigrams import Trigrams
from captioner.text.vocabulary import END, NEVER_WRITTEN, PAD, START, UNKNOWN, Vocabulary


@dataclass(frozen=True)
class Tokenizer:
    """How a language is cut into tokens and put together again.

    corrected: the tokens that a model has written, as the language spells them.
    """

    tokenize: Callable[[str], list[str]]
    detokenize: Callable[[Sequence[str]], str]
    corrected: Callable[[Sequence[str]], tuple[str, ...]] = tuple


LANGUAGES = {"en": "English", "zh": "Chinese"}

_TOKENIZERS = {
    "en": {"word": Tokenizer(english.tokenize, english.detokenize, english.with_articles)},
    "zh": {
        "word": Tokenizer(chinese.tokenize_words, chinese.detokenize),
        "character": Tokenizer(chinese.tokenize_characters, chinese.detokenize),
    },
}


def units(language: str) -> tuple[str, ...]:
    """The units that captions of a language are scored in; the first is the field's own.

    Raises OptionError where there is no tokenizer for the language.
    """
    if language not in _TOKENIZERS:
        raise OptionError(
            "There is no tokenizer for language '{}'; there is: {}.",
            language,
            ", ".join(_TOKENIZERS),
        )
    return tuple(_TOKENIZERS[language])


def tokenizer(language: str, unit: str | None = None) -> Tokenizer:
    """The tokenizer of a language code such as "en", in one of its units, or the first.

    Raises OptionError, saying what there is, where there is none.
    """
    known = units(language)
    unit = unit or known[0]
    if unit not in known:
        raise OptionError(
            "There is no unit '{}' for language '{}'; there is: {}.",
            unit,
            language,
            ", ".join(known),
        )
    return _TOKENIZERS[language][unit]


__all__ = [
    "END",
    "LANGUAGES",
    "NEVER_WRITTEN",
    "PAD",
    "START",
    "UNKNOWN",
    "Tokenizer",
    "Trigrams",
    "Vocabulary",
    "tokenizer",
    "units",
]
