"""A quick gradient for depthwise convolutions on the CPU.

oneDNN's backward pass of a bfloat16 depthwise convolution takes two thirds of an EfficientNet's
training step, though it holds one hundredth of the arithmetic. The weight's gradient is a sum of
k × k shifted products, which `torch.compile` turns into one vectorised loop; the input's gradient
is a convolution without a stride, which oneDNN does well.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._dynamo import config
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from captioner.messages import Message, reason

log = logging.getLogger(__name__)

_KERNELS = "TORCHINDUCTOR_CACHE_DIR"  # PyTorch's own variable


def speed_up_depthwise(module: nn.Module) -> None:
    """Give every depthwise convolution below `module` the quick gradient.

    Nothing changes in values or in the state dict. Where no C++ compiler is found, nothing changes
    at all, and a warning says that training will be slower.
    """
    convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d) and _is_depthwise(m)]
    if not convolutions:
        return
    _keep_kernels_private()
    # One compilation for each size of feature map, and an EfficientNet-B4 has fifteen.
    limit = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"  # 2.6's
    setattr(config, limit, max(64, getattr(config, limit)))
    try:
        x = torch.zeros(1, 2, 3, 3, dtype=torch.bfloat16)
        _weight_gradient(x, torch.zeros(1, 2, 1, 1, dtype=torch.bfloat16), (3, 3), 1)
    except Exception as error:  # whatever torch.compile lacks on this machine
        slower = "Training will be slower: torch.compile does not work here ({})."
        log.warning(Message(slower, reason(error)))
        return
    for convolution in convolutions:
        convolution.forward = _Forward(convolution)  # type: ignore[method-assign, assignment]


def _keep_kernels_private() -> None:
    """Have kernels compiled to the user's own cache, where a variable does not say otherwise.

    PyTorch's default is a folder for everybody's temporary files, under a name that any user of the
    computer can take first, to have code of theirs loaded.
    """
    # PyTorch writes its default into the variable as soon as it is imported.
    if os.environ.get(_KERNELS) not in (None, "", default_cache_dir()):
        return
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "captioner" / "kernels"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except (OSError, RuntimeError):  # no home, or none that can be written to
        folder = Path(tempfile.mkdtemp(prefix="captioner-kernels-"))
    os.environ[_KERNELS] = str(folder)


class _Forward:
    def __init__(self, convolution: nn.Conv2d) -> None:
        self.convolution = convolution

    def __call__(self, x: Tensor) -> Tensor:
        conv = self.convolution
        weight = conv.weight
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            x, weight = x.to(dtype), weight.to(dtype)
        if not torch.is_grad_enabled():
            return F.conv2d(x, weight, conv.bias, conv.stride, conv.padding, groups=conv.groups)
        out = _Depthwise.apply(x, weight, conv.stride[0], conv.padding[0])
        return out if conv.bias is None else out + conv.bias.view(1, -1, 1, 1)


def _is_depthwise(m: nn.Conv2d) -> bool:
    return (
        m.groups == m.in_channels == m.out_channels
        and m.dilation == (1, 1)
        and m.stride[0] == m.stride[1]
        and isinstance(m.padding, tuple)
        and m.padding[0] == m.padding[1] < m.kernel_size[0] == m.kernel_size[1]
        and m.padding_mode == "zeros"
    )


class _Depthwise(torch.autograd.Function):
    """`y[n, c] = x[n, c] ⋆ w[c]`, with the weight's gradient by shifted products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        grad_x = _input_gradient(x, weight, grad, ctx) if ctx.needs_input_grad[0] else None
        padded = F.pad(x, (ctx.padding,) * 4).contiguous(memory_format=torch.channels_last)
        kernel = (weight.shape[2], weight.shape[3])
        grad_weight = _weight_gradient(padded, grad, kernel, ctx.stride)
        return grad_x, grad_weight.to(weight.dtype), None, None


def _input_gradient(x: Tensor, weight: Tensor, grad: Tensor, ctx: Any) -> Tensor:
    """The strided gradient is slow in oneDNN too: spread it out and convolve without a stride."""
    kernel = weight.shape[2]
    if ctx.stride > 1:
        size = [n + 2 * ctx.padding - kernel + 1 for n in x.shape[2:]]
        spread = torch.zeros(
            (*grad.shape[:2], *size), dtype=grad.dtype, device=grad.device
        ).contiguous(memory_format=torch.channels_last)
        spread[:, :, :: ctx.stride, :: ctx.stride] = grad
        grad = spread
    padding = kernel - 1 - ctx.padding
    return F.conv2d(grad, weight.flip(2, 3), None, 1, padding, groups=x.shape[1])


@torch.compile(dynamic=False)
def _weight_gradient(x: Tensor, grad: Tensor, kernel: tuple[int, int], stride: int) -> Tensor:
    """Padded input `[B, C, H, W]` and output gradient `[B, C, h, w]` to `[C, 1, kh, kw]`."""
    height, width = grad.shape[2], grad.shape[3]
    x, grad = x.permute(0, 2, 3, 1), grad.permute(0, 2, 3, 1).float()
    sums = [
        (
            x[:, i : i + stride * height : stride, j : j + stride * width : stride].float() * grad
        ).sum((0, 1, 2))
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]
    return torch.stack(sums, 1).view(-1, 1, *kernel)
