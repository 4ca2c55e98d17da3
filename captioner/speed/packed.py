"""Linear layers with their weights in oneDNN's own order, for a few rows of bfloat16 at a time.

A decoding step multiplies few rows (the beams) by large matrices. `torch.nn.Linear` then
takes as long to bring the weights into oneDNN's order as to multiply; here that is done once,
as `torch.compile` does it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS = 32  # the order is chosen for about so many rows: beams times photos


class PackedLinear(nn.Module):
    """`torch.nn.Linear` for inference on the CPU in bfloat16: `[..., I]` to `[..., O]`."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), ROWS)
        # Looking the overload up takes as long as a small product.
        self._multiply = torch.ops.mkldnn._linear_pointwise.default

    def forward(self, x: Tensor) -> Tensor:
        """As `torch.nn.Linear`."""
        return self._multiply(x, self.packed, self.bias, "none", [], "")

    __call__ = forward  # nobody hooks into it, and to look for hooks takes as long as to add


def pack_linears(module: nn.Module) -> None:
    """Replace every `nn.Linear` below `module`, where this build of torch can."""
    if not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return
    for name, child in list(module.named_children()):
        if type(child) is nn.Linear:
            setattr(module, name, PackedLinear(child))
        else:
            pack_linears(child)
