"""Folding batch norms and fusing layers changes no family's features."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torchvision.ops.misc import SqueezeExcitation

from captioner.images import Preprocessing
from captioner.model import (
    CaptioningModel,
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    for_inference,
)
from captioner.speed.fused import FusedConvolution, SpatialMean

FAMILIES = [
    "resnet18", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0",
    "convnext_tiny", "regnet_y_400mf", "densenet121", "vgg11_bn",
]  # fmt: skip


def like_trained(name: str) -> CaptioningModel:
    """A model with random weights, whose batch norms are as far from doing nothing as trained
    ones."""
    torch.manual_seed(0)
    config = ModelConfig(
        EncoderConfig(name),
        DecoderConfig(hidden_size=8, heads=2),
        Preprocessing(),
        vocabulary_size=9,
    )
    model = CaptioningModel(config).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, std=0.1)
    return model


@pytest.mark.parametrize("name", FAMILIES)
def test_folded_models_compute_the_same(name: str) -> None:
    model = like_trained(name).double()
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


def error(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found.float() - truth).square().mean().sqrt() / truth.square().mean().sqrt())


@pytest.mark.parametrize("name", FAMILIES)
def test_fused_models_are_as_near_to_float32_as_plain_bfloat16(name: str) -> None:
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        pytest.skip("this build of torch has no oneDNN")
    model = like_trained(name)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        truth, _ = model.encoder(images)
        plain, _ = copy.deepcopy(model).to(torch.bfloat16).encoder(images.to(torch.bfloat16))
        fused = for_inference(model, torch.bfloat16)
        found, _ = fused.encoder(images.to(torch.bfloat16))
    assert found.dtype is torch.bfloat16
    assert error(found, truth) < 1.1 * error(plain, truth) + 1e-3


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("mobilenet_v2", nn.ReLU6),
        ("mobilenet_v3_small", nn.Hardswish),
        ("efficientnet_b0", nn.SiLU),
    ],
)
def test_no_activation_is_left_after_a_convolution(name: str, left: type[nn.Module]) -> None:
    fused = for_inference(like_trained(name), torch.bfloat16).encoder
    kinds = [type(module) for module in fused.modules()]
    if FusedConvolution not in kinds:
        pytest.skip("this build of torch has no oneDNN")
    squeezes = [module for module in fused.modules() if isinstance(module, SqueezeExcitation)]
    assert kinds.count(left) == sum(isinstance(own.activation, left) for own in squeezes)
    assert all(isinstance(own.avgpool, SpatialMean) for own in squeezes)


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40))
def test_means_are_those_of_float32(batch: int, channels: int, height: int, width: int) -> None:
    x = torch.randn(batch, channels, height, width).to(torch.bfloat16)
    for own in (x, x.to(memory_format=torch.channels_last)):
        truth = own.float().mean(dim=(2, 3), keepdim=True)
        torch.testing.assert_close(SpatialMean()(own).float(), truth, rtol=0.01, atol=1e-4)
