"""Words that are rare in the training captions made a little likelier, once training is done."""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.model import CaptioningModel
from captioner.text.vocabulary import SPECIAL


@torch.no_grad()
def adjust_logits(model: CaptioningModel, frequencies: Tensor, strength: float) -> None:
    """Logit adjustment (Menon et al. 2021, "Long-tail learning via logit adjustment"): take
    `strength` times the logarithm of its frequency from each word's logit, for good.

    A captioner writes frequent words even more often than people do. The logarithms are taken
    about their mean over the captions' words, so that beside the end of a sentence, which is not
    adjusted, words stay as likely on the whole, and sentences as long.

    frequencies: `[V]`, how often each word of the vocabulary is in the training captions.
    """
    words = frequencies > 0
    words[: len(SPECIAL)] = False
    if not words.any():
        return
    shares = frequencies[words] / frequencies[words].sum()
    commonness = shares.log() - (shares * shares.log()).sum()
    for decoder in model.decoder.directions:
        bias = decoder.output_projection.bias
        bias[words.to(bias.device)] -= strength * commonness.to(bias)
