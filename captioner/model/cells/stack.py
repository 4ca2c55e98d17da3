"""Deep recurrent networks: layer upon layer of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from captioner.model.cells.base import Cell, Gates, Recurrent, State
from captioner.model.config import CellOptions


class Stack(Recurrent):
    """A deep recurrent network (Graves et al. 2013): each layer reads the one below.

        h_1', s_1' = cell_1(x, s_1)            y_1 = h_1'
        h_l', s_l' = cell_l(y_{l−1}, s_l)      y_l = h_l'
                                               y_l = h_l' + y_{l−1}, with residual connections

    and the output is the top layer's y. Residual connections (He et al. 2016; between LSTMs Wu et
    al. 2016) start above the first layer, whose input is a word and no hidden state; so whatever
    they add up is H wide, for any width of input. The sum goes up, not on to the next step: in its
    state a cell keeps its own h.

    The state is that of the layers one after another, bottom first, each as long as the others.
    """

    def __init__(self, layers: Sequence[Cell], residual: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.residual = residual
        self.input_size, self.hidden_size = layers[0].input_size, layers[0].hidden_size
        self.states = sum(layer.states for layer in layers)
        self.projects_linearly = layers[0].projects_linearly

    def begin(self, parts: Sequence[Tensor]) -> State:
        """As `Recurrent.begin`."""
        state: State = ()
        for layer, part in self._shares(parts):
            state += layer.begin(part)
        return state

    def project_input(self, x: Tensor) -> Tensor:
        """That of the first layer."""
        return cast(Cell, self.layers[0]).project_input(x)

    def advance(self, wx: Tensor, state: State) -> tuple[Tensor, State]:
        """As `Recurrent.advance`."""
        (first, part), *above = self._shares(state)
        y, new = first.advance(wx, part)
        for layer, part in above:
            h, last = layer(y, part)
            y = h + y if self.residual else h
            new += last
        return y, new

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """As `Recurrent.sequence`: all steps of one layer, then all of the next, which is as quick
        as the cell is alone."""
        (first, part), *above = self._shares(state)
        y, new = first.sequence(x, part)
        for layer, part in above:
            h, last = layer.sequence(y, part)
            y = h + y if self.residual else h
            new += last
        return y, new

    def trace(self, x: Tensor, state: State) -> tuple[Gates, ...]:
        """As `Recurrent.trace`."""
        (first, part), *above = self._shares(state)
        gates, y = first.trace(x, part), first.sequence(x, part)[0]
        for layer, part in above:
            gates += layer.trace(y, part)
            h, _ = layer.sequence(y, part)
            y = h + y if self.residual else h
        return gates

    def _shares(self, state: Sequence[Tensor]) -> list[tuple[Cell, State]]:
        """Each layer with its part of the state."""
        size = len(state) // len(self.layers)
        return [
            (cast(Cell, layer), tuple(state[start : start + size]))
            for layer, start in zip(self.layers, range(0, len(state), size), strict=True)
        ]


def deep(kind: type[Cell], input_size: int, hidden_size: int, options: CellOptions) -> Recurrent:
    """As many layers of one kind of cell as the options say; a single one is the cell itself."""
    if options.layers == 1:
        return kind(input_size, hidden_size, options)
    widths = [input_size] + [hidden_size] * (options.layers - 1)
    return Stack([kind(width, hidden_size, options) for width in widths], options.residual)
