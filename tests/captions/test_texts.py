"""Text files of photos: what they are called, and whose they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.captions import Alternative, Row, text_name, text_names, text_of, twins


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        (["dog.jpg", "cat.png"], ["dog.txt", "cat.txt"]),
        (["dog.jpg", "dog.png"], ["dog.jpg.txt", "dog.png.txt"]),
        (["dog.jpg", "Dog.png"], ["dog.jpg.txt", "Dog.png.txt"]),
        (["dog.jpg", "dog.jpg.png"], ["dog.txt", "dog.jpg.png.txt"]),
        (["a/dog.jpg", "b/dog.png"], ["a/dog.txt", "b/dog.txt"]),
        (["dog.jpg", "dog.jpg"], ["dog.jpg.txt", "dog.jpg (2).txt"]),
        (["../dog.jpg", "dog.png", "C:/x.jpg"], ["dog.jpg.txt", "dog.png.txt", "C_/x.txt"]),
    ],
)
def test_a_text_is_called_after_its_photo_and_by_its_whole_name_in_doubt(
    photos: list[str], expected: list[str]
) -> None:
    assert text_names(photos) == expected


NAMES = st.lists(
    st.sampled_from(["a", "A", "b", "a.jpg", "a.jpg.png", "a.png", "b.jpg.jpg", "b.jpg", "B.jpg"]),
    unique_by=str.casefold,
)


@given(NAMES)
def test_no_two_photos_of_a_folder_have_the_same_text(photos: list[str]) -> None:
    doubtful = twins(photos)
    names = [text_name(photo, photo in doubtful) for photo in photos]
    assert len({name.casefold() for name in names}) == len(photos)
    assert text_names(photos) == names


@given(st.lists(st.text(max_size=8), max_size=8))
def test_no_text_overwrites_another_or_climbs_out(photos: list[str]) -> None:
    names = text_names(photos)
    assert len({name.casefold() for name in names}) == len(photos)
    assert not any(".." in name.split("/") or name.startswith("/") for name in names)


def test_a_text_has_a_line_for_each_caption() -> None:
    rows = [Row("1.jpg", "a", alternatives=(Alternative("b"),)), Row("1.jpg", "c", "zh")]
    assert text_of(rows) == "a\nb\nc\n"
