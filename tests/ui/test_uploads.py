"""Which files the page opens, and how many may wait."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.errors import CaptionerError, ImageError
from captioner.ui import uploads as module
from captioner.ui.uploads import Upload, Uploads


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "dog.png").write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    return Uploads(folder, most_bytes=10**6)


def test_an_upload_is_taken_in_either_form_that_gradio_has(
    uploads: Uploads, tmp_path: Path
) -> None:
    path = str(tmp_path / "uploads" / "dog.png")
    assert uploads.take({"path": path}) == Upload(path, "dog.png")
    assert uploads.take(SimpleNamespace(path=path, orig_name="猫.png")) == Upload(path, "猫.png")
    assert uploads.take_all([{"path": path}]) == [Upload(path, "dog.png")]
    assert uploads.take_all(None) == []
    assert uploads.has(path)


def test_a_name_is_fit_for_a_sentence(uploads: Uploads, tmp_path: Path) -> None:
    path = str(tmp_path / "uploads" / "dog.png")
    assert uploads.take({"path": path, "orig_name": "\x1b[2J\n" + "x" * 999}).name == (
        "\ufffd[2J\ufffd" + "x" * 195
    )
    for name in (3, None, "", ["a"]):
        assert uploads.take({"path": path, "orig_name": name}).name == "dog.png"


@pytest.mark.parametrize(
    "way", ["secret.png", "uploads/../secret.png", "link/secret.png", "uploads"]
)
def test_nothing_else_is_taken_by_any_way(uploads: Uploads, tmp_path: Path, way: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "uploads" / "link.png").symlink_to(tmp_path / "secret.png")
    for path in (tmp_path / way, tmp_path / "uploads" / "link.png"):
        with pytest.raises(ImageError, match=r"^No photo arrived"):
            uploads.take({"path": str(path)})
        with pytest.raises(ImageError, match=r"^No photo arrived"):
            uploads.check({"data": [[{"deep": {"path": str(path)}}]]})
        assert not uploads.has(str(path))


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda own: st.lists(own) | st.dictionaries(st.sampled_from(["path", "orig_name"]), own),
    )
)
def test_whatever_the_argument_is_there_is_a_sentence(argument: Any) -> None:
    for take in (Uploads(Path("/nowhere")).take, Uploads(Path("/nowhere")).take_all):
        try:
            taken = take(argument)
        except ImageError:
            continue
        assert taken == []


def test_an_address_is_said_not_to_be_fetched(uploads: Uploads) -> None:
    with pytest.raises(ImageError, match=r"^This page fetches nothing"):
        uploads.take({"path": "https://example.com/dog.jpg"})


def test_what_arrives_counts_and_what_has_gone_does_not(
    uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    uploads.make_room(900_000)  # looks at the folder, where nothing of it is yet
    uploads.make_room(900_000)
    with pytest.raises(CaptionerError, match=r"^Too many uploads are waiting"):
        uploads.make_room(50_000)
    clock[0] = 2
    uploads.make_room(900_000)


def test_many_tiny_files_are_too_many_as_well(uploads: Uploads, tmp_path: Path) -> None:
    for number in range(16):
        (tmp_path / "uploads" / str(number)).touch()
    with pytest.raises(CaptionerError, match=r"^Too many uploads are waiting"):
        uploads.make_room()
