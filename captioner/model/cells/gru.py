"""The gated recurrent unit: a memory that is its own output."""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.model.cells.base import Cell, State


class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014), in the form that `torch.nn.GRU` computes.

        r = σ(W_r x + b_r + U_r h + d_r)              reset gate
        z = σ(W_z x + b_z + U_z h + d_z)              update gate
        n = tanh(W_n x + b_n + r ⊙ (U_n h + d_n))     candidate
        h' = (1 − z) ⊙ n + z ⊙ h

    One gate decides what stays and what comes, as in `CoupledLSTM`, and there is no cell state
    beside h. In the paper the reset gate comes before the product, U_n (r ⊙ h); here it comes
    after, so that U h is one product for all three blocks. The second bias d is of use for n alone,
    where r stands between it and b. Blocks of W and U in the order r, z, n.
    """

    blocks, states = 3, 1
    recurrent_bias = True
    kernel = staticmethod(torch.gru)

    def update(self, wx: Tensor, uh: Tensor, state: State) -> State:
        """The equations above."""
        wx_r, wx_z, wx_n = wx.chunk(3, dim=-1)
        uh_r, uh_z, uh_n = uh.chunk(3, dim=-1)
        r, z = torch.sigmoid(wx_r + uh_r), torch.sigmoid(wx_z + uh_z)
        n = torch.tanh(wx_n + r * uh_n)
        return (n + z * (state[0] - n),)  # the last equation with one product less
