"""The small parts of training against independent computations."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from captioner.errors import ModelError
from captioner.model import Decoder, DecoderConfig
from captioner.training import checkpoint
from captioner.training.checkpoint import Progress
from captioner.training.depthwise import speed_up_depthwise
from captioner.training.objectives import cross_entropy


def test_cross_entropy_is_the_mean_over_words_and_ignores_padding() -> None:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(hidden=16, heads=4), 12, 20).eval()
    features = torch.randn(2, 9, 12)
    captions = torch.tensor([[1, 5, 6, 2, 0, 0], [1, 7, 2, 0, 0, 0], [1, 4, 4, 4, 9, 2],
                             [1, 8, 2, 0, 0, 0]])  # fmt: skip
    log_probs = decoder(features, captions).log_softmax(2)
    by_hand = [
        -log_probs[row, t, captions[row, t + 1]]
        for row in range(4)
        for t in range(5)
        if captions[row, t + 1] != 0
    ]
    found = cross_entropy(decoder, features, captions)
    torch.testing.assert_close(found, torch.stack(by_hand).mean())


@pytest.mark.parametrize(("kernel", "stride", "size"), [(3, 1, 8), (5, 1, 9), (3, 2, 9), (5, 2, 8)])
def test_the_quick_depthwise_gradient_is_torchs_own(kernel: int, stride: int, size: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 6, kernel, stride, kernel // 2, groups=6, bias=False)
    x = torch.randn(2, 6, size, size, requires_grad=True)
    expected = F.conv2d(x, conv.weight, None, stride, kernel // 2, groups=6)
    weights = torch.randn_like(expected)
    want_x, want_w = torch.autograd.grad((expected * weights).sum(), (x, conv.weight))
    speed_up_depthwise(conv)
    found = conv(x)
    got_x, got_w = torch.autograd.grad((found * weights).sum(), (x, conv.weight))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(got_x, want_x)
    torch.testing.assert_close(got_w, want_w)


def test_other_convolutions_are_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 3, groups=2))
    speed_up_depthwise(model)
    assert all("forward" not in vars(m) for m in model)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    parameter = nn.Parameter(torch.randn(3, 4))
    optimizer = torch.optim.AdamW([parameter], lr=0.1)
    parameter.sum().backward()
    optimizer.step()
    tensors = checkpoint.named("optimizer", checkpoint.optimizer_tensors(optimizer))
    progress = Progress("abc", phase=1, epoch=3, best=12.5, best_epoch=2, rows=4)
    checkpoint.save_checkpoint(tmp_path / "c.safetensors", tensors, progress)
    loaded, read = checkpoint.load_checkpoint(tmp_path / "c.safetensors")
    assert read == progress
    fresh = torch.optim.AdamW([parameter], lr=0.1)
    checkpoint.load_optimizer(fresh, checkpoint.under("optimizer", loaded))
    for key, value in optimizer.state_dict()["state"][0].items():
        assert torch.equal(fresh.state_dict()["state"][0][key], value), key


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match=r"c\.safetensors is not a readable checkpoint"):
        checkpoint.load_checkpoint(tmp_path / "c.safetensors")
