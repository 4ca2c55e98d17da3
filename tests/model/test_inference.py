"""Folding batch norms changes no family's features."""

import pytest
import torch
from torch import nn

from captioner.model import (
    CaptioningModel,
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    for_inference,
)

FAMILIES = [
    "resnet18", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0",
    "convnext_tiny", "regnet_y_400mf", "densenet121", "vgg11_bn",
]  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_folded_models_compute_the_same(name: str) -> None:
    torch.manual_seed(0)
    config = ModelConfig(EncoderConfig(name), DecoderConfig(hidden=8, heads=2), vocabulary_size=9)
    model = CaptioningModel(config).double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # as far from doing nothing as a trained one
            module.running_mean.normal_(std=0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, std=0.1)
    images, captions = torch.randn(2, 3, 64, 64).double(), torch.randint(0, 9, (2, 4))
    with torch.no_grad():
        expected = model(images, captions)
        features, _ = model.encoder(images)
        folded = for_inference(model, torch.float64)
        found, _ = folded.encoder(images)
        torch.testing.assert_close(found, features, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(folded(images, captions), expected)
    norms = [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 0 or name == "densenet121"  # some of its norms come before convolutions
