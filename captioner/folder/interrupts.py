"""Ctrl+C that waits until what is being written has been written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Within `heard` Ctrl+C raises KeyboardInterrupt as ever, but within `held` only at its end."""

    def __init__(self) -> None:
        self._is_held = self._came = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Answer Ctrl+C; in any other thread than the main one, which alone can, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._answer)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what is done within from being cut in two."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._came:
            self._came = False
            raise KeyboardInterrupt

    def _answer(self, number: int, frame: FrameType | None) -> None:
        if not self._is_held:
            raise KeyboardInterrupt
        self._came = True
