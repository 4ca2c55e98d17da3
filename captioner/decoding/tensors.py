"""Beam search by tensors: all images and all beams advance in one batch, on a GPU."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Generic

import torch
import torch.nn.functional as F
from torch import Tensor

from captioner.decoding.constraints import constrain, constraints_of
from captioner.decoding.required import Required
from captioner.decoding.trace import Trace
from captioner.decoding.types import (
    WORTH_COPYING,
    BeamOptions,
    BeamStateT,
    Hypothesis,
    Step,
    no_probabilities,
)
from captioner.decoding.unseen import Unseen


@torch.inference_mode()
def search(  # noqa: PLR0917
    step: Step[BeamStateT],
    state: BeamStateT,
    images: int,
    start: int,
    end: int,
    options: BeamOptions,
    *,
    device: torch.device | str | None = None,
    trace: Trace | None = None,
) -> list[list[Hypothesis]]:
    """As :func:`~captioner.decoding.beam_search`."""
    required = Required(options.require, end, device) if options.require else None
    unseen = Unseen(options, start, end, device) if options.trigrams else None
    constraints = constraints_of(options, end, device)
    finished = _Finished(options, end, unseen)
    could_end = _Finished(options, end, unseen, unlikely=True)
    live = _begun(step, state, images, start, options, required, unseen, device)
    found: dict[int, list[Hypothesis]] = {}

    for length in range(len(options.begin) + 1, options.max_length + 1):
        logits, after = step(live.last.flatten(), live.state)
        log_probs = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
        log_probs = log_probs.view(*live.last.shape, logits.shape[-1])
        constrain(log_probs, live.history, constraints, end)
        may_end: Tensor | None = None  # bool [B, K]; nothing where all may
        if unseen:
            log_probs, may_end = unseen.weigh(log_probs, live.history)
        log_probs.add_(live.total[:, :, None])
        groups = required.split(log_probs, live.progress) if required else log_probs[:, None]
        endings = groups[:, -1, :, end].clone()
        if may_end is not None:
            groups[:, -1, :, end] = endings.masked_fill(~may_end, -torch.inf)
        totals, parents, tokens = _best(groups, options.beam)
        if trace is not None:
            _record(trace, live, totals, parents, tokens, options.beam, end)

        ended = tokens == end
        if options.is_late(length):
            likely = torch.zeros_like(live.total).scatter_add(
                1, parents[:, -1, : options.beam], ended[:, -1, : options.beam].float()
            )
            could_end.add(endings.masked_fill(likely > 0, -torch.inf), live.history)
        if ended.any():
            # Only an ending among the `beam` best counts: a poor one that merely comes early
            # would otherwise win by being short.
            if ended[:, -1, : options.beam].any():
                finishing = totals.masked_fill(~ended, -torch.inf)[:, -1, : options.beam]
                finished.add(finishing, _rows(live.history, parents[:, -1, : options.beam]))
            totals, order = totals.masked_fill(ended, -torch.inf).topk(options.beam)
            parents, tokens = parents.gather(2, order), tokens.gather(2, order)
        totals, parents, tokens = (
            best.narrow(2, 0, options.beam).flatten(1) for best in (totals, parents, tokens)
        )
        live = live.after(after, parents, tokens, totals, required)

        unsettled = finished.unsettled(live.total, length)
        if length == options.max_length or not unsettled:
            break
        if len(unsettled) <= WORTH_COPYING * len(live.images):
            found |= _hypotheses(finished, could_end, live)
            finished.keep(unsettled)
            could_end.keep(unsettled)
            live = live.keep(unsettled)

    found |= _hypotheses(finished, could_end, live)
    if required and not all(found.values()):
        # Nothing was left to write before everything required had been.
        without = replace(options, require=())
        others = search(step, state, images, start, end, without, device=device, trace=trace)
        return [found[image] or other for image, other in enumerate(others)]
    if not all(found.values()):
        raise no_probabilities()
    return [found[image] for image in range(images)]


@dataclass(frozen=True)
class _Live(Generic[BeamStateT]):
    """The hypotheses that go on: K for each of the B images that are still searched.

    images: their numbers. state: the model's, before it reads the `last` tokens, long ``[B, K]``.
    total: float ``[B, K]``, their log-probabilities less what unseen trigrams lose. history: long
    ``[B, K, t]``. progress: long ``[B, K, P]``, in each of the phrases that are required.
    """

    images: list[int]
    state: BeamStateT
    last: Tensor
    total: Tensor
    history: Tensor
    progress: Tensor

    def after(
        self,
        state: BeamStateT,
        parents: Tensor,
        tokens: Tensor,
        total: Tensor,
        required: Required | None,
    ) -> _Live[BeamStateT]:
        """One token later: the rows ``parents [B, K']`` go on with these tokens."""
        history = torch.cat([_rows(self.history, parents), tokens[:, :, None]], dim=2)
        progress = self.progress
        if required:
            progress = required.advance(progress, parents, tokens)
        return _Live(self.images, state.reorder(parents), tokens, total, history, progress)

    def keep(self, kept: list[int]) -> _Live[BeamStateT]:
        """Some of the images only."""
        index = torch.tensor(kept, device=self.last.device)
        return _Live(
            [self.images[row] for row in kept],
            self.state.keep(index),
            self.last[index],
            self.total[index],
            self.history[index],
            self.progress[index],
        )


def _begun(  # noqa: PLR0917
    step: Step[BeamStateT],
    state: BeamStateT,
    images: int,
    start: int,
    options: BeamOptions,
    required: Required | None,
    unseen: Unseen | None,
    device: torch.device | str | None,
) -> _Live[BeamStateT]:
    """One hypothesis for each image, which has written what a caption must begin with."""
    first = torch.full((images, 1), start, device=device)
    nothing = first[:, :, None][:, :, :0]
    progress = required.begin(images) if required else nothing
    total = torch.zeros(images, 1, device=device)
    live = _Live(list(range(images)), state, first, total, nothing, progress)
    only = torch.zeros_like(first)
    for token in options.begin:
        logits, after = step(live.last.flatten(), live.state)
        log_probs = F.log_softmax(logits, dim=-1, dtype=torch.float32)
        tokens = torch.full_like(first, token)
        total = live.total + log_probs[:, token, None]
        if unseen:
            total -= unseen.of(live.history, tokens[:, :, None])[:, :, 0]
        live = live.after(after, only, tokens, total, required)
    return live


class _Finished:
    """The best hypotheses so far that emitted the end token, or could have, best score first."""

    def __init__(
        self, options: BeamOptions, end: int, unseen: Unseen | None, unlikely: bool = False
    ) -> None:
        self.options = options
        self.end = end
        self.unseen = unseen
        self.unlikely = unlikely
        self.totals: Tensor | None = None  # [B, up to top]; -inf where nothing finished yet
        self.scores: Tensor
        self.tokens: Tensor  # [B, up to top, max_length], filled up with end tokens

    def add(self, totals: Tensor, tokens: Tensor) -> None:
        """Keep what is better than the worst kept.

        Args:
            totals: float ``[B, K]``, -inf for what did not finish.
            tokens: long ``[B, K, t]``, without the end token.
        """
        length = tokens.shape[2] + 1
        scores = totals / self.options.divisor(length)
        missing = self.options.max_length - tokens.shape[2]
        tokens = F.pad(tokens, (0, missing), value=self.end)
        if self.totals is not None:
            scores = torch.cat([self.scores, scores], dim=1)
            totals = torch.cat([self.totals, totals], dim=1)
            tokens = torch.cat([self.tokens, tokens], dim=1)
        self.scores, order = scores.topk(min(self.options.top, scores.shape[1]))
        self.totals = totals.gather(1, order)
        self.tokens = _rows(tokens, order)

    def unsettled(self, totals: Tensor, length: int) -> list[int]:
        """Say of which images a live hypothesis can still be among the best.

        A total only falls, so the most that a live hypothesis can hope for is to keep its own and
        have it divided by the most favourable length still possible.

        Args:
            totals: float ``[B, K]``, of the live hypotheses.
            length: number of their tokens.
        """
        if self.totals is None or self.scores.shape[1] < self.options.top:
            return list(range(len(totals)))
        hopes = totals.amax(dim=1) / self.options.best_divisor(length)
        worst, best = self.scores[:, -1].tolist(), hopes.tolist()
        return [row for row, hope in enumerate(best) if worst[row] < hope]

    def keep(self, kept: list[int]) -> None:
        """Go on with some of the images only."""
        if self.totals is not None:
            index = torch.tensor(kept, device=self.totals.device)
            self.scores, self.totals = self.scores[index], self.totals[index]
            self.tokens = self.tokens[index]

    def hypotheses(self, images: int) -> list[list[Hypothesis]]:
        """List those of each of the images."""
        if self.totals is None:
            return [[] for _ in range(images)]
        listed = _listed(self.tokens, self.totals, self.scores, self.unseen, end=self.end)
        return [[replace(one, unlikely=self.unlikely) for one in own] for own in listed]


def _hypotheses(
    finished: _Finished, could_end: _Finished, live: _Live
) -> dict[int, list[Hypothesis]]:
    """List each image's best, filled up with those that could have ended, and then with live ones,
    where too few finished: of these the groups first that have written most of what is required."""
    options, images = finished.options, len(live.images)
    totals, tokens = (
        rows.unflatten(1, (-1, options.beam)).flip(1).flatten(1, 2)
        for rows in (live.total, live.history)
    )
    scores = totals / options.divisor(tokens.shape[2])
    cut_off = _listed(tokens, totals, scores, finished.unseen)
    listed = zip(finished.hypotheses(images), could_end.hypotheses(images), cut_off, strict=True)
    best = ((*ended, *unlikely, *others)[: options.top] for ended, unlikely, others in listed)
    return {image: list(own) for image, own in zip(live.images, best, strict=True)}


def _listed(
    tokens: Tensor,
    totals: Tensor,
    scores: Tensor,
    unseen: Unseen | None,
    *,
    end: int | None = None,
) -> list[list[Hypothesis]]:
    """end: the end token, of those that ended and are filled up with it."""
    log_probs = totals + unseen.within(tokens, ended=end is not None) if unseen else totals
    return [
        [
            Hypothesis(tuple(token for token in row if token != end), log_prob, score)
            for row, log_prob, score in zip(*image, strict=True)
            if log_prob > -math.inf
        ]
        for image in zip(tokens.tolist(), log_probs.tolist(), scores.tolist(), strict=True)
    ]


def _best(totals: Tensor, beam: int) -> tuple[Tensor, Tensor, Tensor]:
    """Find the best continuations ``[B, G, K, V]`` of each group, twice ``beam``: at most half of
    them can end.

    Returns log-probabilities, parent rows and tokens, each ``[B, G, 2 * beam]``, best first.
    """
    vocabulary = totals.shape[3]
    totals = totals.flatten(2)
    missing = 2 * beam - totals.shape[2]
    if missing > 0:  # a vocabulary smaller than the beam: repeat a row that can never win
        last = totals.shape[2] - 1
        totals, indices = F.pad(totals, (0, missing), value=-torch.inf).topk(2 * beam)
        indices = indices.clamp(max=last)
    else:
        totals, indices = totals.topk(2 * beam)
    parents = indices // vocabulary
    return totals, parents, indices.sub(parents, alpha=vocabulary)


def _record(  # noqa: PLR0917
    trace: Trace,
    live: _Live[BeamStateT],
    totals: Tensor,
    parents: Tensor,
    tokens: Tensor,
    beam: int,
    end: int,
) -> None:
    """Write down a step, of which these are the best continuations ``[B, G, 2 * beam]``."""
    best = zip(totals.tolist(), parents.tolist(), tokens.tolist(), strict=True)
    for image, histories, found in zip(live.images, live.history.tolist(), best, strict=True):
        groups = [list(zip(*group, strict=True)) for group in zip(*found, strict=True)]
        trace.record(image, histories, groups, beam, end)


def _rows(tensor: Tensor, rows: Tensor) -> Tensor:
    """Take rows ``[B, K']`` of ``[B, K, T]``, which gives ``[B, K', T]``."""
    return tensor.gather(1, rows[:, :, None].expand(-1, -1, tensor.shape[2]))
