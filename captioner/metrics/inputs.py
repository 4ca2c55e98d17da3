"""What every metric takes: tokenised candidates, each with its tokenised references."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from captioner.errors import OptionError

Token: TypeAlias = str | int  # a word, or its id
Tokens: TypeAlias = Sequence[str] | Sequence[int] | Sequence[Token]
Ngram: TypeAlias = tuple[Token, ...]

LONGEST_NGRAM = 4


def ngram_counts(tokens: Tokens) -> Counter[Ngram]:
    """How often each n-gram of one to four tokens occurs."""
    shifted: list[Tokens] = [tokens[start:] for start in range(LONGEST_NGRAM)]
    return Counter(
        itertools.chain.from_iterable(
            zip(*shifted[:n], strict=False) for n in range(1, LONGEST_NGRAM + 1)
        )
    )


def check_pairs(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> None:
    """Raises OptionError unless there is one list of tokenised references for each candidate."""
    if len(candidates) != len(references):
        first_alone = min(len(candidates), len(references))
        raise OptionError(
            "There are {} candidates but {} lists of references: the one at index {} has no "
            "partner.",
            len(candidates),
            len(references),
            first_alone,
        )
    check_candidates(candidates)
    check_references(references)


def check_candidates(candidates: Sequence[Tokens]) -> None:
    """Raises OptionError where a candidate is not tokenised."""
    for index, candidate in enumerate(candidates):
        if isinstance(candidate, str):
            raise OptionError("The candidate at index {} is a text, not a list of tokens.", index)


def check_texts(references: Sequence[Sequence[str]]) -> None:
    """Raises OptionError where one text stands for a list of them."""
    for index, group in enumerate(references):
        if isinstance(group, str):
            raise OptionError(
                "The references at index {} are one text, not a list of texts.", index
            )


def check_references(references: Iterable[Sequence[Tokens]]) -> None:
    """Raises OptionError where a list of references is empty or is not tokenised."""
    for _ in checked(references):
        pass


def checked(references: Iterable[Sequence[Tokens]]) -> Iterator[Sequence[Tokens]]:
    """The lists of references, of which the first that is wrong raises as `check_references`."""
    for index, group in enumerate(references):
        if len(group) == 0:
            raise OptionError("The candidate at index {} has no reference.", index)
        if isinstance(group, str) or any(isinstance(reference, str) for reference in group):
            raise OptionError(
                "A reference of the candidate at index {} is a text, not a list of tokens.", index
            )
        yield group
