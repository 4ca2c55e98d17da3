"""What the tests of models share."""

import pytest
import torch

from captioner.images import Preprocessing
from captioner.model import CaptioningModel, DecoderConfig, EncoderConfig, ModelConfig
from captioner.text import Vocabulary


@pytest.fixture(scope="session")
def tiny_model(vocabulary: Vocabulary) -> CaptioningModel:
    """As for all tests, but of fewer layers: hundreds of tests here write it to the disk."""
    torch.manual_seed(0)
    config = ModelConfig(
        EncoderConfig("mobilenet_v3_small", (9,)),
        DecoderConfig(hidden_size=32, heads=4),
        Preprocessing(size=64),
        vocabulary_size=len(vocabulary),
    )
    return CaptioningModel(config).eval()
