"""Beam search over any step function; all images and all beams advance in one batch."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from captioner.decoding.constraints import constrain, constraints_of
from captioner.decoding.required import Required
from captioner.decoding.types import BeamOptions, Hypothesis, StateT, Step


@torch.inference_mode()
def beam_search(  # noqa: PLR0917
    step: Step[StateT],
    state: StateT,
    images: int,
    start: int,
    end: int,
    options: BeamOptions,
    *,
    device: torch.device | str | None = None,
) -> list[list[Hypothesis]]:
    """Search the likeliest captions of several images at once.

    At each step an image's ``beam`` best continuations are found. Those that emit the end token
    are finished; the best others go on, always ``beam`` of them. The search stops as soon as no
    live hypothesis can still enter any image's ``top`` best, which changes no result.

    With ``include``, this happens in each group of hypotheses that have written equally many of the
    required tokens, and only complete ones end, see :class:`~captioner.decoding.required.Required`.

    Args:
        step: advances the model by one token, see :data:`~captioner.decoding.Step`. Its logits
            become log-probabilities over the whole vocabulary; constraints do not renormalise.
        state: one row per image.
        images: number of images, B.
        start: id of the start token, fed first.
        end: id of the end token.
        options: beam width, lengths, constraints.
        device: where the step function expects its tokens.

    Returns:
        For each image its ``top`` best distinct hypotheses, best score first. Should fewer have
        ended within ``max_length`` steps, live ones follow, best score first, cut off without an
        end token. Fewer than ``top`` come back only if the beam met no others. An image for which
        no caption holds all of ``include`` gets those that hold most of it.
    """
    beginning = state
    required = Required(options.include, end, device) if options.include else None
    constraints = constraints_of(options, end, device)
    finished = _Finished(options, end)
    live = torch.full((images, 1), start, device=device)
    log_prob = torch.zeros(images, 1, device=device)  # [B, K] of each live hypothesis
    history = live.new_empty(images, 1, 0)  # [B, K, t]
    progress = required.begin(images) if required else history  # [B, K, P]

    for length in range(1, options.max_length + 1):
        logits, state = step(live.flatten(), state)
        log_probs = F.log_softmax(logits, dim=-1, dtype=torch.float32)
        log_probs = log_probs.view(*live.shape, logits.shape[-1])
        constrain(log_probs, history, constraints, end)
        log_probs.add_(log_prob[:, :, None])
        groups = required.split(log_probs, progress) if required else log_probs[:, None]
        totals, parents, tokens = _best(groups, options.beam)

        ended = tokens == end
        if ended.any():
            # Only an ending among the `beam` best counts: a poor one that merely comes early
            # would otherwise win by being short.
            if ended[:, -1, : options.beam].any():
                finishing = totals.masked_fill(~ended, -torch.inf)[:, -1, : options.beam]
                finished.add(finishing, _rows(history, parents[:, -1, : options.beam]))
            totals, order = totals.masked_fill(ended, -torch.inf).topk(options.beam)
            parents, tokens = parents.gather(2, order), tokens.gather(2, order)
        totals, parents, tokens = (x[:, :, : options.beam] for x in (totals, parents, tokens))
        log_prob, parents, live = totals.flatten(1), parents.flatten(1), tokens.flatten(1)
        history = torch.cat([_rows(history, parents), live[:, :, None]], dim=2)
        if length == options.max_length or finished.beats(log_prob.amax(dim=1), length):
            break
        state = state.reorder(parents)
        if required:
            progress = required.advance(progress, parents, live)

    if not required:
        return finished.hypotheses(log_prob, history)
    complete_first = (
        rows.unflatten(1, (-1, options.beam)).flip(1).flatten(1, 2) for rows in (log_prob, history)
    )
    found = finished.hypotheses(*complete_first)
    if all(found):
        return found
    # Nothing was left to write before everything required had been.
    without = replace(options, include=())
    others = beam_search(step, beginning, images, start, end, without, device=device)
    return [own or other for own, other in zip(found, others, strict=True)]


class _Finished:
    """The best hypotheses so far that emitted the end token, best score first."""

    def __init__(self, options: BeamOptions, end: int) -> None:
        self.options = options
        self.end = end
        self.scores: Tensor | None = None  # [B, up to top]; -inf where nothing finished yet
        self.log_probs: Tensor
        self.tokens: Tensor  # [B, up to top, max_length], filled up with end tokens

    def add(self, log_probs: Tensor, tokens: Tensor) -> None:
        """Keep what is better than the worst kept.

        Args:
            log_probs: float ``[B, K]``, -inf for what did not finish.
            tokens: long ``[B, K, t]``, without the end token.
        """
        length = tokens.shape[2] + 1
        scores = log_probs / length**self.options.length_penalty
        tokens = F.pad(tokens, (0, self.options.max_length - tokens.shape[2]), value=self.end)
        if self.scores is not None:
            scores = torch.cat([self.scores, scores], dim=1)
            log_probs = torch.cat([self.log_probs, log_probs], dim=1)
            tokens = torch.cat([self.tokens, tokens], dim=1)
        self.scores, order = scores.topk(min(self.options.top, scores.shape[1]))
        self.log_probs = log_probs.gather(1, order)
        self.tokens = _rows(tokens, order)

    def beats(self, best_live: Tensor, length: int) -> bool:
        """Say whether no live hypothesis can still be among the best of any image.

        A log-probability only falls, so the most that a live hypothesis can hope for is to keep
        its own and have it divided by the most favourable length still possible.

        Args:
            best_live: float ``[B]``, log-probability of the best live hypothesis.
            length: number of its tokens.
        """
        if self.scores is None or self.scores.shape[1] < self.options.top:
            return False
        penalty = self.options.length_penalty
        divisor = max((length + 1) ** penalty, self.options.max_length**penalty)
        return bool((self.scores[:, -1] >= best_live / divisor).all())

    def hypotheses(self, live_log_probs: Tensor, live_tokens: Tensor) -> list[list[Hypothesis]]:
        """List each image's best, filled up with live hypotheses where too few finished."""
        length = live_tokens.shape[2]
        live_scores = live_log_probs / length**self.options.length_penalty
        live = _listed(live_tokens, live_log_probs, live_scores)
        if self.scores is None:
            return [captions[: self.options.top] for captions in live]
        finished = _listed(self.tokens, self.log_probs, self.scores, self.end)
        return [(a + b)[: self.options.top] for a, b in zip(finished, live, strict=True)]


def _listed(
    tokens: Tensor, log_probs: Tensor, scores: Tensor, end: int | None = None
) -> list[list[Hypothesis]]:
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
        totals, places = F.pad(totals, (0, missing), value=-torch.inf).topk(2 * beam)
        places = places.clamp(max=last)
    else:
        totals, places = totals.topk(2 * beam)
    return totals, places // vocabulary, places % vocabulary


def _rows(tensor: Tensor, rows: Tensor) -> Tensor:
    """Take rows ``[B, K']`` of ``[B, K, T]``, which gives ``[B, K', T]``."""
    return tensor.gather(1, rows[:, :, None].expand(-1, -1, tensor.shape[2]))
