"""Words: from a sentence to tokens, from tokens to numbers, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from captioner.errors import OptionError
from captioner.text import english
from captioner.text.vocabulary import END, PAD, START, UNKNOWN, Vocabulary


@dataclass(frozen=True)
class Tokenizer:
    """How a language is cut into tokens and put together again."""

    tokenize: Callable[[str], list[str]]
    detokenize: Callable[[Sequence[str]], str]


_TOKENIZERS = {"en": Tokenizer(english.tokenize, english.detokenize)}


def tokenizer(language: str) -> Tokenizer:
    """The tokenizer of a language code such as "en". Raises OptionError where there is none."""
    if language not in _TOKENIZERS:
        known = ", ".join(sorted(_TOKENIZERS))
        raise OptionError(f"There is no tokenizer for language '{language}'; there is: {known}.")
    return _TOKENIZERS[language]


__all__ = ["END", "PAD", "START", "UNKNOWN", "Tokenizer", "Vocabulary", "tokenizer"]
