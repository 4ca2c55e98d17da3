"""Stretches of time as a person says them."""

import pytest

from captioner.messages import duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3540, "59 min"),
        (3599, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_times_are_said_as_a_person_says_them(seconds: float, said: str) -> None:
    assert str(duration(seconds)) == said
