"""Stretches of time as a person says them."""

from __future__ import annotations

from captioner.messages.message import Message


def duration(seconds: float) -> Message:
    """Such as "40 s", "12 min", "2 h 5 min"."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return Message("{} s", max(0, round(seconds)))
    if minutes < 60:
        return Message("{} min", minutes)
    return Message("{} h {} min", *divmod(minutes, 60))
