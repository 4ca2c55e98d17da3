"""Draws the recurrent cells of docs/cells.md: `python docs/cell_drawings.py docs/images`.

Time goes from left to right, and an input x comes from below. A yellow box is a learned layer, its
W x + U h + b and the function of that; whatever is white is computed element by element.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

INK, GATE, WIRE, MEMORY = "#1f2937", "#fde68a", "#6b7280", "#0f766e"
WIDTH = 640
Point = tuple[float, float]


class Drawing:
    """An SVG of boxes, circles, wires and letters, on white so that it shows on any page.

    top: the height at which it begins.
    """

    def __init__(self, height: int, top: int = 0) -> None:
        self.top, self.height = top, height - top
        self._wires: list[str] = []
        self._shapes: list[str] = []

    def wire(
        self, *points: Point, colour: str = WIRE, dashed: bool = False, ends: bool = True
    ) -> None:
        """A line through the points, with an arrowhead at its last one."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        head = f' marker-end="url(#{"memory" if colour == MEMORY else "wire"})"' if ends else ""
        style = f'fill="none" stroke="{colour}" stroke-width="2"{dash}{head}'
        self._wires.append(f'<polyline points="{path}" {style}/>')

    def rectangle(self, x: float, y: float, size: Point, fill: str, corner: float = 5) -> None:
        """A rectangle around a point."""
        width, height = size
        self._shapes.append(
            f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" '
            f'height="{height:g}" rx="{corner:g}" fill="{fill}" stroke="{INK}"/>'
        )

    def layer(self, x: float, y: float, function: str, name: str = "", side: int = -1) -> None:
        """A learned layer around a point: its function, and its name on the left or right side."""
        self.rectangle(x, y, (52, 32), GATE)
        self.text(x, y + 5, function)
        self.text(x + 40 * side, y + 5, name, italic=True)

    def function(self, x: float, y: float, name: str) -> None:
        """A function without weights around a point."""
        self.rectangle(x, y, (52, 32), "white", 16)
        self.text(x, y + 5, name, size=15)

    def circle(self, x: float, y: float, operation: str) -> None:
        """An operation element by element around a point."""
        self._shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="14" fill="white" stroke="{INK}"/>')
        self.text(x, y + 5, operation, size=13 if len(operation) > 2 else 16)

    def text(self, x: float, y: float, words: str, size: int = 16, italic: bool = False) -> None:
        """Words around a point."""
        style = ' font-style="italic"' if italic else ""
        self._shapes.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="middle"{style}>'
            f"{escape(words)}</text>"
        )

    def svg(self) -> str:
        """The file's text."""
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0,0L10,5L0,10z" fill="{colour}"/></marker>'
            for name, colour in (("wire", WIRE), ("memory", MEMORY))
        )
        parts = "\n".join([*self._wires, *self._shapes])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {self.top} {WIDTH} {self.height}" '
            f'width="{WIDTH}" font-family="sans-serif" fill="{INK}">\n'
            f"<defs>{heads}</defs>\n"
            f'<rect y="{self.top}" width="{WIDTH}" height="{self.height}" rx="8" fill="white"/>\n'
            f"{parts}\n</svg>\n"
        )


C, PRODUCT, GATES, BUS, X = 70.0, 150.0, 230.0, 300.0, 350.0  # heights in a drawing


def inputs(drawing: Drawing, last: float) -> None:
    """h from the left and x from below, on one line that all gates read from."""
    drawing.text(24, BUS + 5, "h", italic=True)
    drawing.text(80, X + 14, "x", italic=True)
    drawing.wire((36, BUS), (last, BUS), ends=False)
    drawing.wire((80, X), (80, BUS), ends=False)


def memory_line(drawing: Drawing) -> None:
    """c along the top."""
    drawing.text(24, C + 5, "c", italic=True)
    drawing.wire((36, C), (606, C), colour=MEMORY)
    drawing.text(620, C + 5, "c′", italic=True)


def rnn() -> Drawing:
    """The simple recurrent network."""
    drawing = Drawing(380, top=120)
    inputs(drawing, 300)
    drawing.wire((300, BUS), (300, GATES + 16))
    drawing.layer(300, GATES, "tanh")
    drawing.wire((300, GATES - 16), (300, 170), (500, 170), (500, BUS), (606, BUS))
    drawing.text(620, BUS + 5, "h′", italic=True)
    return drawing


def lstm(peepholes: bool = False, coupled: bool = False) -> Drawing:
    """The LSTM and its relatives."""
    drawing = Drawing(380)
    inputs(drawing, 430)
    memory_line(drawing)
    gates = {"f": (140, "σ"), "i": (230, "σ"), "g": (330, "tanh"), "o": (430, "σ")}
    if coupled:
        del gates["i"]
    for name, (x, function) in gates.items():
        drawing.wire((x, BUS), (x, GATES + 16))
        drawing.layer(x, GATES, function, name)
    drawing.wire((140, GATES - 16), (140, C + 14))
    if coupled:
        drawing.wire((140, PRODUCT), (196, PRODUCT))
        drawing.wire((224, PRODUCT), (266, PRODUCT))
        drawing.circle(210, PRODUCT, "1−")
    else:
        drawing.wire((230, GATES - 16), (230, PRODUCT), (266, PRODUCT))
    drawing.wire((330, GATES - 16), (330, PRODUCT), (294, PRODUCT))
    drawing.wire((280, PRODUCT - 14), (280, C + 14))
    drawing.wire((510, C), (510, 94))
    drawing.wire((510, 126), (510, 166))
    drawing.wire((430, GATES - 16), (430, 180), (496, 180))
    drawing.wire((510, 194), (510, BUS), (606, BUS))
    drawing.text(620, BUS + 5, "h′", italic=True)
    if peepholes:
        for first, gate in ((66, 126), (66, 216), (400, 416)):
            peephole = (first, C), (first, 196), (gate, 196), (gate, GATES - 16)
            drawing.wire(*peephole, colour=MEMORY, dashed=True)
    drawing.function(510, 110, "tanh")
    for x, y, operation in ((140, C, "⊙"), (280, C, "+"), (280, PRODUCT, "⊙"), (510, 180, "⊙")):
        drawing.circle(x, y, operation)
    return drawing


def gru() -> Drawing:
    """The gated recurrent unit: h itself is the memory, along the top."""
    drawing = Drawing(380)
    drawing.text(24, C + 5, "h", italic=True)
    drawing.wire((36, C), (606, C), colour=MEMORY)
    drawing.text(620, C + 5, "h′", italic=True)
    drawing.wire((66, C), (66, BUS), (410, BUS), ends=False)
    drawing.text(100, X + 14, "x", italic=True)
    drawing.wire((100, X), (100, BUS), ends=False)
    for name, x, function, side in (
        ("r", 160, "σ", -1),
        ("z", 280, "σ", -1),
        ("n", 410, "tanh", 1),
    ):
        drawing.wire((x, BUS), (x, GATES + 16))
        drawing.layer(x, GATES, function, name, side)
    drawing.wire((160, GATES - 16), (160, 180), (344, 180), (344, GATES), (384, GATES))
    drawing.wire((280, GATES - 16), (280, C + 14))
    drawing.wire((280, 125), (376, 125))
    drawing.wire((404, 125), (446, 125))
    drawing.wire((410, GATES - 16), (410, 180), (460, 180), (460, 139))
    drawing.wire((460, 111), (460, C + 14))
    for x, y, operation in ((280, C, "⊙"), (390, 125, "1−"), (460, 125, "⊙"), (460, C, "+")):
        drawing.circle(x, y, operation)
    return drawing


def grid_lstm() -> Drawing:
    """Two layers and two steps of the Grid LSTM: time to the right, depth upwards."""
    drawing = Drawing(450)
    for subscript, x in (("₁", 222), ("₂", 472)):
        drawing.text(x, 440, f"x{subscript}", italic=True)
        drawing.text(x - 38, 62, "m", italic=True)
        drawing.text(x + 38, 62, "y", italic=True)
        for bottom, top in ((420, 362), (280, 192), (110, 50)):
            drawing.wire((x - 20, bottom), (x - 20, top), colour=MEMORY)
            drawing.wire((x + 20, bottom), (x + 20, top))
        for y in (320, 150):
            drawing.rectangle(x, y, (136, 80), "#f3f4f6", 8)
            for place, arrow in ((x - 34, "→"), (x + 34, "↑")):
                drawing.rectangle(place, y, (56, 48), GATE)
                drawing.text(place, y + 6, arrow, size=20)
    for subscript, y in (("₁", 320), ("₂", 150)):
        drawing.text(42, y - 13, f"c{subscript}", italic=True)
        drawing.text(42, y + 23, f"h{subscript}", italic=True)
        for first, last in ((60, 152), (290, 402), (540, 606)):
            drawing.wire((first, y - 18), (last, y - 18), colour=MEMORY)
            drawing.wire((first, y + 18), (last, y + 18))
    return drawing


def bidirectional() -> Drawing:
    """A forward and a backward decoder beside the photo, and what they agree on."""
    drawing = Drawing(310)
    for x, word in ((190, "w₁"), (300, "w₂"), (410, "w₃")):
        drawing.text(x, 60, word, italic=True)
        drawing.wire((x, 112), (x, 72))
        drawing.layer(x, 128, "→")
        drawing.layer(x, 182, "←")
        drawing.wire((x, 198), (x, 238))
        drawing.text(x, 258, word, italic=True)
    for x in (190, 300):
        drawing.wire((x + 26, 128), (x + 84, 128))
        drawing.wire((x + 84, 182), (x + 26, 182))
    drawing.wire((90, 155), (120, 155), (120, 128), (164, 128))
    drawing.wire((120, 155), (470, 155), (470, 182), (436, 182))
    drawing.rectangle(63, 155, (54, 54), "#bfdbfe")
    drawing.text(63, 160, "CNN", size=14)
    drawing.wire((430, 55), (560, 55), (560, 139))
    drawing.wire((430, 253), (560, 253), (560, 171))
    drawing.function(560, 155, "max")
    return drawing


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "rnn": rnn,
    "lstm": lstm,
    "lstm_peephole": lambda: lstm(peepholes=True),
    "lstm_coupled": lambda: lstm(coupled=True),
    "gru": gru,
    "grid_lstm": grid_lstm,
    "bidirectional": bidirectional,
}


if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        Path(sys.argv[1], f"cell-{name}.svg").write_text(draw().svg(), encoding="utf-8")
