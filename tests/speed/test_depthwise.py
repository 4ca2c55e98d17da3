"""The quick gradient of depthwise convolutions against torch's own."""

import os
import tempfile
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._inductor.runtime.cache_dir_utils import cache_dir, default_cache_dir
from torch.nn import functional as F

from captioner.speed import depthwise
from captioner.speed.depthwise import speed_up_depthwise


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


def test_compiled_kernels_go_to_a_folder_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler itself is asked by another test."""
    monkeypatch.setattr(depthwise, "_weight_gradient", lambda *_: None)
    conv = nn.Conv2d(6, 6, 3, padding=1, groups=6)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/elsewhere")
    speed_up_depthwise(conv)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/elsewhere"

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", default_cache_dir())
    speed_up_depthwise(conv)
    folder = tmp_path / "captioner" / "kernels"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(folder) == cache_dir()
    assert folder.stat().st_mode & 0o777 == 0o700

    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    speed_up_depthwise(conv)
    assert Path(cache_dir()).parent == tmp_path
    assert Path(cache_dir()).stat().st_mode & 0o777 == 0o700


def test_other_convolutions_are_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 3, groups=2))
    speed_up_depthwise(model)
    assert all("forward" not in vars(m) for m in model)
