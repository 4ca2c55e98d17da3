"""The neural network: encoder, cells, attention, decoder, and its folder on disk."""

from captioner.model.bidirectional import Bidirectional, make_decoder
from captioner.model.captioning import CaptioningModel, ModelConfig
from captioner.model.decoder import Decoder, DecoderConfig, DecoderState
from captioner.model.encoder import Encoder, EncoderConfig, encoder_names, load_pretrained
from captioner.model.inference import for_inference
from captioner.model.languages import add_language, languages_of, read_language
from captioner.model.saving import (
    load_decoder,
    load_encoder,
    read_config,
    read_model,
    save_model,
)

__all__ = [
    "Bidirectional",
    "CaptioningModel",
    "Decoder",
    "DecoderConfig",
    "DecoderState",
    "Encoder",
    "EncoderConfig",
    "ModelConfig",
    "add_language",
    "encoder_names",
    "for_inference",
    "languages_of",
    "load_decoder",
    "load_encoder",
    "load_pretrained",
    "make_decoder",
    "read_config",
    "read_language",
    "read_model",
    "save_model",
]
