"""Work that processes do ahead: its order, its processes, and their end."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from itertools import islice

import pytest

from captioner.datasets import in_processes
from captioner.errors import DatasetError


def square(number: int) -> int:
    return number**2


def ended(number: int, parent: int) -> int:
    if number == 300 and os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def prepared(number: int) -> str | None:
    return os.environ.get("PREPARED")


def prepare() -> None:
    os.environ["PREPARED"] = "yes"


def test_results_come_in_order() -> None:
    numbers = range(1000)
    assert list(in_processes(square, numbers, processes=2)) == [n**2 for n in numbers]
    order = [7, 7, 0, 999]
    assert list(in_processes(square, numbers, order, processes=2)) == [49, 49, 0, 998001]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")
def test_work_that_cannot_be_sent_is_done_where_processes_can_be_forked() -> None:
    assert list(in_processes(lambda n: n + 1, range(300), processes=2)) == list(range(1, 301))


def test_each_process_is_prepared_and_this_one_is_not() -> None:
    assert set(in_processes(prepared, range(300), processes=2, prepare=prepare)) == {"yes"}
    assert "PREPARED" not in os.environ


def test_no_more_is_done_than_some_results_ahead() -> None:
    asked: list[int] = []

    def order() -> Iterator[int]:
        for number in range(10**9):
            asked.append(number)
            yield number

    results = in_processes(square, range(10**9), order(), processes=2)
    assert list(islice(results, 3)) == [0, 1, 4]
    results.close()  # or this would not end
    assert len(asked) < 1000


def test_a_process_that_is_killed_is_told_of() -> None:
    with pytest.raises(DatasetError, match="ended from outside"):
        list(in_processes(partial(ended, parent=os.getpid()), range(1000), processes=2))
