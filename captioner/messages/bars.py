"""How far a long piece of work is: a bar on a terminal, elsewhere a plain line now and then."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_SECONDS = 30.0  # between two lines where there is no terminal
_LINE = "{percentage:.0f}%, {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


def progress_bar(items: Iterable[Any] | None = None, **options: Any) -> tqdm:
    """A bar on standard error, see `tqdm.tqdm`.

    Where that is no terminal, no bar is drawn over and over: after half a minute there is a line,
    another each half minute, and one at the end.
    """
    from tqdm import tqdm

    options = {"smoothing": 0.05, **options}
    if sys.stderr.isatty():
        return tqdm(items, file=sys.stderr, dynamic_ncols=True, **options)
    options["bar_format"] = f"{{desc}}: {_LINE}" if options.get("desc") else _LINE
    options |= dict.fromkeys(("mininterval", "maxinterval", "delay"), LINE_SECONDS)
    return tqdm(items, file=cast(TextIO, _Lines(sys.stderr)), **options)


class _Lines:
    """A text stream to which each thing that is written is a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As any stream's, without returns and moves of the cursor."""
        line = re.sub(r"\x1b\[A|[\r\n]", "", text).strip()
        if line:
            self._stream.write(f"{line}\n")
        return len(text)
