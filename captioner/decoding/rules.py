"""What a sentence must not say next, what it should rather not, and how much of what it must say it
has said, word by word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from captioner.decoding.types import BeamOptions, DecodingOptions

Tokens = tuple[int, ...]
Progress = tuple[int, ...]


class Rules:
    """Which tokens must not come next: the same as `captioner.decoding.constraints`, for one
    hypothesis.

    Args:
        options: of the search.
        end: id of the end token.
    """

    def __init__(self, options: DecodingOptions, end: int) -> None:
        self.options, self.end = options, end

    @cached_property
    def _repeatable(self) -> frozenset[int]:
        return frozenset(self.options.repeatable)

    def forbidden(self, tokens: Tokens) -> set[int]:
        """The tokens that must not come after these."""
        options, written = self.options, len(tokens)
        forbidden = set(options.avoid)
        if written < options.min_length:
            forbidden.add(self.end)
        if options.no_repeat_within:
            recent = tokens[-options.no_repeat_within :]
            forbidden.update(token for token in recent if token not in self._repeatable)
        if 0 < options.no_repeat_ngram <= written:
            forbidden.update(_followed(tokens, options.no_repeat_ngram - 1))
        for *before, last in options.avoid_phrases:
            if tokens[written - len(before) :] == tuple(before) and len(before) <= written:
                forbidden.add(last)
        return forbidden


def _followed(tokens: Tokens, last: int) -> Iterator[int]:
    """What followed the `last` tokens where they stood before."""
    ending = tokens[len(tokens) - last :]
    for place in range(len(tokens) - last):
        if tokens[place : place + last] == ending:
            yield tokens[place + last]


class Losses:
    """What log-probabilities lose to trigrams that nobody wrote, see :class:`BeamOptions`.

    Args:
        options: of the search.
        start: id of the start token.
        end: id of the end token.
    """

    def __init__(self, options: BeamOptions, start: int, end: int) -> None:
        self.trigrams = options.trigrams
        self.start, self.end = start, end

    def of(self, tokens: Tokens, token: int) -> float:
        """What a token loses after these."""
        trigrams = self.trigrams
        if trigrams is None or not tokens:
            return 0.0
        first, second = tokens[-2:] if len(tokens) > 1 else (self.start, *tokens)
        if trigrams.holds(first, second, token) or not trigrams.is_common(first, second):
            return 0.0
        return trigrams.penalty

    def within(self, tokens: Tokens, *, ended: bool) -> float:
        """What these have lost, and their end, if they ended."""
        if self.trigrams is None:
            return 0.0
        written = (*tokens, self.end) if ended else tokens
        return sum(self.of(written[:place], token) for place, token in enumerate(written))


class Required:
    """Phrases that must appear: grid beam search (Hokamp and Liu 2017).

    Hypotheses compete with those alone that have written equally many of the required tokens, so
    that one that has begun a phrase is not left behind for it; and only complete ones may end.

    Args:
        phrases: token ids of each phrase.
        end: id of the end token.
    """

    def __init__(self, phrases: Sequence[Tokens], end: int) -> None:
        self.phrases, self.end = tuple(phrases), end
        self.total = sum(map(len, phrases))  # number of the last group, the complete ones'
        tokens = {token for phrase in phrases for token in phrase}
        self.apart = sorted({*tokens, end}) if tokens else []  # those that change the group

    @property
    def beginning(self) -> Progress:
        """How many of each phrase's tokens a hypothesis without a token ends with."""
        return (0,) * len(self.phrases)

    def after(self, progress: Progress, token: int) -> Progress:
        """The same after one more token; a whole phrase, once written, stays."""
        if not progress:
            return progress
        return tuple(
            progress_in(phrase, done, token)
            for phrase, done in zip(self.phrases, progress, strict=True)
        )

    def complete(self, progress: Progress) -> bool:
        """Whether everything has been written."""
        return sum(progress) == self.total

    def group(self, progress: Progress, token: int) -> int | None:
        """The group of what has come so far and goes on with a token; None where it must not."""
        if token == self.end:
            return self.total if self.complete(progress) else None
        return sum(self.after(progress, token))


def progress_in(phrase: Sequence[int], done: int, token: int | None) -> int:
    """Tokens of the phrase that a hypothesis ends with, having ended with ``done`` of them; after
    None, those after a token that is in no phrase."""
    if done >= len(phrase):
        return len(phrase)
    written = (*phrase[:done], token)
    fits = (n for n in range(len(written), 0, -1) if written[-n:] == tuple(phrase[:n]))
    return next(fits, 0)
