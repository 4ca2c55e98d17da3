"""Processes that work for another."""

import os
import signal

import pytest

from captioner.speed.processes import pool

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")


def test_ctrl_c_is_the_main_process_s_to_answer() -> None:
    with pool(1, "fork") as worker:
        assert worker.submit(signal.getsignal, signal.SIGINT).result() is signal.SIG_IGN


def test_each_process_is_prepared_first() -> None:
    with pool(2, "fork", _prepare) as workers:
        assert workers.submit(os.getenv, "PREPARED").result() == "yes"


def _prepare() -> None:
    os.environ["PREPARED"] = "yes"
