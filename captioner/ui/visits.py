"""Who is still there: work that nobody waits for any more is not done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BACK_SECONDS = 3  # within which a visitor whose connection broke comes back
FIRST_SECONDS = 60  # or one listens for the first time: programs may ask now and listen later


class Visits:
    """Which answers somebody is reading.

    A key names what an answer is read by: gradio's session, or its event.
    """

    def __init__(self) -> None:
        self._listening: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def listening(self, key: str) -> Iterator[None]:
        """Somebody reads an answer meanwhile."""
        with self._lock:
            self._listening[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._listening[key] -= 1
                self._listening += Counter()  # drops what is zero

    def wanted(self, *keys: str) -> Callable[[], bool]:
        """What says, from now on, whether anybody still waits for an answer with these keys."""
        until = time.monotonic() + FIRST_SECONDS

        def is_wanted() -> bool:
            nonlocal until
            now = time.monotonic()
            with self._lock:
                if any(key in self._listening for key in keys):
                    until = now + BACK_SECONDS
            return now < until

        return is_wanted

    def wanted_here(self) -> Callable[[], bool]:
        """The same for the function that gradio is running, which calls this."""
        from gradio.context import LocalContext

        request = LocalContext.request.get(None)
        keys = (getattr(request, "session_hash", None), LocalContext.event_id.get(None))
        return self.wanted(*(key for key in keys if key)) if any(keys) else lambda: True
