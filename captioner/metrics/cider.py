"""CIDEr-D (Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015)."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from captioner.errors import DatasetError
from captioner.metrics.inputs import (
    LONGEST_NGRAM,
    Ngram,
    Tokens,
    check_pairs,
    check_references,
    ngram_counts,
)

_SIGMA = 6.0  # width of the length penalty, in words
_SCALE = 10.0
_FORMAT = "captioner document frequencies"
_VERSION = 1
# Enough for every caption of a training set of ten thousand images, about 300 MB when full.
_CACHED_REFERENCES = 50_000


@dataclass(frozen=True)
class _Vector:
    """A caption as TF-IDF weights of its n-grams, with the norm of each n-gram length."""

    weights: dict[Ngram, float]
    norms: tuple[float, ...]
    length: int


class CiderD:
    """CIDEr-D with document frequencies that are counted once and may be kept in a file.

    A score is on the field's scale, where published figures are 100 times the mean. Document
    frequencies come from the references of the scored images (`from_references`) when reporting,
    and from the training captions when the score is a reward.

    Args:
        document_frequencies: for each n-gram of one to four tokens, in how many images' references
            it occurs.
        images: how many images were counted, at least 1.
    """

    def __init__(self, document_frequencies: Mapping[Ngram, int], images: int) -> None:
        self.document_frequencies = document_frequencies
        self.images = images
        self._log_images = math.log(images) if images else 0.0
        self._reference_vector = lru_cache(maxsize=_CACHED_REFERENCES)(self._vector)

    @classmethod
    def from_references(cls, references: Sequence[Sequence[Tokens]]) -> "CiderD":
        """Counts document frequencies in one list of tokenised references for each image.

        Raises OptionError if an image has no reference.
        """
        check_references(references)
        frequencies: Counter[Ngram] = Counter()
        for group in references:
            frequencies.update({ngram for reference in group for ngram in ngram_counts(reference)})
        return cls(frequencies, len(references))

    def score(
        self, candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]
    ) -> list[float]:
        """CIDEr-D of each candidate, from 0 to 10.

        Raises OptionError if the two lists differ in length or a candidate has no reference.
        """
        check_pairs(candidates, references)
        return [self._score(*pair) for pair in zip(candidates, references, strict=True)]

    def save(self, path: str | Path) -> None:
        """Writes the document frequencies as JSON, for `load`."""
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "images": self.images,
            "frequencies": [[count, *ngram] for ngram, count in self.document_frequencies.items()],
        }
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        Path(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "CiderD":
        """Reads what `save` wrote. Raises DatasetError if it is missing or something else."""
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            reason = error.strerror or error
            raise DatasetError(f"'{path}' cannot be read ({reason}).") from error
        except ValueError as error:
            raise DatasetError(f"'{path}' is not a JSON file.") from error
        if not _is_valid(document):
            raise DatasetError(f"'{path}' does not hold document frequencies of this version.")
        rows = document["frequencies"]
        return cls({tuple(ngram): count for count, *ngram in rows}, document["images"])

    def _score(self, candidate: Tokens, references: Sequence[Tokens]) -> float:
        vector = self._vector(tuple(candidate))
        similarities = [
            _similarity(vector, self._reference_vector(tuple(reference)))
            for reference in references
        ]
        return _SCALE * sum(similarities) / len(similarities)

    def _vector(self, tokens: tuple[str, ...]) -> _Vector:
        weights: dict[Ngram, float] = {}
        squares = [0.0] * LONGEST_NGRAM
        for ngram, count in ngram_counts(tokens).items():
            in_images = max(1, self.document_frequencies.get(ngram, 0))
            weight = count * (self._log_images - math.log(in_images))
            weights[ngram] = weight
            squares[len(ngram) - 1] += weight**2
        # The field's scorer takes the number of bigrams for the length.
        length = max(len(tokens) - 1, 0)
        return _Vector(weights, tuple(math.sqrt(square) for square in squares), length)


def _similarity(candidate: _Vector, reference: _Vector) -> float:
    """Mean over n of the clipped cosine, lowered where the two lengths differ."""
    products = [0.0] * LONGEST_NGRAM
    for ngram, weight in candidate.weights.items():
        other = reference.weights.get(ngram)
        if other is not None:
            products[len(ngram) - 1] += min(weight, other) * other
    cosines = [
        product / (first * second)
        for product, first, second in zip(products, candidate.norms, reference.norms, strict=True)
        if first and second
    ]
    difference = candidate.length - reference.length
    return math.exp(-(difference**2) / (2 * _SIGMA**2)) * sum(cosines) / LONGEST_NGRAM


def _is_valid(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    images, rows = document.get("images"), document.get("frequencies")
    return (
        document.get("format") == _FORMAT
        and document.get("version") == _VERSION
        and isinstance(images, int)
        and isinstance(rows, list)
        and all(_is_valid_row(row, images) for row in rows)
    )


def _is_valid_row(row: object, images: int) -> bool:
    return (
        isinstance(row, list)
        and 1 < len(row) <= LONGEST_NGRAM + 1
        and isinstance(row[0], int)
        and 0 < row[0] <= images
        and all(isinstance(word, str) for word in row[1:])
    )
