"""Rare words made likelier: by how much, and what stays as it is."""

import pytest
import torch

from captioner.images import Preprocessing
from captioner.model import CaptioningModel, DecoderConfig, EncoderConfig, ModelConfig
from captioner.text import END
from captioner.training.adjustment import adjust_logits

# Four special tokens, of which the end is counted too, two words and one that is never seen.
FREQUENCIES = torch.tensor([0, 0, 90, 0, 80, 5, 0], dtype=torch.float64)


def model(kind: str) -> CaptioningModel:
    decoder = DecoderConfig(hidden_size=8, heads=2, kind=kind)
    encoder = EncoderConfig("resnet18", (1,))
    return CaptioningModel(ModelConfig(encoder, decoder, Preprocessing(64), "en", 7)).eval()


@pytest.mark.parametrize("kind", ["forward", "bidirectional"])
def test_odds_of_two_words_shift_by_the_power_of_their_frequencies(kind: str) -> None:
    captioner = model(kind)
    features, captions = torch.rand(1, 4, captioner.encoder.width), torch.tensor([[1, 4, 5]])
    before = [d(features, captions) for d in captioner.decoder.directions]
    adjust_logits(captioner, FREQUENCIES, 0.25)
    for decoder, logits in zip(captioner.decoder.directions, before, strict=True):
        odds = (decoder(features, captions) - logits).exp()
        assert torch.allclose(odds[..., 5] / odds[..., 4], torch.tensor(16**0.25))
        shares = torch.tensor([80 / 85, 5 / 85])
        mean = (odds[..., 4:6].log() * shares).sum(dim=2)  # over the captions' words
        assert torch.allclose(mean, torch.zeros(()), atol=1e-5)
        unseen = [0, 1, END, 3, 6]
        assert torch.allclose(odds[..., unseen], torch.tensor(1.0))


def test_without_a_word_seen_nothing_changes() -> None:
    captioner = model("forward")
    before = captioner.decoder.output_projection.bias.clone()
    adjust_logits(captioner, torch.zeros(7), 1.0)
    assert torch.equal(captioner.decoder.output_projection.bias, before)
