"""Cells against torch's own, in value and gradient."""

import torch

from captioner.model.cells import LSTM, LSTMState


def pair() -> tuple[LSTM, torch.nn.LSTMCell]:
    torch.manual_seed(0)
    ours, theirs = LSTM(5, 7).double(), torch.nn.LSTMCell(5, 7).double()
    with torch.no_grad():
        ours.input.bias.normal_()
        theirs.weight_ih.copy_(ours.input.weight)
        theirs.weight_hh.copy_(ours.recurrence.weight)
        theirs.bias_ih.copy_(ours.input.bias)
        theirs.bias_hh.zero_()
    return ours, theirs


def test_lstm_equals_torch_in_value_and_gradient() -> None:
    ours, theirs = pair()
    x, h, c = (torch.randn(3, n, dtype=torch.float64) for n in (5, 7, 7))
    out, state = ours(x, LSTMState(h, c))
    expected_h, expected_c = theirs(x, (h, c))
    torch.testing.assert_close(out, expected_h)
    torch.testing.assert_close(state.c, expected_c)
    (out.sum() + state.c.square().sum()).backward()
    (expected_h.sum() + expected_c.square().sum()).backward()
    torch.testing.assert_close(ours.input.weight.grad, theirs.weight_ih.grad)
    torch.testing.assert_close(ours.recurrence.weight.grad, theirs.weight_hh.grad)
    torch.testing.assert_close(ours.input.bias.grad, theirs.bias_ih.grad)


def test_lstm_gradients_are_numerically_right() -> None:
    ours, _ = pair()
    x, h, c = (torch.randn(2, n, dtype=torch.float64, requires_grad=True) for n in (5, 7, 7))
    assert torch.autograd.gradcheck(lambda *a: ours(a[0], LSTMState(*a[1:]))[0], (x, h, c))


def test_the_fused_sequence_equals_steps() -> None:
    ours, _ = pair()
    x = torch.randn(3, 6, 5, dtype=torch.float64)
    state = LSTMState(*(torch.randn(3, 7, dtype=torch.float64) for _ in range(2)))
    fused, last = ours.sequence(x, state)
    for t in range(6):
        h, state = ours(x[:, t], state)
        torch.testing.assert_close(fused[:, t], h)
    torch.testing.assert_close(last.h, state.h)
    torch.testing.assert_close(last.c, state.c)


def test_the_forget_gate_starts_open() -> None:
    bias = LSTM(5, 7).input.bias
    assert torch.equal(bias[7:14], torch.ones(7))
    assert torch.equal(bias[:7], torch.zeros(7))
