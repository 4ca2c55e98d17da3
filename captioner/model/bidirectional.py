"""Bidirectional captioning: one decoder writes from the first word on, another from the last."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captioner.model.config import DecoderConfig
from captioner.model.decoder import Decoder
from captioner.model.parts import KINDS, check_kind, part


class Bidirectional(nn.Module):
    """Two decoders, deep or not, of which the second reads and writes captions backwards.

    As in "Image Captioning with Deep Bidirectional LSTMs" (Wang et al. 2016) they are trained
    together, by the sum of their losses, and of what the two would say about a photo the likelier
    sentence is taken (`captioner.decoding.bidirectional`). They share the photo's grid features and
    nothing else.

    A forward decoder chooses its first words when it knows least of the sentence, a backward one
    its last words; each direction has sentences that it finds easier to begin.
    """

    def __init__(self, config: DecoderConfig, features: int, vocabulary: int) -> None:
        super().__init__()
        self.ahead = Decoder(config, features, vocabulary)
        self.back = Decoder(config, features, vocabulary, backward=True)

    @property
    def directions(self) -> tuple[Decoder, ...]:
        """The decoders, each with its own direction."""
        return self.ahead, self.back

    def forward(self, features: Tensor, captions: Tensor) -> Tensor:
        """Teacher-forced logits `[2, B · K, T - 1, V]`, as `Decoder.forward`; the second are those
        of the captions read backwards."""
        return torch.stack(
            [decoder(features, decoder.ordered(captions)) for decoder in self.directions]
        )


def make_decoder(config: DecoderConfig, features: int, vocabulary: int) -> Decoder | Bidirectional:
    """The decoder of the configured kind, for features `[B, N, features]`.

    Its `directions` are the decoders that are trained and searched. Raises ModelError, naming what
    there is, where a part or size of it cannot be.
    """
    check_kind(config.kind)
    return part(KINDS[config.kind])(config, features, vocabulary)
