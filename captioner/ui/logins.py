"""Log-in attempts wait for each other, and the longer the more of them have failed."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

FREE = 5  # attempts that may fail before it becomes slow
_SPACING, _LONGEST = 0.2, 30.0  # seconds between two attempts from one place
_PATIENCE = 10.0  # seconds that an attempt may have to wait
_MOST = 10_000  # places that are remembered


@dataclass
class _Place:
    failures: int = 0
    free_at: float = float("-inf")


class Logins:
    """How long an attempt from an address has to wait; IPv6 addresses count by their network."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def wait(self, address: str, now: float | None = None) -> float | None:
        """Take the next turn: seconds until then, or None where that is too far away."""
        now = time.monotonic() if now is None else now
        place = self._place(address)
        turn = max(now, place.free_at)
        if turn - now > _PATIENCE:
            return None
        beyond = place.failures - FREE
        place.free_at = turn + (min(2.0**beyond, _LONGEST) if beyond >= 0 else _SPACING)
        return turn - now

    def ended(self, address: str, well: bool) -> None:
        """How an attempt went."""
        place = self._place(address)
        if well:
            place.failures, place.free_at = 0, float("-inf")
        else:
            # No more than that: 2 to the power of it is a time.
            place.failures = min(place.failures + 1, 100)

    def _place(self, address: str) -> _Place:
        network = _network(address)
        place = self._places.setdefault(network, _Place())
        self._places.move_to_end(network)
        if len(self._places) > _MOST:
            self._places.popitem(last=False)
        return place


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
