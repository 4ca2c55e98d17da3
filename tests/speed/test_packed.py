"""The decoder's linear layers for inference, against torch's own in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from captioner.pipeline import has_bfloat16
from captioner.speed.packed import FEW, PackedLinear

pytestmark = pytest.mark.skipif(
    not has_bfloat16(torch.device("cpu")), reason="this processor has no bfloat16"
)


def linear(inputs: int, outputs: int, bias: float | None) -> nn.Linear:
    """bias: about how large it is; none if there is none."""
    torch.manual_seed(inputs)
    layer = nn.Linear(inputs, outputs, bias=bias is not None)
    if bias is not None:
        nn.init.normal_(layer.bias, std=bias)
    return layer.to(torch.bfloat16).requires_grad_(False)


def exact(layer: nn.Linear, x: Tensor) -> tuple[Tensor, Tensor]:
    """The product in float64, and by how much weights of eight bits may change it."""
    weight, wide = layer.weight.double(), x.double()
    product = wide @ weight.T + (0 if layer.bias is None else layer.bias.double())
    # No weight moves by more than half a step, of which the largest weight has 63 or more.
    steps = weight.abs().amax(dim=1).clamp(min=1e-30) / 63
    if layer.bias is not None:
        steps = torch.maximum(steps, layer.bias.double().abs() / 2**20)
    return product, wide.abs().sum(dim=-1, keepdim=True) * steps / 2


@pytest.mark.parametrize("bias", [None, 0.0, 0.01, 3.0, 1000.0])
@pytest.mark.parametrize(("inputs", "outputs"), [(512, 2409), (64, 32), (7, 5), (1024, 1024)])
@pytest.mark.parametrize("rows", [1, 3, FEW, FEW + 1, 40])
def test_it_is_the_layer_but_for_eight_bits(
    inputs: int, outputs: int, bias: float | None, rows: int
) -> None:
    layer = linear(inputs, outputs, bias)
    x = torch.randn(rows, inputs, dtype=torch.bfloat16)
    expected, margin = exact(layer, x)
    wrong = (PackedLinear(layer)(x).double() - expected).abs()
    assert (wrong <= margin + expected.abs() / 2**8 + 1e-6).all()


@pytest.mark.parametrize("bias", [None, 0.01, 3.0, 1000.0])
def test_few_rows_and_many_give_the_same(bias: float | None) -> None:
    """A sum that float32 adds up in another order may be rounded to the other side."""
    packed = PackedLinear(linear(512, 2409, bias))
    x = torch.randn(200, 512, dtype=torch.bfloat16)
    many = packed(x)
    few = torch.cat([packed(part) for part in x.split(3)])
    assert (few == many).float().mean() > 0.998
    torch.testing.assert_close(few, many, rtol=2**-7, atol=1e-4)


def test_outputs_without_weights_or_with_nothing_are_their_bias() -> None:
    layer = linear(64, 4, 1.0)
    layer.weight[0] = 0
    layer.weight[1], layer.bias[1] = 0, 0
    layer.weight[2], layer.bias[2] = 1e-20, 5
    x = torch.ones(2, 64, dtype=torch.bfloat16)
    expected = torch.stack([layer.bias[0], torch.zeros(()), torch.tensor(5.0)]).expand(2, -1)
    for rows in (x, x.repeat(9, 1)):
        torch.testing.assert_close(PackedLinear(layer)(rows)[:2, :3].float(), expected)


@pytest.mark.parametrize("bias", [None, 1.0])
def test_leading_dimensions_stay(bias: float | None) -> None:
    packed = PackedLinear(linear(64, 32, bias))
    x = torch.randn(2, 10, 64, dtype=torch.bfloat16)
    assert packed(x).shape == (2, 10, 32)
    assert packed(x[:0]).shape == (0, 10, 32)
    for part in (x[:1, :3], x[:2, :2], x[:, :2].transpose(0, 1), x[0, :3]):
        assert torch.equal(packed(part), packed(part.reshape(-1, 64)).view(*part.shape[:-1], 32))
