"""Drawing captions at random; all samples of all images advance in one batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captioner.decoding.constraints import constrain, constraints_of
from captioner.decoding.types import (
    Hypothesis,
    SamplingOptions,
    StateT,
    Step,
    no_probabilities,
)


@torch.inference_mode()
def sample(  # noqa: PLR0917
    step: Step[StateT],
    state: StateT,
    images: int,
    start: int,
    end: int,
    options: SamplingOptions,
    *,
    device: torch.device | str | None = None,
) -> list[list[Hypothesis]]:
    """Draw ``top`` captions for each image, independently of one another.

    Constraints, temperature, top-k and nucleus (top-p) sampling (Holtzman et al. 2020) shape the
    distribution drawn from, in this order. The log-probabilities reported are the model's own,
    shaped by none of them.

    Args:
        step: advances the model by one token, see :data:`~captioner.decoding.Step`.
        state: one row per image.
        images: number of images, B.
        start: id of the start token, fed first.
        end: id of the end token.
        options: lengths, constraints, the shape of the distribution, the seed.
        device: where the step function expects its tokens.

    Returns:
        For each image ``top`` hypotheses in the order drawn, so duplicates are possible. A caption
        still unfinished after ``max_length`` steps is cut off without an end token.

    Raises:
        ModelError: the model gives no token a probability, as where its logits are not numbers.
    """
    generator = _generator(options.seed, device)
    constraints = constraints_of(options, end, device)
    rows = (images, options.top)
    state = state.reorder(torch.zeros(rows, dtype=torch.long, device=device))
    last = torch.full(rows, start, device=device)
    history = torch.full((*rows, options.max_length), end, device=device)
    log_prob = torch.zeros(rows, device=device)
    going = torch.ones(rows, dtype=torch.bool, device=device)

    for position in range(options.max_length):
        logits, state = step(last.flatten(), state)
        log_probs = F.log_softmax(logits, dim=-1, dtype=torch.float32)
        log_probs = log_probs.view(*rows, logits.shape[-1])
        shaped = log_probs.clone()
        constrain(shaped, history[:, :, :position], constraints, end)
        last = _draw(_narrow(_tempered(shaped, options.temperature), options), generator)
        drawn = log_probs.gather(2, last[:, :, None])[:, :, 0]
        log_prob = torch.where(going, log_prob + drawn, log_prob)
        history[:, :, position] = last
        going = going & (last != end)
        if not going.any():
            break

    return _listed(history, log_prob, end, options)


def _generator(seed: int | None, device: torch.device | str | None) -> torch.Generator | None:
    if seed is None:
        return None
    return torch.Generator(device or "cpu").manual_seed(seed)


def _draw(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw one token for each row of ``[B, K, V]``, which gives ``[B, K]``.

    With a seed all images meet the same chances, so that each has the captions that it would have
    alone: whichever comes first of events at these rates is drawn, as ``multinomial`` does it.
    """
    probabilities = F.softmax(logits, dim=-1)
    if generator is None:
        return torch.multinomial(probabilities.flatten(0, 1), 1).view(logits.shape[:2])
    times = torch.empty_like(probabilities[0]).exponential_(generator=generator)
    return (probabilities / times).argmax(dim=-1)


def _tempered(log_probs: Tensor, temperature: float) -> Tensor:
    """Divide by the temperature, the likeliest token being at 0, which no temperature moves."""
    likeliest = log_probs.amax(dim=-1, keepdim=True)
    if not likeliest.isfinite().all():
        raise no_probabilities()
    # Beyond what float32 holds it would divide by nought, or make nothing of what is forbidden.
    limits = torch.finfo(torch.float32)
    return (log_probs - likeliest) / min(max(temperature, limits.tiny), limits.max)


def _narrow(logits: Tensor, options: SamplingOptions) -> Tensor:
    if options.top_k is not None and options.top_k < logits.shape[-1]:
        logits = _top_k(logits, options.top_k)
    if options.top_p is not None and options.top_p < 1:
        logits = _top_p(logits, options.top_p)
    return logits


def _top_k(logits: Tensor, k: int) -> Tensor:
    kept, tokens = logits.topk(k)
    return torch.full_like(logits, -torch.inf).scatter(-1, tokens, kept)


def _top_p(logits: Tensor, p: float) -> Tensor:
    p = max(p, torch.finfo(torch.float32).tiny)  # what float32 takes for 0 would keep no token
    ordered, tokens = logits.sort(dim=-1, descending=True)
    probabilities = F.softmax(ordered, dim=-1)
    likelier = probabilities.cumsum(dim=-1) - probabilities  # sum of all tokens likelier than each
    kept = ordered.masked_fill(likelier >= p, -torch.inf)
    # The likeliest token always stays: no token is likelier, so its sum is 0.
    return torch.full_like(logits, -torch.inf).scatter(-1, tokens, kept)


def _listed(
    tokens: Tensor, log_probs: Tensor, end: int, options: SamplingOptions
) -> list[list[Hypothesis]]:
    return [
        [_hypothesis(row, log_prob, end, options) for row, log_prob in zip(*image, strict=True)]
        for image in zip(tokens.tolist(), log_probs.tolist(), strict=True)
    ]


def _hypothesis(row: list[int], log_prob: float, end: int, options: SamplingOptions) -> Hypothesis:
    tokens = tuple(row[: row.index(end)] if end in row else row)
    length = min(len(tokens) + 1, len(row))  # with its end token, which a cut-off caption lacks
    return Hypothesis(tokens, log_prob, log_prob / options.divisor(length))
