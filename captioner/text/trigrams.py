"""Which three words in a row people write; needs no torch.

A decoder puts together what nobody would: "a man smoking a sign". Nearly always that shows in three
words in a row that no person wrote in hundreds of thousands of sentences, though many wrote the
first two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.errors import ModelError
from captioner.fields import shown
from captioner.files import MB, raising, read_bytes
from captioner.text.vocabulary import END, PAD, START

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_PENALTY = 1000  # e to the power of minus it is nothing
_MOST = 256 * MB  # of a file; half of it has a bit for each number of 32 bits
_32_BITS = 2**32 - 1
_NO_WORD = PAD  # stands third where two words are a pair


@dataclass(frozen=True, repr=False)
class Trigrams:
    """Which trigrams of word numbers people have written, and which pairs of words are common, as a
    Bloom filter (Bloom 1970, "Space/time trade-offs in hash coding with allowable errors").

    What is in the set is always found. With 10 bits for each of these, so is one in thirty of those
    that are not, and with 14 one in sixty.

    bits: of the filter, 8 in each byte, lowest first; the number of bytes is a power of two. For
    words given as tensors it is a tensor, uint8.
    penalty: what the log-probability of a word loses in a search if it makes no trigram of the set
    with the two before it, which are a common pair: nothing can be told of what follows a rare one.
    backward: whether it is asked for trigrams as a decoder writes them that goes from a sentence's
    last word to its first.

    Raises ModelError where there can be no such filter.
    """

    bits: Any
    penalty: float = 0.7
    backward: bool = False

    def __post_init__(self) -> None:
        check_penalty(self.penalty)
        if len(self.bits).bit_count() != 1:
            raise ModelError(
                "The trigrams must be a power of two of bytes, not {}.", len(self.bits)
            )

    @classmethod
    def of(cls, trigrams: NDArray[np.int64], pairs: NDArray[np.int64], size: int) -> Trigrams:
        """These trigrams, `[n, 3]`, and common pairs, `[m, 2]`, in a filter of so many bytes."""
        import numpy as np

        bits = np.zeros(8 * size, np.bool_)
        empty, (first, second) = cls(bytes(size)), pairs.T
        for place in (*empty._places(*trigrams.T), *empty._places(first, second, _NO_WORD)):
            bits[place] = True
        return cls(np.packbits(bits, bitorder="little").tobytes())

    @classmethod
    def load(cls, path: Path, penalty: float) -> Trigrams:
        """Those of a file, which holds the bits. Raises ModelError, naming it, where it cannot be
        used."""
        with raising(ModelError):
            bits = read_bytes(path, most=_MOST)
        try:
            return cls(bits, penalty)
        except ModelError as error:
            raise ModelError("{}: {}", path, error) from None

    def turned(self, backward: bool) -> Trigrams:
        """The same set, for a decoder that writes backward or not."""
        return self if backward == self.backward else replace(self, backward=backward)

    def is_common(self, first: Any, second: Any) -> Any:
        """1 where two words are a common pair, else 0; numbers, or tensors of int64."""
        if self.backward:
            first, second = _turned(second), _turned(first)
        return self._held(first, second, _NO_WORD)

    def holds(self, first: Any, second: Any, third: Any) -> Any:
        """1 where three words are a trigram of the set, else 0; likewise."""
        if self.backward:
            first, third = _turned(third), _turned(first)
        return self._held(first, second, third)

    def _held(self, first: Any, second: Any, third: Any) -> Any:
        one, other = self._places(first, second, third)
        bits = self.bits
        return bits[one >> 3] >> (one & 7) & bits[other >> 3] >> (other & 7) & 1

    def _places(self, first: Any, second: Any, third: Any) -> tuple[Any, Any]:
        """Which two bits stand for three numbers, in arithmetic of 32 bits, which JavaScript has,
        too; the constants are odd and otherwise of no meaning."""
        mixed = first * 0x1B873593 + second * 0x4F1BBCDD + third * 0x52DCE729 & _32_BITS
        mixed = (mixed ^ mixed >> 15) * 0x2C1B3C6D & _32_BITS
        mixed ^= mixed >> 12
        return mixed >> self._shift, mixed & self._last

    @cached_property
    def _last(self) -> int:
        """The last bit's place."""
        return 8 * len(self.bits) - 1

    @cached_property
    def _shift(self) -> int:
        return 32 - self._last.bit_length()


def check_penalty(penalty: float) -> None:
    """Raises ModelError for what cannot be a penalty."""
    if not 0 <= penalty <= MOST_PENALTY:
        template = "unseen_penalty must be from 0 to {}, not {}."
        raise ModelError(template, MOST_PENALTY, shown(penalty))


def _turned(word: Any) -> Any:
    """A word's number where sentences begin with their end."""
    return word ^ (START ^ END) * ((word == START) | (word == END))
