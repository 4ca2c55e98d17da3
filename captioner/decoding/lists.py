"""Beam search by lists of hypotheses; only the model works in batches.

For a photo or some dozens a step of the model is short, and what torch or NumPy would do with a few
numbers takes longer than Python itself: the model's weights have just swept the processor's cache,
and each call of theirs has to be fetched into it anew. A GPU's many photos are another matter, see
`captioner.decoding.tensors`, which finds the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice, repeat
from operator import itemgetter
from typing import Generic, NamedTuple, Protocol, TypeVar

from captioner.decoding.rules import Losses, Progress, Required, Rules, Tokens
from captioner.decoding.trace import Trace
from captioner.decoding.types import WORTH_COPYING, BeamOptions, Hypothesis, no_probabilities

StateT = TypeVar("StateT")


class Scores(Protocol):
    """Log-probabilities of the next token of R rows."""

    def best(self, most: int) -> tuple[list[list[float]], list[list[int]]]:
        """Of each row the `most` largest, largest first, and their tokens."""
        ...

    def of(self, tokens: Sequence[int]) -> list[list[float]]:
        """Of each row those of these tokens."""
        ...


@dataclass(frozen=True)
class Model(Generic[StateT]):
    """What is searched, of B images with K rows each.

    advance: the rows' last tokens and a state to the scores of the next tokens and the state after
    them. reorder: a state and, for each image, which of its rows the new rows go on from, to the
    state of the new rows. keep: a state and the numbers of some images to the state of these alone.
    """

    advance: Callable[[list[int], StateT], tuple[Scores, StateT]]
    reorder: Callable[[StateT, list[list[int]]], StateT]
    keep: Callable[[StateT, list[int]], StateT]


def search(  # noqa: PLR0917
    model: Model[StateT],
    state: StateT,
    images: int,
    start: int,
    end: int,
    options: BeamOptions,
    trace: Trace | None = None,
) -> list[list[Hypothesis]]:
    """As :func:`~captioner.decoding.beam_search`, of a model however it computes."""
    if not images:
        return []
    losses = Losses(options, start, end)
    searches = [_Search(image, options, losses, trace) for image in range(images)]
    live, after = searches, state
    for token in options.begin:
        scores, after = model.advance(_last(live, start), after)
        for own, (log_prob,) in zip(live, scores.of([token]), strict=True):
            own.begin(token, log_prob)

    for length in range(len(options.begin) + 1, options.max_length + 1):
        scores, after = model.advance(_last(live, start), after)
        parents = _advance(live, scores, length, options)
        unsettled = [number for number, own in enumerate(live) if not own.is_settled(length)]
        if length == options.max_length or not unsettled:
            break
        after = model.reorder(after, parents)
        if len(unsettled) <= WORTH_COPYING * len(live):
            after = model.keep(after, unsettled)
            live = [live[number] for number in unsettled]

    found = [own.hypotheses() for own in searches]
    if options.require and not all(found):
        # Nothing was left to write before everything required had been.
        others = search(model, state, images, start, end, replace(options, require=()), trace)
        found = [own or other for own, other in zip(found, others, strict=True)]
    if not all(found):
        raise no_probabilities()
    return found


def _last(live: Sequence[_Search], start: int) -> list[int]:
    """The last token of every row."""
    return [row.tokens[-1] if row.tokens else start for own in live for row in own.rows]


def _advance(
    live: Sequence[_Search], scores: Scores, length: int, options: BeamOptions
) -> list[list[int]]:
    """Let every search choose its next rows; says which of its rows each of them goes on from."""
    forbidden = [own.rules.forbidden(row.tokens) for own in live for row in own.rows]
    apart, end = live[0].required.apart, live[0].end
    enough = 2 * options.beam  # of each row
    most = enough + max(map(len, forbidden)) + len(apart)
    lacking = options.is_late(length) and any(len(own.ended) < options.top for own in live)
    likely: list[list[_Next]] = []
    ends: list[float] = []
    for row, not_these, log_probs, tokens, of_apart, of_end in zip(
        count(),
        forbidden,
        *scores.best(most),
        scores.of(apart) if apart else repeat(()),
        scores.of([end]) if lacking else repeat(()),
    ):
        possible: list[_Next] = []
        for log_prob, token in zip(log_probs, tokens, strict=True):
            if token not in not_these and token not in apart and log_prob > -math.inf:
                possible.append((log_prob, token))
                if len(possible) == enough:
                    break
        for log_prob, token in zip(of_apart, apart, strict=True):
            if token not in not_these and log_prob > -math.inf:
                possible.append((log_prob, token))
        # A row with no token left may end, whatever forbade it.
        may_end = end not in not_these or not possible
        likely.append(possible or [(scores.of([end])[row][0], end)])
        ends.append(of_end[0] if of_end and may_end else -math.inf)
    rows = zip(likely, ends, strict=True)
    return [own.advance(list(islice(rows, len(own.rows)))) for own in live]


_Next = tuple[float, int]  # the log-probability of a token, and it
_Candidate = tuple[float, int, int]  # a continuation's total, the row that it continues, its token


class _Told(NamedTuple):
    """A hypothesis as it may be told."""

    score: float
    tokens: Tokens
    total: float
    ended: bool
    unlikely: bool


_FIRST = itemgetter(0)  # a candidate's total, the score of what may be told


class _Row(NamedTuple):
    """A hypothesis that goes on.

    total: its log-probability, less what unseen trigrams lose; -inf of one that only takes a place.
    """

    tokens: Tokens
    total: float
    progress: Progress


class _Search:
    """The search of one image: its rows, a beam of them for each group, and what has ended."""

    def __init__(
        self, image: int, options: BeamOptions, losses: Losses, trace: Trace | None
    ) -> None:
        self.image, self.options, self.losses, self.trace = image, options, losses, trace
        self.end = end = losses.end
        self.rules, self.required = Rules(options, end), Required(options.require, end)
        self.rows = [_Row((), 0.0, self.required.beginning)]
        self.ended: list[_Told] = []  # best first, no more than `top`
        self.could_end: list[_Told] = []  # the same of those whose end was less likely

    def begin(self, token: int, log_prob: float) -> None:
        """Write a token that every caption begins with."""
        (row,) = self.rows
        lost = self.losses.of(row.tokens, token)
        self.rows = [self._after(row.total + log_prob - lost, 0, token)]

    def advance(self, nexts: Sequence[tuple[Sequence[_Next], float]]) -> list[int]:
        """Choose the next rows from those tokens that are likeliest after each row, beside the
        log-probability of its end; says which row each of the new ones goes on from."""
        beam, groups = self.options.beam, self._groups([likely for likely, _ in nexts])
        if self.trace is not None:
            histories = [row.tokens for row in self.rows]
            self.trace.record(self.image, histories, groups, beam, self.end)
        # Only an ending among the `beam` best counts: a poor one that merely comes early would
        # otherwise win by being short.
        ending = {parent: total for total, parent, token in groups[-1][:beam] if token == self.end}
        for parent, total in ending.items():
            self._end(parent, total)
        for parent, (row, (_, log_prob)) in enumerate(zip(self.rows, nexts, strict=True)):
            possible = row.total + log_prob > -math.inf and self.required.complete(row.progress)
            if possible and parent not in ending:
                lost = self.losses.of(row.tokens, self.end)
                self._end(parent, row.total + log_prob - lost, unlikely=True)
        chosen: list[_Candidate] = []
        for group in groups:
            going_on = [one for one in group if one[2] != self.end][:beam]
            nobody = (-math.inf, 0, self.end)
            chosen += going_on + [nobody] * (beam - len(going_on))
        self.rows = [self._after(*one) for one in chosen]
        return [parent for _, parent, _ in chosen]

    def _groups(self, likely: Sequence[Sequence[_Next]]) -> list[list[_Candidate]]:
        """The best continuations of each group, best first, twice as many as the beam is wide: at
        most half of them can end."""
        groups: list[list[_Candidate]] = [[] for _ in range(self.required.total + 1)]
        for parent, (row, tokens) in enumerate(zip(self.rows, likely, strict=True)):
            before, progress = row.total, row.progress
            for log_prob, token in tokens:
                number = self.required.group(progress, token) if progress else 0
                if number is not None and before + log_prob > -math.inf:  # and no NaN
                    groups[number].append((before + log_prob, parent, token))
        for group in groups:
            group.sort(key=_FIRST, reverse=True)
        return [self._weighed(group)[: 2 * self.options.beam] for group in groups]

    def _weighed(self, group: list[_Candidate]) -> list[_Candidate]:
        """Candidates less what they lose, best first, without some of those that cannot matter: no
        other comes before a beam of tokens that have lost nothing and go on."""
        if self.options.trigrams is None:
            return group
        weighed: list[_Candidate] = []
        intact, enough = 0, self.options.beam if self.trace is None else len(group)
        for total, parent, token in group:
            lost = self.losses.of(self.rows[parent].tokens, token)
            weighed.append((total - lost, parent, token))
            intact += not lost and token != self.end
            if intact == enough:
                break
        weighed.sort(key=_FIRST, reverse=True)
        return weighed

    def _after(self, total: float, parent: int, token: int) -> _Row:
        row = self.rows[parent]
        return _Row((*row.tokens, token), total, self.required.after(row.progress, token))

    def _end(self, parent: int, total: float, unlikely: bool = False) -> None:
        """Keep a row as ended, if it is among the best of these."""
        tokens, kept = self.rows[parent].tokens, self.could_end if unlikely else self.ended
        kept.append(self._told(tokens, total, ended=True, unlikely=unlikely))
        kept.sort(key=_FIRST, reverse=True)
        del kept[self.options.top :]

    def _told(self, tokens: Tokens, total: float, *, ended: bool, unlikely: bool = False) -> _Told:
        score = total / self.options.divisor(len(tokens) + ended)
        return _Told(score, tokens, total, ended, unlikely)

    def is_settled(self, length: int) -> bool:
        """Whether no row of `length` tokens can still be among the best.

        A total only falls, so the most that a row can hope for is to keep its own and have it
        divided by the most favourable length still possible.
        """
        if len(self.ended) < self.options.top:
            return False
        hope = max(row.total for row in self.rows) / self.options.best_divisor(length)
        return self.ended[-1].score >= hope

    def hypotheses(self) -> list[Hypothesis]:
        """The best, filled up with those that could have ended, and then with rows, where too few
        have: of these the groups first that have written most of what is required."""
        beam, last_groups_first = self.options.beam, reversed(range(self.required.total + 1))
        rows = (row for group in last_groups_first for row in self.rows[group * beam :][:beam])
        cut_off = (
            self._told(row.tokens, row.total, ended=False) for row in rows if row.total > -math.inf
        )
        return [
            Hypothesis(
                one.tokens,
                one.total + self.losses.within(one.tokens, ended=one.ended),
                one.score,
                one.unlikely,
            )
            for one in [*self.ended, *self.could_end, *cut_off][: self.options.top]
        ]
