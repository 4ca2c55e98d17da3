"""Lines as wide as a terminal shows them."""

import textwrap
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.messages import Message, speak, width
from captioner.messages.columns import wrapped
from captioner.metrics.report.table import aligned

CHINESE = st.text(st.sampled_from("照片描述，。（）“”ab- "), max_size=60)


@pytest.fixture
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


def test_a_wide_character_takes_two_columns() -> None:
    assert [width(text) for text in ("", "abc", "照片", "a，b")] == [0, 3, 4, 4]


@given(CHINESE, st.integers(8, 40))
def test_wrapping_loses_nothing_but_spaces(text: str, columns: int) -> None:
    assert "".join(wrapped(text, columns)).replace(" ", "") == text.replace(" ", "")


@given(st.text(st.sampled_from("照片描述。"), max_size=60), st.integers(8, 40))
def test_no_line_is_too_wide_for_its_last_full_stop(text: str, columns: int) -> None:
    lines = wrapped(text, columns)
    for line in lines:
        assert width(line.rstrip("。")) <= columns
    for line in lines[1:]:
        assert not line.startswith("。")


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=8), max_size=20), st.integers(9, 40))
def test_english_is_wrapped_as_textwrap_does(words: list[str], columns: int) -> None:
    text = " ".join(words)
    assert wrapped(text, columns) == (textwrap.wrap(text, columns) or [""])


@pytest.mark.usefixtures("chinese")
def test_the_columns_of_a_table_stay_aligned_in_chinese() -> None:
    headings = ["", Message("photos"), "CIDEr"]
    lines = aligned([headings, [Message("difference"), "10", "+1.5"], ["base-zh", "10", "99"]])
    assert lines.split("\n") == [
        "         照片  CIDEr",
        "差值       10   +1.5",
        "base-zh    10     99",
    ]
