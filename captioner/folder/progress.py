"""How far a run is: a bar on a terminal, elsewhere a plain line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from captioner.errors import CaptionerError
from captioner.messages import Message, duration, printable, translate
from captioner.messages.bars import LINE_SECONDS

if TYPE_CHECKING:
    from tqdm import tqdm

_MOST_SENTENCES = 20  # on photos that failed; the list of failures has them all


class Progress:
    """Tells on standard error how a run goes.

    problems: what is wrong beside photos that fail, one sentence each.
    """

    def __init__(self) -> None:
        self.captioned = self.skipped = self.failed = 0
        self.problems: set[str] = set()
        self._started = self._last_line = time.monotonic()
        self._total: int | None = None
        self._is_over = threading.Event()
        self._bar: tqdm | None = None  # whose truth would be whether it has a total
        self._counter: threading.Thread | None = None

    def start(self, photos: Iterable[object]) -> None:
        """Captioning begins; `photos` are counted meanwhile, if there are any to be counted."""
        self._started = self._last_line = time.monotonic()
        if sys.stderr.isatty():
            from tqdm import tqdm

            unit = translate("photo")
            self._bar = tqdm(unit=unit, smoothing=0, dynamic_ncols=True, file=sys.stderr)
        self._counter = threading.Thread(target=self._count, args=(photos,), daemon=True)
        self._counter.start()

    def skip(self, has_failed: bool = False) -> None:
        """A photo needs no caption; has_failed: because it could not be read before."""
        self.skipped += not has_failed
        if self._bar is not None:
            self._bar.initial += 1  # what takes no time counts for no speed
            self._update_bar()

    def add(self, error: Message | None = None) -> None:
        """A photo was captioned, or failed for this reason."""
        if error:
            self.failed += 1
            self._tell_failure(error)
        else:
            self.captioned += 1
        if self._bar is not None:
            self._update_bar()
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self.write(translate(self.line()))

    def tell(self, problem: Message) -> None:
        """Something else than a photo is wrong; told once."""
        if str(problem) not in self.problems:
            self.problems.add(str(problem))
            self._complain(problem)

    def write(self, sentence: str) -> None:
        """Print a line without spoiling the bar."""
        if self._bar is not None:
            self._bar.write(sentence, file=sys.stderr)
        else:
            print(sentence, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing more will come."""
        self._is_over.set()
        if self._counter:
            self._counter.join()
        if self._bar is not None:
            self._bar.close()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._started

    def line(self) -> Message:
        """Where the run stands, in words."""
        worked, passed = self.captioned + self.failed, self.captioned + self.failed + self.skipped
        speed = worked / max(self.seconds, 1e-9)
        if self._total is None:
            return Message("{:,} photos, {:.1f} a second", passed, speed)
        left = duration((self._total - passed) / max(speed, 1e-9))
        template = "{:,} of {:,} photos, {:.1f} a second, about {} left"
        return Message(template, passed, self._total, speed, left)

    def _update_bar(self) -> None:
        assert self._bar is not None
        self._bar.total = self._total
        self._bar.update()

    def _tell_failure(self, error: Message) -> None:
        if self.failed <= _MOST_SENTENCES:
            self._complain(error)
        if self.failed == _MOST_SENTENCES:
            self._complain(Message("Further photos that fail are counted only."))

    def _complain(self, problem: Message) -> None:
        self.write(f"captioner: {printable(translate(problem))}")

    def _count(self, photos: Iterable[object]) -> None:
        """Runs beside captioning, which need not wait until a million files have been listed."""
        number = 0
        with suppress(CaptionerError):  # which captioning will meet, too, and tell
            for _ in photos:
                if self._is_over.is_set():
                    return
                number += 1
            self._total = number or None
