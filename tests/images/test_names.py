"""Names of photos: hidden ones, paths that lead out, natural order."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.images.names import is_hidden, is_photo, natural, path_inside, safe_path


@pytest.mark.parametrize(
    "path", [".a.jpg", "x/._a.jpg", ".git/a.jpg", "__MACOSX/a.jpg", "x\\.y\\a.jpg", "..g/h.jpg"]
)
def test_a_file_is_hidden_by_its_name_or_a_folders(path: str) -> None:
    assert is_hidden(path)


@pytest.mark.parametrize("path", ["a.jpg", "./a.jpg", "../x/a.jpg", "x/a..jpg"])
def test_dots_that_only_lead_somewhere_hide_nothing(path: str) -> None:
    assert not is_hidden(path)


def test_a_photo_is_known_by_its_suffix() -> None:
    assert is_photo("x/A.HEIC")
    assert not is_photo("jpg")
    assert not is_photo("x.jpg/notes.txt")


@given(st.text(max_size=30))
def test_a_safe_path_stays_below_its_folder(name: str) -> None:
    path = PurePosixPath(safe_path(name))
    assert path.parts
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert not {"\\", ":"} & set(str(path))


@given(st.text("ab./\\:", max_size=12))
def test_a_path_inside_an_archive_does_not_lead_out(name: str) -> None:
    parts = path_inside(name).split("/")
    assert not {".", ".."} & set(parts)
    assert parts == [""] or "" not in parts


def by_parts(name: str) -> list[object]:
    """The natural order spelt out: letters by themselves, runs of digits as numbers."""
    parts: list[tuple[int, object]] = []
    digits = ""
    for letter in f"{name.casefold()}\0":
        if letter in "0123456789":
            digits += letter
            continue
        if digits:
            parts.append((48, int(digits)))
            digits = ""
        parts.append((ord(letter), 0))
    return [*parts, name]


@settings(deadline=None)
@given(st.lists(st.text("ab01289-_.", max_size=8), max_size=8))
def test_natural_order_compares_numbers_by_their_value(names: list[str]) -> None:
    assert sorted(names, key=natural) == sorted(names, key=by_parts)


def test_a_number_of_any_length_can_be_ordered() -> None:
    assert natural("9" * 6000) < natural("1" + "0" * 6000)
