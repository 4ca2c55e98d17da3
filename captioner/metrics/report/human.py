"""How well people do: each reference scored against the photo's other references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from captioner.metrics.inputs import Tokens
from captioner.metrics.scores import Scores, Statistics

_ROUNDS = 5  # as many references as the field's datasets have; more would only take longer


def human_scores(
    references: Sequence[Sequence[Tokens]], measure: Callable[..., Statistics]
) -> Scores | None:
    """What one person's captions score against the others': the mean over rounds.

    In round k every photo's reference k is the candidate, and its other references are what it is
    scored against: one fewer than a model's caption has. A photo with fewer references starts
    again with its first; there are as many rounds as the photo with most has references, at most
    five. Photos with one reference take no part; None where no photo has two.
    """
    groups = [group for group in references if len(group) > 1]
    if not groups:
        return None
    rounds = [_leave_out(groups, k) for k in range(min(_ROUNDS, max(map(len, groups))))]
    rows = [measure(candidates, others).together().as_dict() for candidates, others in rounds]
    return Scores(**{name: fmean(row[name] for row in rows) for name in rows[0]})


def _leave_out(
    groups: Sequence[Sequence[Tokens]], k: int
) -> tuple[list[Tokens], list[list[Tokens]]]:
    left_out = [k % len(group) for group in groups]
    candidates = [group[index] for group, index in zip(groups, left_out, strict=True)]
    others = [
        [*group[:index], *group[index + 1 :]] for group, index in zip(groups, left_out, strict=True)
    ]
    return candidates, others
