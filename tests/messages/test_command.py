"""The real command in a Chinese environment: nothing that it tells a person is left in English."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import Result
from PIL import Image

from captioner import cli
from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary

# Importing torch takes seconds, so one process makes all its calls.
SCRIPT = """
import json, sys
from dataclasses import astuple
from captioner.messages import bars
from command import captioner
bars.LINE_SECONDS = 1e-9  # short work says how far it is, too
print(json.dumps([astuple(captioner(*call)) for call in json.loads(sys.argv[1])]))
"""
RECIPE = """
name = "x"
[data]
sources = [{format = "jsonl", path = "photos/captions.jsonl", split = "train"}]
[encoder]
name = "resnet18"
[[phases]]
name = "only"
epochs = 1
learning_rate = 1
"""
SUBCOMMANDS = [name for action in cli._parser()._actions for name in action.choices or ()]


def run(calls: dict[str, list[str]], **environment: str) -> dict[str, Result]:
    """Make calls of the command in a process that knows no other locale than the given one."""
    unset = ("CAPTIONER_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(list(calls.values()))],
        env={**kept, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, check=True,
    )  # fmt: skip
    results = [Result(*row) for row in json.loads(done.stdout)]
    return dict(zip(calls, results, strict=True))


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    home = tmp_path_factory.mktemp("messages")
    save_model(home / "model", tiny_model, vocabulary, "")
    photos = home / "photos"
    photos.mkdir()
    Image.new("RGB", (16, 16), "red").save(photos / "1.png")
    (photos / "2.png").write_text("not a photo")
    rows = ({"image": f"{number}.png", "caption": "a red ball"} for number in (1, 2, 3))
    (photos / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "x.toml").write_text(RECIPE)
    images = [{"id": number, "file_name": f"{number}.png"} for number in (1, 2)]
    captions = [{"image_id": n, "caption": text} for n in (1, 2) for text in ("a ball", "")]
    references = {"images": images, "annotations": captions}
    (home / "references.json").write_text(json.dumps(references))
    results = [{"image_id": number, "caption": "a ball"} for number in (1, 2)]
    (home / "results.json").write_text(json.dumps(results))
    return home


@pytest.fixture(scope="module")
def calls(home: Path) -> dict[str, list[str]]:
    results, references = str(home / "results.json"), str(home / "references.json")
    model = ["--model", str(home / "model"), "--device", "cpu"]
    folder = ["folder", str(home / "photos"), "--workers", "1", *model]
    return {
        "wrong": ["folder", "x", "--beam", "wide"],
        "missing file": ["caption", str(home / "photos/1.png"), str(home / "absent.jpg"), *model],
        "missing model": ["caption", "a.jpg", "--model", "nobody"],
        "folder": [*folder, "-o", str(home / "captions.jsonl")],
        "check": ["train", str(home / "x.toml"), "--check", "--set", f"data.root={home}"],
        "evaluate": ["evaluate", "--results", results, "--references", references],
    }


@pytest.fixture(scope="module")
def english(calls: dict[str, list[str]]) -> dict[str, Result]:
    return run(calls, LANG="C", LANGUAGE="zh")


@pytest.fixture(scope="module")
def chinese(
    calls: dict[str, list[str]], english: dict[str, Result], home: Path
) -> dict[str, Result]:
    (home / "captions.jsonl").rename(home / "english.jsonl")
    (home / "captions.jsonl.journal").unlink()
    helps = {name: [name, "--help"] for name in SUBCOMMANDS}
    own = {**calls, "--help": ["--help"], **{f"{name} --help": c for name, c in helps.items()}}
    return run(own, CAPTIONER_LANG="zh", LANG="C")


def assert_chinese(text: str, home: Path) -> None:
    """Every line says something in Chinese, and no three English words in a row."""
    lines = [line for line in text.replace(str(home), "").splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert not re.search(r"\b[a-z]+ [a-z]+ [a-z]+\b", line), line
        assert re.search("[\u4e00-\u9fff]", line), line


def without_usage(text: str) -> str:
    """The usage holds names of options only; so do lines of options that have no help."""
    assert text.startswith("用法： captioner")
    rest = re.sub(r"\A用法：.*\n(?: +\S.*\n)*", "", text)
    return re.sub(r"(?m)^ +[-A-Z][^\u4e00-\u9fff]*$", "", rest)


def test_the_exit_codes_are_the_same(
    english: dict[str, Result], chinese: dict[str, Result]
) -> None:
    assert {name: chinese[name].code for name in english} == {n: r.code for n, r in english.items()}
    assert [english[name].code for name in ("wrong", "missing file", "evaluate")] == [2, 1, 0]


def test_the_language_changes_no_data(
    english: dict[str, Result], chinese: dict[str, Result], home: Path
) -> None:
    assert chinese["missing file"].stdout == english["missing file"].stdout != ""
    assert (home / "captions.jsonl").read_text() == (home / "english.jsonl").read_text()


def test_in_the_locale_c_everything_is_english(english: dict[str, Result]) -> None:
    for result in english.values():
        assert not re.search("[\u4e00-\u9fff]", result.stdout + result.stderr)
    assert "error: argument --beam: invalid int value: 'wide'" in english["wrong"].stderr


def test_a_chinese_locale_speaks_chinese() -> None:
    call = ["evaluate"]
    result = run({"call": call}, LANG="zh_CN.UTF-8")["call"]
    sentence = "captioner: 请给出 --data，或者同时给出 --results 和 --references。\n"
    assert result == Result(2, "", sentence)


def test_a_wrong_call_is_explained_in_chinese(chinese: dict[str, Result], home: Path) -> None:
    said = without_usage(chinese["wrong"].stderr)
    assert said == "captioner folder: 错误：参数 --beam：'wide' 不是所需的数（int）\n"


@pytest.mark.parametrize("call", ["missing file", "missing model", "folder"])
def test_what_goes_wrong_is_said_in_chinese(
    call: str, chinese: dict[str, Result], home: Path
) -> None:
    assert_chinese(chinese[call].stderr, home)
    assert chinese[call].stderr.startswith("captioner: ")


def test_a_check_of_data_is_said_in_chinese(chinese: dict[str, Result], home: Path) -> None:
    lines = [line for line in chinese["check"].stdout.splitlines() if line.strip() != "3.png"]
    assert "jsonl" in lines[0]  # the source as the recipe calls it
    assert_chinese("\n".join(lines[1:]), home)
    assert "打开照片" in chinese["check"].stderr


def test_a_table_of_scores_is_said_in_chinese(chinese: dict[str, Result], home: Path) -> None:
    table = [
        line for line in chinese["evaluate"].stdout.splitlines() if not line.startswith("results")
    ]
    assert_chinese("\n".join(table), home)
    assert_chinese(chinese["evaluate"].stderr, home)


@pytest.mark.parametrize("command", ["", *SUBCOMMANDS])
def test_the_help_is_chinese(command: str, chinese: dict[str, Result], home: Path) -> None:
    result = chinese[f"{command} --help".strip()]
    assert result.code == 0
    assert_chinese(without_usage(result.stdout), home)


def test_further_lines_of_the_usage_are_aligned(chinese: dict[str, Result]) -> None:
    first, second = chinese["wrong"].stderr.splitlines()[:2]
    options = first.index("[-h]") + 3  # three wide characters
    assert len(second) - len(second.lstrip()) == options
