"""Cells against torch's own, against their papers' equations in NumPy, and against themselves."""

import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from captioner.errors import ModelError
from captioner.model.cells import (
    CELLS,
    LSTM,
    Cell,
    CellOptions,
    CoupledLSTM,
    Recurrent,
    State,
    cell,
)
from captioner.model.cells.base import in_one_chunk

NAMES = ["rnn", "lstm", "lstm_peephole", "lstm_coupled", "gru", "grid_lstm"]
LSTMS = ["lstm", "lstm_peephole", "lstm_coupled", "grid_lstm"]
Weights = Mapping[str, np.ndarray]
Arrays = tuple[np.ndarray, ...]

options = st.builds(
    lambda layers, residual, layer_norm, dropout: CellOptions(
        layers=layers,
        residual=residual and layers > 1,
        layer_norm=layer_norm,
        recurrent_dropout=dropout,
    ),
    st.integers(1, 3), st.booleans(), st.booleans(), st.sampled_from([0.0, 0.4]),
)  # fmt: skip


def make(name: str, opts: CellOptions | None = None, inputs: int = 5, hidden: int = 7) -> Recurrent:
    """A cell in float64 whose every parameter is far from its first value."""
    torch.manual_seed(0)
    made = cell(name, inputs, hidden, opts).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made


def parts(network: Recurrent, rows: int = 3) -> list[Tensor]:
    return [torch.randn(rows, network.hidden_size).double() for _ in range(network.states)]


# The papers' equations, one sample or many, in NumPy. `p` holds a layer's weights; `mask` is that
# of the recurrent dropout.


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def normed(p: Weights, name: str, a: np.ndarray) -> np.ndarray:
    if f"{name}.weight" not in p:
        return a
    centred = a - a.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return centred / deviation * p[f"{name}.weight"] + p.get(f"{name}.bias", 0.0)


def sums(p: Weights, x: np.ndarray, h: np.ndarray) -> Arrays:
    wx = normed(
        p, "input_norm", x @ p["input_projection.weight"].T + p.get("input_projection.bias", 0.0)
    )
    uh = h @ p["hidden_projection.weight"].T + p.get("hidden_projection.bias", 0.0)
    return wx, normed(p, "hidden_norm", uh)


def rnn(p: Weights, x: np.ndarray, state: Arrays, mask: Any) -> Arrays:
    wx, uh = sums(p, x, state[0] * mask)
    return (np.tanh(wx + uh),)


def lstm(p: Weights, x: np.ndarray, state: Arrays, mask: Any) -> Arrays:
    h, c = state
    i, f, g, o = np.split(sum(sums(p, x, h * mask)), 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(normed(p, "cell_norm", c)), c


def lstm_peephole(p: Weights, x: np.ndarray, state: Arrays, mask: Any) -> Arrays:
    h, c = state
    i, f, g, o = np.split(sum(sums(p, x, h * mask)), 4, axis=-1)
    i, f = sigmoid(i + p["peepholes"][0] * c), sigmoid(f + p["peepholes"][1] * c)
    c = f * c + i * np.tanh(g)
    o = sigmoid(o + p["peepholes"][2] * c)
    return o * np.tanh(normed(p, "cell_norm", c)), c


def lstm_coupled(p: Weights, x: np.ndarray, state: Arrays, mask: Any) -> Arrays:
    h, c = state
    f, g, o = np.split(sum(sums(p, x, h * mask)), 3, axis=-1)
    f = sigmoid(f)
    c = f * c + (1 - f) * np.tanh(g)
    return sigmoid(o) * np.tanh(normed(p, "cell_norm", c)), c


def gru(p: Weights, x: np.ndarray, state: Arrays, mask: Any) -> Arrays:
    (h,) = state
    wx, uh = sums(p, x, h * mask)
    (r, z, n), (uh_r, uh_z, uh_n) = np.split(wx, 3, -1), np.split(uh, 3, -1)
    r, z = sigmoid(r + uh_r), sigmoid(z + uh_z)
    n = np.tanh(n + r * uh_n)
    return ((1 - z) * n + z * h,)


def grid_transform(p: Weights, x: np.ndarray, state: Arrays, mask: Any) -> Arrays:
    h, m = state
    u, f, c, o = np.split(sum(sums(p, x, h * mask)), 4, axis=-1)
    m = sigmoid(f) * m + sigmoid(u) * np.tanh(c)
    return np.tanh(sigmoid(o) * normed(p, "cell_norm", m)), m


EQUATIONS: dict[str, Callable[..., Arrays]] = {
    "rnn": rnn, "lstm": lstm, "lstm_peephole": lstm_peephole, "lstm_coupled": lstm_coupled,
    "gru": gru,
}  # fmt: skip


def layer_weights(network: nn.Module) -> Weights:
    return {name: value.detach().numpy() for name, value in network.named_parameters()}


def layer_states(network: Recurrent, state: State, layers: int) -> Iterator[tuple[Arrays, Any]]:
    """Each layer's own tensors, and the mask that follows them."""
    own, size = network.states // layers, len(state) // layers
    for start in range(0, len(state), size):
        layer = [part.numpy() for part in state[start : start + size]]
        yield tuple(layer[:own]), layer[own] if size > own else 1.0


def by_hand(
    name: str, network: Recurrent, opts: CellOptions, x: Tensor, state: State
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A step of a network of any depth: its output, and its state without masks."""
    below, new = x.numpy(), []
    shares = list(layer_states(network, state, opts.layers))
    if name == "grid_lstm":
        p = layer_weights(network)
        y, m = np.split(
            below @ p["input_projection.weight"].T + p["input_projection.bias"], 2, axis=-1
        )
        for time, depth, (own, mask) in zip(network.time, network.depth, shares, strict=True):
            h, c = grid_transform(layer_weights(time), y, own, mask)
            up, m = grid_transform(layer_weights(depth), h, (y, m), 1.0)
            y = up + y if opts.residual else up
            new += [h, c]
        return y, new
    stacked = [network] if opts.layers == 1 else list(network.layers)
    for number, (layer, (own, mask)) in enumerate(zip(stacked, shares, strict=True)):
        last = EQUATIONS[name](layer_weights(layer), below, own, mask)
        below = last[0] + below if opts.residual and number else last[0]
        new += last
    return below, new


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(opts=options, training=st.booleans())
def test_a_step_equals_the_papers_equations(name: str, opts: CellOptions, training: bool) -> None:
    network = make(name, opts).train(training)
    x, state = torch.randn(3, 5).double(), network.begin(parts(network))
    with torch.no_grad():
        h, after = network(x, state)
    expected, expected_state = by_hand(name, network, opts, x, state)
    np.testing.assert_allclose(h.numpy(), expected, rtol=0, atol=1e-12)
    found = [s for own, _ in layer_states(network, after, opts.layers) for s in own]
    for part, right in zip(found, expected_state, strict=True):
        np.testing.assert_allclose(part, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(
    opts=options,
    training=st.booleans(),
    rows=st.integers(1, 3),
    length=st.integers(1, 6),
)
def test_a_sequence_equals_its_steps(
    name: str, opts: CellOptions, training: bool, rows: int, length: int
) -> None:
    network = make(name, opts).train(training)
    x = torch.randn(rows, length, 5).double()
    state = network.begin(parts(network, rows))
    together, last = network.sequence(x, state)
    for t in range(length):
        h, state = network.advance(network.project_input(x[:, t]), state)
        torch.testing.assert_close(together[:, t], h, rtol=0, atol=1e-12)
    for part, right in zip(last, state, strict=True):
        torch.testing.assert_close(part, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_numerically_right(name: str, layer_norm: bool, sequence: bool) -> None:
    opts = CellOptions(layers=2, residual=True, layer_norm=layer_norm)
    network = make(name, opts, inputs=2, hidden=3)
    names, weights = zip(*network.named_parameters(), strict=True)
    x = torch.randn(1, 2, 2).double() if sequence else torch.randn(1, 2).double()
    inputs = (x, *parts(network, 1), *(weight.detach() for weight in weights))

    class Run(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
            run = self.network.sequence if sequence else self.network
            h, last = run(x, state)
            return h, *last

    def function(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        state, values = others[: network.states], others[network.states :]
        given = {f"network.{n}": v for n, v in zip(names, values, strict=True)}
        return functional_call(Run(), given, (x, *state))

    assert torch.autograd.gradcheck(function, tuple(i.requires_grad_() for i in inputs))


TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
PARTS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]


def torchs_own(name: str, network: Recurrent, layers: int) -> nn.Module:
    """Torch's network with random weights, which are copied into ours."""
    theirs = TORCH[name](5, 7, num_layers=layers, batch_first=True).double()
    with torch.no_grad():
        for number, layer in enumerate([network] if layers == 1 else network.layers):
            w, u, b, d = (getattr(theirs, f"{part}_l{number}").normal_(std=0.5) for part in PARTS)
            layer.weight_ih.copy_(w)
            layer.weight_hh.copy_(u)
            layer.input_projection.bias.copy_(b if name == "gru" else b + d)
            if name == "gru":
                layer.hidden_projection.bias.copy_(d)
    return theirs


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("name", TORCH)
def test_value_and_gradient_equal_torchs_own(name: str, steps: bool, layers: int) -> None:
    network = make(name, CellOptions(layers=layers))
    theirs = torchs_own(name, network, layers)
    x, first = torch.randn(3, 4, 5).double(), parts(network)
    own = network.states // layers
    begin = [torch.stack(first[kind::own]) for kind in range(own)]
    expected, _ = theirs(x, tuple(begin) if own > 1 else begin[0])
    if steps:
        state, found = network.begin(first), []
        for t in range(4):
            h, state = network(x[:, t], state)
            found.append(h)
        h = torch.stack(found, dim=1)
    else:
        h, _ = network.sequence(x, network.begin(first))
    torch.testing.assert_close(h, expected, rtol=0, atol=1e-6)
    h.square().sum().backward()
    expected.square().sum().backward()
    for number, layer in enumerate([network] if layers == 1 else network.layers):
        for ours, kind in ((layer.input_projection, "ih"), (layer.hidden_projection, "hh")):
            right = getattr(theirs, f"weight_{kind}_l{number}").grad
            torch.testing.assert_close(ours.weight.grad, right, rtol=0, atol=1e-6)
            if ours.bias is not None:
                right = getattr(theirs, f"bias_{kind}_l{number}").grad
                torch.testing.assert_close(ours.bias.grad, right, rtol=0, atol=1e-6)


def count_kernel_calls(network: Recurrent, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    calls: list[None] = []
    for layer in network.modules():
        if isinstance(layer, Cell) and layer.kernel is not None:
            kernel = layer.kernel

            def counting(*arguments: Any, kernel: Callable[..., Any] = kernel) -> Any:
                calls.append(None)
                return kernel(*arguments)

            monkeypatch.setattr(layer, "kernel", counting)
    return calls


@pytest.mark.parametrize(
    ("name", "opts", "training", "expected"),
    [
        ("rnn", {"layers": 3}, True, 3),
        ("lstm", {"layers": 2, "residual": True}, True, 2),
        ("lstm_coupled", {}, True, 1),
        ("gru", {"layers": 2}, True, 2),
        ("gru", {"recurrent_dropout": 0.5}, False, 1),
        ("gru", {"recurrent_dropout": 0.5}, True, 0),
        ("lstm", {"layer_norm": True}, False, 0),
    ],
)
def test_known_captions_take_the_fused_kernel_where_it_computes_the_same(
    name: str, opts: dict[str, Any], training: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make(name, CellOptions(**opts)).train(training)
    calls = count_kernel_calls(network, monkeypatch)
    network.sequence(torch.randn(3, 4, 5).double(), network.begin(parts(network)))
    assert len(calls) == expected


def test_weights_for_a_gpu_s_kernel_lie_one_after_another() -> None:
    """The layout that cuDNN takes without copying."""
    lstm = LSTM(3, 4)
    given = lstm.kernel_weights()
    laid = in_one_chunk(given)
    assert all(torch.equal(a, b) for a, b in zip(given, laid, strict=True))
    size, start = laid[0].element_size(), laid[0].data_ptr()
    ends = np.cumsum([weight.numel() for weight in laid])
    assert [weight.data_ptr() for weight in laid] == [start, *(start + size * ends[:-1])]
    (own,) = torch.autograd.grad(laid[1].square().sum(), lstm.weight_hh)
    torch.testing.assert_close(own, 2 * lstm.weight_hh)


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_has_one_dropout_mask_and_rows_their_own(name: str) -> None:
    network = make(name, CellOptions(layers=2, recurrent_dropout=0.5)).train()
    state = network.begin(parts(network, rows=40))
    own = network.states // 2
    masks = [state[own], state[-1]]
    for mask in masks:
        assert set(mask.unique().tolist()) == {0.0, 2.0}  # what stays is scaled up
        assert len(mask.unique(dim=0)) > 30
    assert not torch.equal(*masks)
    _, last = network.sequence(torch.randn(40, 5, 5).double(), state)
    assert torch.equal(last[own], masks[0])
    assert torch.equal(last[-1], masks[1])
    assert len(network.eval().begin(parts(network))) == network.states


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layer_norm", [False, True])
def test_normalised_cells_are_blind_to_the_scale_of_their_weights(
    name: str, layer_norm: bool
) -> None:
    network = make(name, CellOptions(layers=2, layer_norm=layer_norm))
    x, state = torch.randn(3, 4, 5).double(), network.begin(parts(network))
    before, _ = network.sequence(x, state)
    cells = [module for module in network.modules() if isinstance(module, Cell)]
    for weights in ([c.weight_ih for c in cells], [c.weight_hh for c in cells]):
        for weight in weights:
            with torch.no_grad():
                weight.mul_(5)
            after, _ = network.sequence(x, state)
            assert torch.allclose(after, before, rtol=0, atol=1e-3) == layer_norm
            before = after


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layer_norm", [False, True])
def test_projections_add_up_exactly_where_the_cell_says_so(name: str, layer_norm: bool) -> None:
    network = make(name, CellOptions(layer_norm=layer_norm))
    x, y = torch.randn(3, 5).double(), torch.randn(3, 5).double()
    apart = (
        network.project_input(x)
        + network.project_input(y)
        - network.project_input(torch.zeros_like(x))
    )
    assert torch.allclose(network.project_input(x + y), apart) == network.projects_linearly
    assert network.projects_linearly == (not layer_norm or name == "grid_lstm")


@pytest.mark.parametrize("name", LSTMS)
@pytest.mark.parametrize("layers", [1, 3])
def test_a_trace_tells_how_the_cell_state_came_about(name: str, layers: int) -> None:
    opts = CellOptions(layers=layers, residual=layers > 1)
    network = make(name, opts)
    x, state = torch.randn(3, 6, 5).double(), network.begin(parts(network))
    traced = network.trace(x, state)
    assert len(traced) == layers
    for t in range(6):
        before = state
        _, state = network(x[:, t], state)
        for layer, gates in enumerate(traced):
            c_before, h, c = before[2 * layer + 1], state[2 * layer], state[2 * layer + 1]
            torch.testing.assert_close(gates.cell[:, t], c)
            # From here on by the equations: what came in is a tanh, and o shows c in h.
            came_in = (c - gates.forget[:, t] * c_before) / gates.input[:, t]
            assert (came_in.abs() <= 1 + 1e-9).all()
            o = gates.output[:, t]
            shown = torch.tanh(o * c) if name == "grid_lstm" else o * torch.tanh(c)
            torch.testing.assert_close(h, shown)
            for gate in gates[:3]:
                assert ((gate > 0) & (gate < 1)).all()
            if name == "lstm_coupled":
                torch.testing.assert_close(gates.input + gates.forget, torch.ones(3, 6, 7).double())


def test_a_trace_has_the_gates_of_the_equations() -> None:
    network = make("lstm")
    x, state = torch.randn(3, 1, 5).double(), network.begin(parts(network))
    gates = network.trace(x, state)[0]
    p = layer_weights(network)
    i, f, _, o = np.split(sum(sums(p, x[:, 0].numpy(), state[0].numpy())), 4, axis=-1)
    for gate, right in ((gates.input, i), (gates.forget, f), (gates.output, o)):
        np.testing.assert_allclose(gate[:, 0].detach().numpy(), sigmoid(right), atol=1e-12)


@pytest.mark.parametrize("name", ["rnn", "gru"])
@pytest.mark.parametrize("layers", [1, 2])
def test_only_lstms_leave_a_trace(name: str, layers: int) -> None:
    network = make(name, CellOptions(layers=layers))
    assert network.trace(torch.randn(3, 2, 5).double(), network.begin(parts(network))) == ()


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize(("kind", "block"), [(LSTM, 1), (CoupledLSTM, 0)])
def test_the_forget_gate_starts_as_open_as_asked(
    kind: type[LSTM], block: int, layer_norm: bool
) -> None:
    bias = kind(5, 7, CellOptions(layer_norm=layer_norm, forget_bias=2.5)).bias
    forget = slice(7 * block, 7 * block + 7)
    assert torch.equal(bias[forget], torch.full((7,), 2.5))
    assert bias.sum() == 7 * 2.5
    assert LSTM(5, 7).bias[7] == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("orthogonal", [False, True])
def test_recurrences_start_orthogonal_if_asked(name: str, orthogonal: bool) -> None:
    network = cell(name, 5, 7, CellOptions(layers=2, orthogonal=orthogonal))
    layers = [module for module in network.modules() if isinstance(module, Cell)]
    assert layers
    for layer in layers:
        for block in layer.weight_hh.split(7):
            close = torch.allclose(block @ block.T, torch.eye(7), atol=1e-5)
            assert close == orthogonal


def test_peepholes_start_closed() -> None:
    torch.manual_seed(0)
    plain, peephole = cell("lstm", 5, 7), cell("lstm_peephole", 5, 7)
    peephole.load_state_dict(plain.state_dict(), strict=False)
    x, state = torch.randn(3, 5), (torch.randn(3, 7), torch.randn(3, 7))
    torch.testing.assert_close(plain(x, state)[0], peephole(x, state)[0])


def test_a_new_cell_is_one_class_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Leaky(Cell):
        blocks, states = 1, 1

        def update(self, wx: Tensor, uh: Tensor, state: State) -> State:
            return (0.9 * state[0] + 0.1 * torch.tanh(wx + uh),)

    module = ModuleType("captioner.model.cells.leaky")
    vars(module)["Leaky"] = Leaky
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(CELLS, "leaky", "cells.leaky:Leaky")
    opts = CellOptions(layers=2, residual=True, layer_norm=True, recurrent_dropout=0.5)
    network = cell("leaky", 5, 7, opts).double()
    x, state = torch.randn(3, 6, 5).double(), network.begin(parts(network))
    together, _ = network.sequence(x, state)
    for t in range(6):
        h, state = network(x[:, t], state)
        torch.testing.assert_close(together[:, t], h)


def test_the_table_has_every_cell_of_the_course() -> None:
    assert list(CELLS) == NAMES


@pytest.mark.parametrize(
    ("make_it", "said"),
    [
        (lambda: cell("abacus", 5, 7), "no cell named 'abacus'; there is: rnn, lstm, lstm_peep"),
        (lambda: cell("lstm", 0, 7), "input_size must be 1 or more, not 0"),
        (lambda: cell("gru", 5, -1), "hidden_size must be 1 or more, not -1"),
        (lambda: CellOptions(layers=0), "layers must be 1 or more, not 0"),
        (lambda: CellOptions(residual=True), "residual needs 2 layers or more"),
        (lambda: CellOptions(recurrent_dropout=1.0), "less than 1, not 1.0"),
        (lambda: CellOptions(recurrent_dropout=-0.1), "from 0 to less than 1, not -0.1"),
    ],
)
def test_what_cannot_be_is_explained(make_it: Callable[[], object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        make_it()
