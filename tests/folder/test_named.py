"""`captioner caption`: photos by file, folder, archive, pattern, and on standard input."""

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from command import captioner, folder
from PIL import Image

from captioner.folder.named import photos_named
from captioner.messages import Message


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("album/2.png", "album/10.png", "album/sub/1.png", "a[1].png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), "red").save(name)
    with zipfile.ZipFile("zipped.zip", "w") as archive:
        archive.write("album/2.png", "in/side.png")
    Path("empty").mkdir()
    return tmp_path


def given(*names: str) -> tuple[list[str], list[str]]:
    problems: list[Message] = []
    found = [photo.name for photo in photos_named(names, problems.append)]
    return found, list(map(str, problems))


def test_a_folder_stands_for_its_photos_and_a_pattern_for_what_it_fits(home: Path) -> None:
    assert given("album") == (["album/2.png", "album/10.png", "album/sub/1.png"], [])
    assert given("zipped.zip") == (["zipped.zip/in/side.png"], [])
    assert given("album/*.png") == (["album/2.png", "album/10.png"], [])
    assert given("a[1].png", "album/2.png", "-") == (["a[1].png", "album/2.png", "-"], [])
    assert given("nowhere.png", "no*.png", "empty") == (
        ["nowhere.png"], ["no*.png holds no photo.", "empty holds no photo."],
    )  # fmt: skip
    Path("torn.zip").write_bytes(b"PK\3\4")
    assert len(given("torn.zip", "album")[0]) == 3


def lines_of(text: str) -> list[str]:
    return [line.split("\t")[0] for line in text.splitlines()]


def test_a_folder_is_captioned_by_the_command_too(home: Path, model: Path) -> None:
    result = captioner("caption", "album", "empty", "--model", model)
    assert (result.code, result.stderr) == (1, "captioner: empty holds no photo.\n")
    assert lines_of(result.stdout) == ["album/2.png", "album/10.png", "album/sub/1.png"]


class Input:
    """Standard input with bytes."""

    def __init__(self, content: bytes, is_terminal: bool = False) -> None:
        self.buffer = io.BytesIO(content)
        self.isatty = lambda: is_terminal


def test_a_photo_may_come_on_standard_input(
    home: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = captioner("caption", "album/2.png", "--model", model)
    monkeypatch.setattr(sys, "stdin", Input(Path("album/2.png").read_bytes()))
    assert captioner("caption", "-", "--model", model) == alone
    monkeypatch.setattr(sys, "stdin", Input(Path("album/2.png").read_bytes()))
    row = json.loads(captioner("caption", "-", "--json", "--model", model).stdout)
    assert row["image"] == "-"
    for bad, said in (
        (Input(b""), "standard input is empty."),
        (Input(b"text"), "standard input is not a photo in any known format."),
        (Input(b"", is_terminal=True), "Standard input is a keyboard, which gives no photo."),
    ):
        monkeypatch.setattr(sys, "stdin", bad)
        result = captioner("caption", "-", "--model", model)
        assert (result.code, result.stderr) == (1, f"captioner: {said}\n")


def test_a_name_with_a_line_end_or_an_escape_sequence_leaves_one_line(
    home: Path, model: Path
) -> None:
    name = "two\nlines\x1b[2J.png"
    os.rename("album/2.png", f"album/{name}")
    result = captioner("caption", "album", "--model", model)
    assert lines_of(result.stdout)[1:] == ["album/two\\nlines\\x1b[2J.png", "album/sub/1.png"]
    as_json = captioner("caption", "album", "--json", "--model", model).stdout.splitlines()
    assert json.loads(as_json[1])["image"] == f"album/{name}"


def test_failures_of_an_earlier_run_count_once(home: Path, model: Path) -> None:
    Path("album/bad.png").write_text("no photo")
    for captioned, skipped in ((3, 0), (0, 3)):
        result = folder("album", "-o", "out.jsonl", "--model", model)
        assert result.code == 1
        assert f"{captioned} captioned, {skipped} skipped, 1 failed" in result.stderr


def test_a_pattern_that_fits_no_photo_says_so(home: Path, model: Path) -> None:
    result = folder("album", "-o", "out.jsonl", "--model", model, "--include", "*.tiff")
    assert result.code == 0
    assert "0 failed. No photo was found." in result.stderr
    patterns = ("--include", "*.png", "--include", "*.xyz", "--exclude", "holidays")
    result = folder("album", *patterns, "-o", "other.jsonl", "--model", model)
    assert "Nothing matches '*.xyz'. Nothing matches 'holidays'." in result.stderr
    assert "'*.png'" not in result.stderr


def test_existing_without_texts_is_a_wrong_call(home: Path, model: Path) -> None:
    result = folder("album", "-o", "o.jsonl", "--model", model, "--existing", "overwrite")
    assert result.code == 2
    assert "'overwrite' does nothing without sidecar or embed" in result.stderr
    assert not Path("o.jsonl").exists()
