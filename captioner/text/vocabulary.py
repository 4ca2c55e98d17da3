"""The words a model can write, and their numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from captioner.errors import ModelError
from captioner.files import MB, raising, read_json

PAD, START, END, UNKNOWN = 0, 1, 2, 3
NEVER_WRITTEN = (PAD, START, UNKNOWN)  # a caption may end, but has none of these
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")


@dataclass(frozen=True)
class Vocabulary:
    """An ordered list of words; the first four are padding, start, end and unknown."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[: len(SPECIAL)] != SPECIAL or len(set(self.words)) != len(self.words):
            raise ModelError("A vocabulary starts with {} and repeats no word.", ", ".join(SPECIAL))
        if not _is_writable("".join(self.words)):
            raise ModelError(
                "A vocabulary holds no half characters, which no file can hold either."
            )

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], min_count: int = 1) -> Vocabulary:
        """Keep the words seen at least `min_count` times, as `of_counts` does."""
        return cls.of_counts(Counter(chain.from_iterable(captions)), min_count)

    @classmethod
    def of_counts(cls, counts: Mapping[str, int], min_count: int = 1) -> Vocabulary:
        """Keep the words seen at least `min_count` times, most frequent first.

        A word with half a character, which JSON can hold and a file cannot, stays unknown.
        """
        frequent = (w for w, n in counts.items() if n >= max(1, min_count) and w not in SPECIAL)
        kept = filter(_is_writable, frequent)
        return cls(SPECIAL + tuple(sorted(kept, key=lambda w: (-counts[w], w))))

    def and_more(self, words: Iterable[str]) -> Vocabulary:
        """These words, and then those that are not among them."""
        return Vocabulary((*self.words, *(word for word in words if word not in self._numbers)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Numbers of the tokens, between the start and the end token; `<unk>` where unknown."""
        return [START, *(self._numbers.get(token, UNKNOWN) for token in tokens), END]

    def number(self, word: str) -> int | None:
        """The number of a word that a caption may hold, None where the model does not know it."""
        number = self._numbers.get(word)
        return None if number is None or number < len(SPECIAL) else number

    def numbers(self, words: Iterable[str]) -> list[int]:
        """Of those words that a caption may hold, as they stand or in small letters."""
        forms = (form for word in words for form in {word, word.lower()})
        return [number for number in map(self.number, forms) if number is not None]

    def row(self, word: str) -> int | None:
        """The number of a word or special token; None for a word that is not known."""
        return self._numbers.get(word)

    def decode(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Words of the numbers; padding, start and end are left out."""
        return tuple(self.words[n] for n in numbers if n not in (PAD, START, END))

    def save(self, path: Path) -> None:
        """Write the words as a JSON list."""
        path.write_text(json.dumps(self.words, ensure_ascii=False, indent=0), encoding="utf-8")

    @classmethod
    def load(cls, path: Path, size: int | None = None) -> Vocabulary:
        """Read what `save` wrote.

        size: how many words the model was made for, if that is known.

        Raises ModelError where the file is missing or malformed, or has another number of words.
        """
        with raising(ModelError):
            words = read_json(path, most=8 * MB)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ModelError("{} is not a list of words.", path)
        if size not in (None, len(words)):
            template = "{} has {} words, and the model was made for {}."
            raise ModelError(template, path, len(words), size)
        try:
            return cls(tuple(words))
        except ModelError as error:
            raise ModelError("{}: {}", path, error) from None


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
