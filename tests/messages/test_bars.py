"""Progress: a bar on a terminal, elsewhere a line now and then."""

import io
import sys

import pytest
from command import Terminal

from captioner.messages import progress_bar


def drawn(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, seconds: float, **more: str) -> str:
    monkeypatch.setattr("captioner.messages.bars.LINE_SECONDS", seconds)
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(progress_bar(range(5), total=5, unit="photo", **more)) == list(range(5))
    return stream.getvalue()


def test_where_there_is_no_terminal_each_state_is_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = drawn(monkeypatch, io.StringIO(), 1e-9, desc="Opening")
    assert "\r" not in text
    lines = text.splitlines()
    assert len(lines) >= 5
    assert lines[-1].startswith("Opening: 100%, 5/5 [")
    assert all(lines)
    assert drawn(monkeypatch, io.StringIO(), 1e-9).splitlines()[-1].startswith("100%, 5/5 [")


def test_what_is_quickly_done_has_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, io.StringIO(), 30.0) == ""


def test_a_terminal_has_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\r" in drawn(monkeypatch, Terminal(), 30.0)
