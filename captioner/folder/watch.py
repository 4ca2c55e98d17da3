"""Waiting for photos that are added to a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator

from captioner.images import Photo

INTERVAL = 2.0  # seconds between two looks
_IDLE_SHARE = 0.1  # of its time that a run without work may spend looking through a large folder


class Watch:
    """Looks through photos again and again, and gives those that are no longer written to.

    photos: gives those still to be captioned, found anew in each pass. A photo has settled when its
    file was last changed longer than `interval` seconds ago, or is the same as at the look before.
    """

    def __init__(self, photos: Callable[[], Iterable[Photo]], interval: float = INTERVAL) -> None:
        self._photos, self._interval = photos, interval
        self._unsettled: dict[str, str] = {}
        self.pause = interval  # seconds to wait until the next look

    def look(self) -> Iterator[Photo]:
        """The photos that have settled."""
        began = time.monotonic()
        found = 0
        growing: dict[str, str] = {}
        for photo in self._photos():
            if self._has_settled(photo, growing):
                found += 1
                yield photo
        self._unsettled = growing
        if not found:
            self.pause = max(self._interval, (time.monotonic() - began) / _IDLE_SHARE)

    def _has_settled(self, photo: Photo, growing: dict[str, str]) -> bool:
        try:
            status = os.stat(photo.path)
        except OSError:  # gone again, or a link to nothing, which its caption will say
            return os.path.islink(photo.path)
        stamp = f"{status.st_size} {status.st_mtime_ns}"
        if self._interval < time.time() - status.st_mtime:
            return True
        if self._unsettled.get(photo.name) == stamp:
            return True
        growing[photo.name] = stamp
        return False
