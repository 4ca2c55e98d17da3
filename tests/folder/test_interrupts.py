"""Ctrl+C at the wrong moment."""

import os
import signal
import threading

import pytest

from captioner.folder.interrupts import Interrupts


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def press_while_held(interrupts: Interrupts, steps: list[str], error: Exception | None) -> None:
    with interrupts.held():
        press_ctrl_c()
        steps.append("done")
        if error:
            raise error


def test_what_is_held_is_done_to_its_end() -> None:
    interrupts = Interrupts()
    steps: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with interrupts.heard():
        with pytest.raises(KeyboardInterrupt):
            press_while_held(interrupts, steps, None)
        with interrupts.held():
            steps.append("and again")
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()
    assert steps == ["done", "and again"]
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_within_is_the_error_that_comes_out() -> None:
    interrupts = Interrupts()
    with interrupts.heard(), pytest.raises(ValueError, match="mine"):
        press_while_held(interrupts, [], ValueError("mine"))


def test_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def look() -> None:
        with Interrupts().heard():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
