"""The words a model can write, and their numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from captioner.errors import ModelError

PAD, START, END, UNKNOWN = 0, 1, 2, 3
NEVER_WRITTEN = (PAD, START, UNKNOWN)  # a caption may end, but has none of these
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")


@dataclass(frozen=True)
class Vocabulary:
    """An ordered list of words; the first four are padding, start, end and unknown."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[: len(SPECIAL)] != SPECIAL or len(set(self.words)) != len(self.words):
            raise ModelError(f"A vocabulary starts with {', '.join(SPECIAL)} and repeats no word.")

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], min_count: int = 1) -> Vocabulary:
        """Keep the words seen at least `min_count` times, most frequent first."""
        counts = Counter(word for caption in captions for word in caption)
        kept = [w for w, n in counts.items() if n >= min_count and w not in SPECIAL]
        return cls(SPECIAL + tuple(sorted(kept, key=lambda w: (-counts[w], w))))

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

    def decode(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Words of the numbers; padding, start and end are left out."""
        return tuple(self.words[n] for n in numbers if n not in (PAD, START, END))

    def save(self, path: Path) -> None:
        """Write the words as a JSON list."""
        path.write_text(json.dumps(self.words, ensure_ascii=False, indent=0), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote. Raises ModelError where the file is missing or malformed."""
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{path} is missing.") from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ModelError(f"{path} is not a readable vocabulary ({error}).") from None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ModelError(f"{path} is not a list of words.")
        return cls(tuple(words))
