"""The names a page goes by, who waits for a log-in, and who is still there."""

import socket

import pytest

from captioner.ui import visits as module
from captioner.ui.logins import FREE, Logins
from captioner.ui.middleware import Names
from captioner.ui.visits import BACK_SECONDS, FIRST_SECONDS, Visits


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_a_page_on_this_computer_goes_by_loopback_names_only(host: str) -> None:
    names = Names(host)
    for known in ("localhost", "LOCALHOST:1", "127.0.0.1:7860", "[::1]:7860", "localhost."):
        assert names.know(known)
    for foreign in (
        "evil.example",
        "192.0.2.7",
        "localhost.evil.example",
        "",
        "x@localhost:y",
        "[::1",
    ):
        assert not names.know(foreign)


def test_a_page_for_others_goes_by_numbers_its_own_names_and_the_allowed_ones() -> None:
    names = Names("0.0.0.0", ["photos.example.org"])
    own = socket.gethostname()
    for known in ("192.0.2.7:7860", "[2001:db8::1]", own, "Photos.Example.Org:443", "localhost"):
        assert names.know(known)
    for foreign in ("evil.example", "photos.example.org.evil.example", "example.org"):
        assert not names.know(foreign)


def test_only_the_page_itself_and_allowed_names_are_trusted_origins() -> None:
    names = Names("0.0.0.0", ["photos.example.org"])
    assert names.trust("http://192.0.2.7:7860", "192.0.2.7:7860")
    assert names.trust("https://photos.example.org", "127.0.0.1:7860")
    for origin in (
        "http://192.0.2.7:8888",
        "http://192.0.2.7",
        "null",
        "",
        "file://192.0.2.7:7860",
    ):
        assert not names.trust(origin, "192.0.2.7:7860")


def test_failed_attempts_make_the_next_ones_wait_longer() -> None:
    logins, now, waits = Logins(), 0.0, []
    for _ in range(FREE + 4):
        wait = logins.wait("192.0.2.7", now)
        assert wait is not None
        logins.ended("192.0.2.7", well=False)
        waits.append(wait)
        now += wait
    assert sum(waits[:FREE]) <= 1
    assert waits[FREE + 1 :] == [1, 2, 4]
    logins.ended("192.0.2.7", well=True)
    assert logins.wait("192.0.2.7", now) == 0


def test_attempts_at_once_wait_for_each_other_and_others_for_none_of_them() -> None:
    logins = Logins()
    waits = [logins.wait("2001:db8::1", 0) for _ in range(1000)]
    assert waits[-1] is None
    assert len([wait for wait in waits if wait is not None]) < 60
    assert logins.wait("2001:db8::ffff", 0) is None  # the same network
    assert logins.wait("2001:db8:1::1", 0) == logins.wait("192.0.2.7", 0) == 0


def test_work_is_wanted_as_long_as_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    visits = Visits()
    wanted, never = visits.wanted("session", "event"), visits.wanted("other")
    assert wanted()
    clock[0] = FIRST_SECONDS - 1
    with visits.listening("event"):
        clock[0] = 10 * FIRST_SECONDS
        assert wanted()
        assert not never()
    clock[0] += BACK_SECONDS - 1
    assert wanted()
    with visits.listening("session"):
        clock[0] += BACK_SECONDS
        assert wanted()
    clock[0] += BACK_SECONDS
    assert not wanted()
