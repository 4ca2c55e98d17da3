"""The neural network: encoder, cells, attention, decoder, and its folder on disk."""

from typing import TYPE_CHECKING

from captioner.lazy import offered
from captioner.model.folder import languages_of, read_trigrams

if TYPE_CHECKING:
    from captioner.model.bidirectional import Bidirectional, make_decoder
    from captioner.model.captioning import CaptioningModel
    from captioner.model.config import (
        DecoderConfig,
        EncoderConfig,
        ModelConfig,
        language_config,
        language_folder,
        read_config,
        read_vocabulary,
    )
    from captioner.model.decoder import Decoder, DecoderState
    from captioner.model.encoder import Encoder, encoder_names, load_pretrained
    from captioner.model.inference import fold_batch_norms, for_inference
    from captioner.model.languages import (
        add_language,
        load_decoder,
        read_language,
    )
    from captioner.model.saving import load_encoder, read_model, save_model

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
    "fold_batch_norms",
    "for_inference",
    "language_config",
    "language_folder",
    "languages_of",
    "load_decoder",
    "load_encoder",
    "load_pretrained",
    "make_decoder",
    "read_config",
    "read_language",
    "read_model",
    "read_trigrams",
    "read_vocabulary",
    "save_model",
]
__getattr__, __dir__ = offered(
    __name__,
    {
        "bidirectional": "Bidirectional make_decoder",
        "captioning": "CaptioningModel",
        "config": "DecoderConfig EncoderConfig ModelConfig language_config language_folder "
        "read_config read_vocabulary",
        "decoder": "Decoder DecoderState",
        "encoder": "Encoder encoder_names load_pretrained",
        "inference": "fold_batch_norms for_inference",
        "languages": "add_language load_decoder read_language",
        "saving": "load_encoder read_model save_model",
    },
)
