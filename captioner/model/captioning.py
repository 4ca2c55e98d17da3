"""The whole model: a CNN encoder and a recurrent decoder."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from captioner.errors import ModelError, OptionError
from captioner.fields import shown
from captioner.images import Preprocessing
from captioner.model.bidirectional import make_decoder
from captioner.model.decoder import DecoderConfig
from captioner.model.encoder import Encoder, EncoderConfig
from captioner.text import tokenizer


@dataclass(frozen=True)
class ModelConfig:
    """Everything that says how a model is built and fed; `config.json` of a model folder.

    unit: what the words of the vocabulary are: a unit of `captioner.text.units(language)`.
    certainty: limits between the quarters of the dev split's captions, from those of which the
    model is least certain (`Caption.certainty`) to those of which it is most; empty where unknown.
    borne_out: for each of these quarters, the share of the content words that people used, too, for
    the same photos; empty where it was not measured. Both are set by `benchmarks/certainty.py`.

    Raises ModelError where there is no such language or unit, or a limit is none.
    """

    encoder: EncoderConfig
    decoder: DecoderConfig
    preprocessing: Preprocessing
    language: str = "en"
    vocabulary_size: int = 0
    unit: str = "word"
    certainty: tuple[float, ...] = ()
    borne_out: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        try:
            tokenizer(self.language, self.unit)
        except OptionError as error:
            raise ModelError.of(error) from None
        for name in ("certainty", "borne_out"):
            values = getattr(self, name)
            if not all(0 <= value <= 1 for value in values):
                raise ModelError("A model's {} must be from 0 to 1, not {}.", name, shown(values))


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
