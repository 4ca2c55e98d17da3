"""Linear layers for a few rows of bfloat16 at a time, with their weights laid out beforehand.

A decoding step multiplies few rows (the beams) by large matrices, and fetching these from memory is
what takes the time. The few rows of one photo are multiplied by weights of eight bits, half as many
bytes. Those of many photos go through oneDNN; `torch.nn.Linear` would take as long to bring the
weights into its order as to multiply, so that is done once, as `torch.compile` does it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEW = 4  # rows; torch multiplies weights of eight bits by so many at once
ROWS = 32  # the order is chosen for about so many rows: beams times photos
_PLACES = (2.0**14, 2.0**7, 1.0, 2.0**-7, 2.0**-14)  # of a bias's digits
_COLUMNS = 32  # for these; torch's product reads past the end where the width is no multiple of it


class PackedLinear(nn.Module):
    """`torch.nn.Linear` for inference on the CPU in bfloat16: `[..., I]` to `[..., O]`.

    Its weights are rounded to eight bits, with a scale for each output, for any number of rows. So
    that a photo has the same caption alone and among others, few rows and many give the same to the
    last bit, but for the order in which float32 adds up: the scales are powers of two, so that
    bfloat16 holds the rounded weights exactly, and the bias is added before the sum is rounded.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias  # as they were
        self.width = linear.in_features
        self.few = FEW * self.width if self.width % _COLUMNS == 0 else 0  # numbers in as many rows
        self.scales = _scales(linear)
        whole = (linear.weight.float() / self.scales[:, None].float()).round().to(torch.int8)
        rounded = whole * self.scales[:, None]
        self.packed = torch.ops.mkldnn._reorder_linear_weight(rounded, ROWS)
        self._places: list[Tensor] = []  # by the number of rows, what their biases are digits of
        if self.bias is not None:
            digits = _digits(self.bias.float() / self.scales.float())
            whole = torch.cat([whole, digits], dim=1)
            places = torch.tensor([*_PLACES, *[0.0] * (_COLUMNS - len(_PLACES))])
            self._places = [places.to(self.bias.dtype).repeat(rows, 1) for rows in range(FEW + 1)]
        self.whole = whole
        # Looking overloads up takes as long as a small product.
        self._multiply = torch.ops.mkldnn._linear_pointwise.default
        self._multiply_few = torch.ops.aten._weight_int8pack_mm.default

    def forward(self, x: Tensor) -> Tensor:
        """As `torch.nn.Linear`."""
        if not 0 < x.numel() <= self.few:
            return self._multiply(x, self.packed, self.bias, "none", [], "")
        rows = x.reshape(-1, self.width)
        if self._places:
            rows = torch.cat((rows, self._places[len(rows)]), dim=1)
        product = self._multiply_few(rows, self.whole, self.scales)
        return product if x.ndim == 2 else product.view(*x.shape[:-1], -1)

    __call__ = forward  # nobody hooks into it, and to look for hooks takes as long as to add


def _scales(linear: nn.Linear) -> Tensor:
    """The powers of two `[O]`, in bfloat16, in which each output's weights are whole numbers of
    eight bits, and its bias one of five such digits."""
    least = linear.weight.float().abs().amax(dim=1) / 127
    if linear.bias is not None:
        least = torch.maximum(least, linear.bias.float().abs() / (127 * _PLACES[0]))
    least = least.clamp(min=torch.finfo(torch.bfloat16).tiny)
    return least.log2().ceil().exp2().to(torch.bfloat16)


def _digits(numbers: Tensor) -> Tensor:
    """Numbers `[O]` by their digits at the `_PLACES`, int8 `[O, _COLUMNS]`, filled up with 0."""
    digits = []
    for place in _PLACES:
        digits.append((numbers / place).round())
        numbers = numbers - digits[-1] * place
    digits += [torch.zeros_like(numbers)] * (_COLUMNS - len(digits))
    return torch.stack(digits, dim=1).to(torch.int8)


def pack_linears(module: nn.Module) -> None:
    """Replace every `nn.Linear` below `module`, where this build of torch can."""
    if not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return
    for name, child in list(module.named_children()):
        if type(child) is nn.Linear:
            setattr(module, name, PackedLinear(child))
        else:
            pack_linears(child)
