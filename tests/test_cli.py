"""The command, as a person runs it: what it prints, where, and with which exit code."""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Result, captioner
from PIL import Image

from captioner import __version__
from captioner.cli import _parser, main
from captioner.model import CaptioningModel, save_model
from captioner.options import OPTIONS
from captioner.text import Vocabulary
from captioner.ui import Serving


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    save_model(folder / "model", tiny_model, vocabulary, "")
    Image.new("RGB", (40, 30), "red").save(folder / "red.png")
    Image.new("RGB", (40, 30), "blue").save(folder / "blue.jpg")
    (folder / "text.jpg").write_text("not a photo")
    (folder / "empty.jpg").touch()
    (folder / "folder.jpg").mkdir()
    return folder


def assert_one_sentence(result: Result, *parts: str) -> None:
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("captioner: ")
    assert lines[0].endswith(".")
    for part in parts:
        assert part in lines[0]


LONG = "x" * 300  # no file system has such a name
DATA = ("--data", ".", "--model", "./model")


@pytest.mark.parametrize(
    "arguments",
    [
        ["caption", "red.png", "--model", f"./{LONG}"],
        ["folder", LONG],
        ["folder", ".", "-o", f"{LONG}.jsonl"],
        ["folder", ".", "-o", f"{LONG}/a.jsonl"],
        ["folder", ".", "--html", f"{LONG}/a.html"],
        ["train", LONG],
        *(["evaluate", *DATA, o, f"{LONG}{end}"] for o in ("--save", "--json", "--html")
          for end in ("", "/a")),
        ["evaluate", *DATA, "--compare", LONG],
        ["evaluate", "--data", LONG],
        ["evaluate", "--results", LONG, "--references", LONG],
        ["join", f"./{LONG}", "model"],
        ["serve", "--auth-file", LONG],
    ],
)  # fmt: skip
def test_a_name_that_is_too_long_is_one_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """oxdef/lib2opds#25: where a name can be asked for at all, asking may fail."""
    monkeypatch.chdir(home)
    result = captioner(*arguments)
    assert result.code == 2
    assert_one_sentence(result, LONG)


def test_one_photo_gives_one_line(home: Path) -> None:
    command = [sys.executable, "-m", "captioner", "caption", home / "red.png"]
    result = subprocess.run(
        [*command, "--model", home / "model"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 1


def test_several_photos_give_a_line_each_with_the_name(home: Path) -> None:
    photos = [home / "red.png", home / "blue.jpg"]
    result = captioner("caption", *photos, "--model", home / "model")
    names = [line.split("\t")[0] for line in result.stdout.splitlines()]
    assert names == [str(photo) for photo in photos]


def test_json_holds_the_alternatives(home: Path) -> None:
    result = captioner(
        "caption", home / "red.png", "--model", home / "model", "--json", "--top", "3"
    )
    row = json.loads(result.stdout)
    assert row["image"] == str(home / "red.png")
    assert set(row) == {
        "image", "language", "caption", "log_prob", "score", "model", "alternatives",
    }  # fmt: skip
    assert [set(other) for other in row["alternatives"]] == [{"caption", "log_prob", "score"}] * 2
    scores = [own["score"] for own in (row, *row["alternatives"])]
    assert scores == sorted(scores, reverse=True)
    assert row["log_prob"] < 0


def test_a_caption_is_written_as_the_options_say(home: Path) -> None:
    command = ("caption", home / "red.png", "--model", home / "model", "--max-length", "6")
    (sentence,) = captioner(*command, "--require", "ball", "--require", "near").stdout.splitlines()
    assert {"ball", "near"} <= set(sentence.split())
    (other,) = captioner(*command, "--avoid", " ".join(sentence.split()[:2])).stdout.splitlines()
    assert " ".join(sentence.split()[:2]) not in other
    draws = [captioner(*command, "--seed", seed, "--top", "3").stdout for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert len(draws[0].splitlines()) == 3


@pytest.mark.parametrize("command", ["caption", "folder"])
def test_every_option_is_a_flag_whose_help_says_its_limits_and_what_is_usual(command: str) -> None:
    told = " ".join(captioner(command, "--help").stdout.split())
    for name, takes in OPTIONS.items():
        assert f"--{name.replace('_', '-')} " in told
        assert takes.described() in told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_words_and_names_steer_no_terminal(
    home: Path, tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    """Neither a vocabulary that somebody made up nor a file name."""
    words = (*vocabulary.words[:4], *(f"\x1b]{n}m\u202e" for n in range(len(vocabulary.words) - 4)))
    save_model(tmp_path / "model", tiny_model, Vocabulary(words), "")
    photo = tmp_path / "\x1b[2Jred.png"
    photo.write_bytes((home / "red.png").read_bytes())
    arguments = ["caption", "--model", tmp_path / "model", photo, home / "red.png"]
    for more in ([], ["--json"]):
        out = Terminal()
        with contextlib.redirect_stdout(out):
            assert main([str(argument) for argument in (*arguments, *more)]) == 0
        assert "\x1b" not in out.getvalue()
        assert "\u202e" not in out.getvalue()
        assert "\\u202e" in out.getvalue()
        if more:
            caption = json.loads(out.getvalue().splitlines()[0])["caption"]
            assert caption.startswith("\x1b]")
    piped = captioner(*arguments)
    assert "\x1b" not in piped.stdout
    assert len(piped.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.jpg", "does not exist"),
        ("folder.jpg", "holds no photo"),
        ("text.jpg", "text.jpg"),
        ("empty.jpg", "is empty"),
    ],
)
def test_a_bad_photo_gives_one_sentence_and_the_rest_goes_on(
    home: Path, name: str, said: str
) -> None:
    photos = [home / "red.png", home / name, home / "blue.jpg"]
    result = captioner("caption", *photos, "--model", home / "model")
    assert result.code == 1
    assert_one_sentence(result, name, said)
    assert len(result.stdout.splitlines()) == 2


def test_an_unknown_model_name_lists_what_exists(home: Path) -> None:
    result = captioner("caption", home / "red.png", "--model", "nobody")
    assert result.code == 2
    assert_one_sentence(result, "no model named 'nobody'", "installed:")


@pytest.mark.parametrize("language", ["zh", "fr"])
def test_a_language_that_no_model_writes_gives_one_sentence(home: Path, language: str) -> None:
    photo = home / "red.png"
    result = captioner("caption", photo, "--model", home / "model", "--language", language)
    assert result.code == 2
    assert_one_sentence(result, "'model' writes English (en)", f"{language}")


def test_the_language_that_the_model_writes_is_accepted(home: Path) -> None:
    photo = home / "red.png"
    result = captioner("caption", photo, "--model", home / "model", "--language", "en")
    assert result.code == 0
    assert len(result.stdout.splitlines()) == 1


def test_without_an_installed_model_that_writes_it_a_language_gives_one_sentence(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captioner.installed.weights_folder", lambda: tmp_path)
    result = captioner("caption", home / "red.png", "--language", "zh")
    assert result.code == 2
    assert_one_sentence(result, "No installed model writes Chinese (zh); installed: none.")


def test_a_truncated_model_file_gives_one_sentence(home: Path, tmp_path: Path) -> None:
    for file in (home / "model").iterdir():
        content = file.read_bytes()
        half = len(content) // 2 if file.suffix == ".safetensors" else len(content)
        (tmp_path / file.name).write_bytes(content[:half])
    result = captioner("caption", home / "red.png", "--model", tmp_path)
    assert result.code == 2
    assert_one_sentence(result, "model.safetensors is damaged")


def test_a_model_folder_of_a_newer_format_gives_one_sentence(home: Path, tmp_path: Path) -> None:
    config = json.loads((home / "model" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "format_version": 7}))
    result = captioner("caption", home / "red.png", "--model", tmp_path)
    assert result.code == 2
    assert_one_sentence(result, "format 7", "update")


def test_an_option_out_of_range_gives_one_sentence(home: Path) -> None:
    result = captioner("caption", home / "red.png", "--model", home / "model", "--beam", "0")
    assert result.code == 2
    assert_one_sentence(result, "beam must be a whole number from 1 to 10, not 0")


def test_a_wrong_call_explains_itself() -> None:
    result = captioner("capshun")
    assert result.code == 2
    assert "invalid choice" in result.stderr


def test_models_are_listed() -> None:
    result = captioner("models")
    assert result.code == 0
    assert "base-en\ten,zh" in result.stdout.splitlines()


def test_a_reader_that_leaves_early_is_no_error(home: Path) -> None:
    command = f"{sys.executable} -m captioner caption {home / 'red.png'} {home / 'blue.jpg'} "
    command += f"--model {home / 'model'} | true"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in result.stderr
    assert "BrokenPipe" not in result.stderr


def test_the_page_is_served_as_the_command_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = []
    monkeypatch.setattr("captioner.ui.serve", lambda model, serving: served.append(serving))
    options = ("--host", "0.0.0.0", "--port", 8000, "--auth", "ann:x:y", "--max-upload", "20MB")
    assert captioner("serve", "--model", home / "model", *options, "--mcp").code == 0
    assert captioner("serve", "--model", home / "model").code == 0
    assert served == [
        Serving("0.0.0.0", 8000, auth=("ann", "x:y"), most_bytes=20_000_000, mcp=True),
        Serving(),
    ]


@pytest.mark.parametrize("wrong", [("--auth", "ann"), ("--max-upload", "much")])
def test_a_setting_of_the_page_that_cannot_be_is_one_sentence(wrong: tuple[str, str]) -> None:
    result = captioner("serve", *wrong)
    assert result.code == 2
    assert_one_sentence(result, f"{wrong[0]} must be ")


def parsers() -> list[tuple[str, argparse.ArgumentParser]]:
    (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    return list(commands.choices.items())


@pytest.mark.parametrize(("command", "parser"), parsers())
def test_every_argument_has_a_help_text_that_tells_its_default(
    command: str, parser: argparse.ArgumentParser
) -> None:
    for action in parser._actions:
        assert action.help, action
        if action.default not in (None, False, "", [], argparse.SUPPRESS):
            assert f"({action.default})" in action.help


def test_the_version_is_told() -> None:
    assert captioner("--version").stdout == f"captioner {__version__}\n"


@pytest.mark.parametrize(
    ("line", "offers"),
    [("captioner fo", ["folder "]), ("captioner caption --len", ["--length-penalty "])],
)
def test_a_shell_is_told_how_a_command_may_go_on(line: str, offers: list[str]) -> None:
    pytest.importorskip("argcomplete")
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    command = f"{sys.executable} -m captioner 8>&1"
    result = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **asked}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [offer.rstrip() for offer in result.stdout.split("\013")] == [o.rstrip() for o in offers]


@pytest.mark.parametrize("call", ["--help", "models", "caption red.png -m model"])
def test_a_full_disk_or_a_closed_output_is_no_traceback(home: Path, call: str) -> None:
    call = call.replace("-m model", "--model ./model")
    redirects = ((">/dev/full", 2), (">&-", 0), ("| true", 0))
    for redirect, code in redirects[: 1 if "caption" in call else 3]:
        command = f"set -o pipefail; {sys.executable} -m captioner {call} {redirect}"
        result = subprocess.run(
            ["bash", "-c", command], cwd=home, capture_output=True, text=True, check=False
        )
        assert result.returncode == code, (redirect, result)
        said = "captioner: Standard output cannot be written (No space left on device).\n"
        assert result.stderr == (said if code else "")


@pytest.mark.parametrize("encoding", ["cp437"])
def test_what_a_console_cannot_show_is_escaped(home: Path, encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "CAPTIONER_LANG": "zh"}
    result = subprocess.run(
        [sys.executable, "-m", "captioner", "caption", "没有.jpg", "red.png", "--model", "./model"],
        cwd=home, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr == "captioner: 没有.jpg 不存在。\n".encode("ascii", "backslashreplace")
    assert len(result.stdout.splitlines()) == 1
