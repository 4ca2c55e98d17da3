"""What training makes smaller."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from captioner.model import Decoder
from captioner.text import PAD


def cross_entropy(
    decoder: Decoder, features: Tensor, captions: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Mean negative log-likelihood of a caption's words, each given the ones before it.

    features: `[B, N, D]`. captions: `[B · K, T]`, padded. Returns a scalar, in nats a word.

    Padding never reaches the vocabulary, which is the widest layer.
    """
    outputs = decoder.outputs(features, captions)
    targets = captions[:, 1:]
    words = targets != PAD
    logits = decoder.logits(outputs[words])
    return F.cross_entropy(logits.float(), targets[words], label_smoothing=label_smoothing)
