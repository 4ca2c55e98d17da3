"""The whole model: a CNN encoder and a recurrent decoder."""

from __future__ import annotations

from torch import Tensor, nn

from captioner.model.bidirectional import make_decoder
from captioner.model.config import ModelConfig
from captioner.model.encoder import Encoder


class CaptioningModel(nn.Module):
    """Images `[B, 3, H, W]` and captions `[B · K, T]` to logits `[B · K, T - 1, V]`, or what else a
    decoder of its kind returns."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, config.preprocessing.size)
        self.decoder = make_decoder(config.decoder, self.encoder.width, config.vocabulary_size)

    def forward(self, images: Tensor, captions: Tensor) -> Tensor:
        """Teacher-forced logits, through encoder and decoder."""
        features, _ = self.encoder(images)
        return self.decoder(features, captions)
