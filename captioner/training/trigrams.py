"""The trigrams that people wrote, for the search of a finished model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from captioner.datasets import Record
from captioner.datasets.files import read_lines
from captioner.text import END, UNKNOWN, Trigrams, Vocabulary, tokenizer
from captioner.training.recipe import Recipe

_BITS = 10  # of the filter for each trigram or pair, at least
_COMMON = 10  # times that a pair of words is written


def seen_trigrams(recipe: Recipe, records: Iterable[Record], vocabulary: Vocabulary) -> Trigrams:
    """Those of the captions to train on, among these records, and of the recipe's `trigrams`.

    Raises DatasetError where a file of sentences cannot be read.
    """
    files = (read_lines(recipe.path(name)) for name in recipe.trigrams)
    captions = (record.captions for record in records if record.split == "train")
    tokenize = tokenizer(recipe.data.language, recipe.data.unit).tokenize
    sentences = map(tokenize, chain.from_iterable(chain(files, captions)))
    return replace(trigrams_of(sentences, vocabulary), penalty=recipe.unseen_penalty)


def trigrams_of(sentences: Iterable[Sequence[str]], vocabulary: Vocabulary) -> Trigrams:
    """Those of tokenized sentences, their start and end among them, without unknown words."""
    numbers = chain.from_iterable(map(vocabulary.encode, sentences))
    tokens = np.fromiter(numbers, np.int64)
    trigrams, _ = _ngrams(tokens, 3, len(vocabulary))
    pairs, counts = _ngrams(tokens, 2, len(vocabulary))
    pairs = pairs[counts >= _COMMON]
    least = -(-_BITS * (len(trigrams) + len(pairs)) // 8)
    return Trigrams.of(trigrams, pairs, 1 << max(0, least - 1).bit_length())


def _ngrams(
    tokens: NDArray[np.int64], n: int, words: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Those that are within sentences and of known words, `[m, n]`, and how often each is there."""
    if len(tokens) < n:
        return np.empty((0, n), np.int64), np.empty(0, np.int64)
    rows = np.lib.stride_tricks.sliding_window_view(tokens, n)
    rows = rows[(rows[:, :-1] != END).all(axis=1) & (rows != UNKNOWN).all(axis=1)]
    powers = words ** np.arange(n)[::-1]
    numbers, counts = np.unique(rows @ powers, return_counts=True)
    return numbers[:, None] // powers % words, counts
