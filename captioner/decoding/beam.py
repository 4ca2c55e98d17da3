"""Beam search over any step function of torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captioner.decoding import lists, tensors
from captioner.decoding.trace import Trace
from captioner.decoding.types import BeamOptions, BeamStateT, Hypothesis, Step


@torch.inference_mode()
def beam_search(  # noqa: PLR0917
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
    """Search the likeliest captions of several images at once.

    At each step an image's ``beam`` best continuations are found. Those that emit the end token
    are finished; the best others go on, always ``beam`` of them. An image is settled as soon as no
    live hypothesis can still enter its ``top`` best; the others go on without it, which changes no
    result.

    With ``require``, this happens in each group of hypotheses that have written equally many of the
    required tokens, and only complete ones end (grid beam search: Hokamp and Liu 2017).

    Args:
        step: advances the model by one token, see :data:`~captioner.decoding.Step`. Its logits
            become log-probabilities over the whole vocabulary; constraints do not renormalise.
        state: one row per image.
        images: number of images, B.
        start: id of the start token, fed first.
        end: id of the end token.
        options: beam width, lengths, constraints.
        device: where the step function expects its tokens; the CPU if not given.
        trace: writes down what each step kept and pruned.

    Returns:
        For each image its ``top`` best distinct hypotheses, best score first. Should fewer have
        ended within ``max_length`` steps, those follow that could have ended in the second half of
        these steps, had their end been as likely as what else was kept; then live ones, cut off
        without an end token; either best score first. Fewer than ``top`` come back only if the
        beam met no others. An image for which no caption holds all of ``require`` gets those that
        hold most of it.

    Raises:
        ModelError: the model gives no caption of an image a probability, as where its logits are
            not numbers.
    """
    if torch.device(device or "cpu").type != "cpu":
        return tensors.search(step, state, images, start, end, options, device=device, trace=trace)

    def advance(last: list[int], state: BeamStateT) -> tuple[Scores, BeamStateT]:
        logits, after = step(torch.tensor(last), state)
        return Scores(torch.log_softmax(logits, dim=-1, dtype=torch.float32)), after

    model = lists.Model(
        advance,
        lambda state, parents: state.reorder(torch.tensor(parents)),
        lambda state, kept: state.keep(torch.tensor(kept)),
    )
    return lists.search(model, state, images, start, end, options, trace)


class Scores:
    """`captioner.decoding.lists.Scores` of log-probabilities ``[R, V]``."""

    def __init__(self, log_probs: Tensor) -> None:
        self.log_probs = log_probs

    def best(self, most: int) -> tuple[list[list[float]], list[list[int]]]:
        """The largest of each row, and their tokens."""
        found, tokens = self.log_probs.topk(min(most, self.log_probs.shape[1]))
        return found.tolist(), tokens.tolist()

    def of(self, tokens: Sequence[int]) -> list[list[float]]:
        """Of each row those of these tokens."""
        return self.log_probs[:, list(tokens)].tolist()
