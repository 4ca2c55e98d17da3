"""Every command and every Python program that the documents show, run as a reader would run it.

In a folder that holds what they name: photos, lists, datasets. What takes hours, never ends, or
needs what a test has not got is only parsed; `ONLY_PARSED` names it.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from functools import lru_cache
from pathlib import Path

import pytest
from command import captioner
from PIL import Image

from captioner import available_models, loading
from captioner.cli import _parser
from captioner.training import read_recipe

ROOT = Path(__file__).parents[2]
FOLDERS = (".", "docs", "data", "benchmarks", "packages/*", "weights/*", "weights/*/*")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder in FOLDERS
    for path in sorted(ROOT.glob(f"{folder}/*.md"))
}
ONLY_PARSED = {
    "train configs": "takes hours; its recipe is read",
    "train my.toml": "a recipe of the reader's own",
    "join": "needs a trained Chinese model",
    "export": "needs the extra `export`, and has its own tests",
    "serve": "never ends",
    "--watch": "never ends",
    "--engine ray": "needs the extra `ray`",
    "--official": "needs Java",
    "runs/": "needs a trained model",
    "--model export": "needs an exported model",
    "--model DIR": "needs an exported model",
    "--data DATA/coco_extra": "needs the project's own list of photos",
}
pytestmark = pytest.mark.skipif(not available_models(), reason="weights/ holds no model")


def code(page: str, *languages: str) -> list[str]:
    """The blocks of code in one of the languages, which is "" where none is said."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [block for language, block in blocks if language in languages]


def shell_lines() -> list[str]:
    """Each line once, without what continues it on the next line being torn off."""
    found: dict[str, None] = {}
    for page in PAGES.values():
        indented = re.findall(r"^    (?=captioner |python )(.+\n)", page, re.MULTILINE)
        for block in [*code(page, "", "sh", "bash", "console"), *indented]:
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                bare = line.strip().removeprefix("$ ")
                if re.match(r"(captioner|cat|find|python|pip|make|torchrun) ", bare):
                    found[bare] = None
    return list(found)


LINES = shell_lines()
COMMANDS = [line for line in LINES if re.search(r"(^|\| )captioner ", line)]


def words_of(command: str) -> list[str]:
    """What the shell gives to the command, without a file that its output goes to."""
    text = command.rpartition("| captioner ")[2].removeprefix("captioner ")
    words = shlex.split(text, comments=True)
    return words[: words.index(">")] if ">" in words else words


def is_only_parsed(words: list[str]) -> bool:
    return any(part in " ".join(words) for part in ONLY_PARSED)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the documents name."""
    home = tmp_path_factory.mktemp("reader")
    for name in ("dog.jpg", "cat.jpg", "a.jpg", "b.jpg", "torn.jpg", "Pictures/1.jpg"):
        path = home / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 48), (90 + len(name) * 7, 60, 30)).save(path)
    for folder in ("PHOTOS", "PHOTOS/holidays", "DATA/flickr8k"):
        (home / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(home / "dog.jpg", home / folder / "dog.jpg")
    with zipfile.ZipFile(home / "PHOTOS.zip", "w") as archive:
        archive.write(home / "dog.jpg", "dog.jpg")
    (home / "list.txt").write_text("dog.jpg\n")
    (home / "mark").touch()
    images = {"images": [{"id": 1, "file_name": "dog.jpg"}]}
    texts = [{"image_id": 1, "caption": f"a dog runs {end}"} for end in ("", "fast", "far", "on")]
    (home / "references.json").write_text(json.dumps({**images, "annotations": texts}))
    shutil.copy(home / "references.json", home / "captions.json")
    (home / "results.json").write_text(json.dumps([{"image_id": 1, "caption": "a dog runs"}]))
    data = home / "DATA" / "flickr8k"
    (data / "Flickr8k.token.txt").write_text("dog.jpg#0\ta dog runs\ndog.jpg#1\ta brown dog\n")
    (data / "flickr8kzhc.caption.txt").write_text("dog.jpg#zhc#0 一只狗在跑\n", encoding="utf-8")
    (data / "Flickr_8k.devImages.txt").write_text("dog.jpg\n")
    for path in data.iterdir():  # model cards call a dataset DATA
        shutil.copy(path, data.parent)
    return home


@pytest.fixture(autouse=True)
def _reader(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setattr("captioner.loading.load_model", _loaded)


@lru_cache(maxsize=8)
def _loaded(name: object = None, device: object = None, language: str | None = None) -> object:
    return _load(name, device, language)  # type: ignore[arg-type]


_load = loading.load_model


class Input:
    """Standard input with bytes."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)

    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(home: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = words_of(command)
    options = _parser().parse_args(words)
    if is_only_parsed(words):
        if words[0] == "train" and words[1].startswith("configs/"):
            assert read_recipe(ROOT / options.recipe, options.changes, options.start)
        return
    given = command.rpartition(" | captioner ")[0]
    if given:
        ran = subprocess.run(given, shell=True, cwd=home, capture_output=True, check=True)
        monkeypatch.setattr(sys, "stdin", Input(ran.stdout))
    for left in (*home.glob("captions*.jsonl*"), *home.glob("PHOTOS/**/*.txt")):
        left.unlink()
    result = captioner(*words)
    assert result.code == 0, (words, result.stderr)
    assert "Traceback" not in result.stderr


def test_what_is_only_parsed_is_what_is_named() -> None:
    """So that a reason does not stay when its command has gone, or cover a new one unseen."""
    parsed = {
        reason: [c for c in COMMANDS if reason in " ".join(words_of(c))] for reason in ONLY_PARSED
    }
    assert len(COMMANDS) > 40
    assert sum(not is_only_parsed(words_of(command)) for command in COMMANDS) > 25
    assert [r for r, commands in parsed.items() if not commands and "export" not in r] == []


def within_sentences() -> list[str]:
    """Commands, or their beginnings, that stand in backticks."""
    found: dict[str, None] = {}
    for page in PAGES.values():
        text = re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE)
        for words in re.findall(r"`((?:captioner|python|make) [^`]+)`", text):
            found[" ".join(words.split())] = None
    return list(found)


def test_every_page_of_the_project_is_looked_at() -> None:
    ours = {path for path in ROOT.rglob("*.md") if path.relative_to(ROOT).parts[0][0] != "."}
    grown = {"build", "dist", "runs", "node_modules"}
    ours = {path for path in ours if grown.isdisjoint(path.relative_to(ROOT).parts)}
    assert {str(path.relative_to(ROOT)) for path in ours} == PAGES.keys()
    assert "README.zh.md" in PAGES


@pytest.mark.parametrize("command", within_sentences())
def test_a_command_within_a_sentence_names_what_there_is(command: str) -> None:
    words = shlex.split(command.replace("…", ""))
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    if words[0] == "captioner":
        (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
        known = set(_parser()._option_string_actions)
        if not words[1].startswith("-"):
            known = set(commands.choices[words[1]]._option_string_actions)
        assert set(options) <= known
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif words[1] != "-m":
        assert_options_of(ROOT / words[1], options)


def assert_options_of(script: Path, options: list[str]) -> None:
    text = script.read_text(encoding="utf-8")
    assert [option for option in options if f'"{option}"' not in text and option != "--set"] == []


def test_every_other_command_names_what_there_is() -> None:
    setup, makefile = ((ROOT / name).read_text() for name in ("pyproject.toml", "Makefile"))
    for line in "\n".join(PAGES.values()).splitlines():
        for extras in re.findall(r"pip install [\"']captioner\[([\w,]+)\]", line):
            for extra in extras.split(","):
                assert re.search(rf"^{extra} = \[", setup, re.MULTILINE), line
    for line in LINES:
        words = shlex.split(line, comments=True)
        if words[0] == "python":
            assert_options_of(ROOT / words[1], [word for word in words if word.startswith("--")])
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line


PROGRAMS = [
    pytest.param(block, id=f"{name}-{number}")
    for name, page in PAGES.items()
    if name in ("README.md", "README.zh.md", "docs/python.md", "docs/folder.md")
    for number, block in enumerate(code(page, "python"))
    if "import captioner" in block or "from captioner" in block
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_runs(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(program, {"__name__": "__main__", "photos": ["dog.jpg", "cat.jpg"]})
    assert "tensor" not in capsys.readouterr().out


def test_both_readmes_show_the_same_commands() -> None:
    def bare(name: str) -> list[str]:
        lines = re.findall(r"^\$ captioner (\w+)", PAGES[name], re.MULTILINE)
        return sorted(lines)

    assert bare("README.md") == bare("README.zh.md")
