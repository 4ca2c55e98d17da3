"""Parts of a CNN that oneDNN computes in one go, for bfloat16 on the CPU.

A CNN of many thin layers spends more time on reading and writing feature maps than on its products.
Two habits of `torch` add to that: an activation reads and writes each map once more after the
convolution, and the mean that squeeze-and-excitation takes of a map (Hu et al. 2018) first writes a
copy of it in float32. Here the convolution applies the activation before it writes, as under
`torch.compile`, and the mean adds in float32 without a copy. Results differ by rounding only:
an activation no longer reads what was rounded first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops.misc import SqueezeExcitation

Activation = tuple[str, list[float]]  # as oneDNN names it, with its numbers

NO_ACTIVATION: Activation = ("none", [])
ACTIVATIONS: dict[type[nn.Module], Activation] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.SiLU: ("swish", []),
    nn.Hardswish: ("hardswish", []),
}


class FusedConvolution(nn.Module):
    """`torch.nn.Conv2d` and an activation for inference: `[B, C, h, w]` to `[B, C', h', w']`."""

    def __init__(self, convolution: nn.Conv2d, activation: Activation) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self._arguments = (
            convolution.padding,
            convolution.stride,
            convolution.dilation,
            convolution.groups,
            *activation,
            "",
        )

    def forward(self, x: Tensor) -> Tensor:
        """As the two modules one after the other."""
        convolve = torch.ops.mkldnn._convolution_pointwise.default
        return convolve(x, self.weight, self.bias, *self._arguments)


class SpatialMean(nn.Module):
    """`torch.nn.AdaptiveAvgPool2d(1)` for bfloat16: `[B, C, h, w]` to `[B, C, 1, 1]`."""

    def forward(self, x: Tensor) -> Tensor:
        """As the original, which for a single cell calls the slower `torch.mean`."""
        return torch.ops.aten._adaptive_avg_pool2d.default(x, [1, 1])


def fuse(module: nn.Module) -> None:
    """Replace every convolution that an activation follows, below a module that has its batch norms
    folded, and the means of squeeze-and-excitation, where this build of torch can."""
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return
    for name, child in list(module.named_children()):
        if isinstance(child, SqueezeExcitation):
            child.avgpool = SpatialMean()
        fused = _fused(child)
        if fused:
            setattr(module, name, fused)
        else:
            fuse(child)


def _fused(module: nn.Module) -> FusedConvolution | None:
    """One module in place of torchvision's `Conv2dNormActivation`, whose norm is folded."""
    layers = [layer for layer in module.children() if type(layer) is not nn.Identity]
    if not isinstance(module, nn.Sequential) or not 1 <= len(layers) <= 2:
        return None
    convolution, activation = layers[0], ACTIVATIONS.get(type(layers[-1]))
    if type(convolution) is not nn.Conv2d or isinstance(convolution.padding, str):
        return None
    if convolution.padding_mode != "zeros" or (len(layers) == 2 and not activation):
        return None
    return FusedConvolution(convolution, activation or NO_ACTIVATION)
