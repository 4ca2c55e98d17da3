"""The command, as a person runs it: what it prints, where, and with which exit code."""

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main
from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary


@dataclass
class Result:
    returncode: int
    stdout: str
    stderr: str


def captioner(*arguments: object) -> Result:
    """Run the command within this process, which spares importing torch each time."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit:  # argparse's own way out
            code = int(exit.code or 0)
    return Result(code, out.getvalue(), err.getvalue())


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
    assert len(row["alternatives"]) == 2
    assert row["log_prob"] < 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.jpg", "does not exist"),
        ("folder.jpg", "is a directory"),
        ("text.jpg", "text.jpg"),
        ("empty.jpg", "is empty"),
    ],
)
def test_a_bad_photo_gives_one_sentence_and_the_rest_goes_on(
    home: Path, name: str, said: str
) -> None:
    photos = [home / "red.png", home / name, home / "blue.jpg"]
    result = captioner("caption", *photos, "--model", home / "model")
    assert result.returncode == 1
    assert_one_sentence(result, name, said)
    assert len(result.stdout.splitlines()) == 2


def test_an_unknown_model_name_lists_what_exists(home: Path) -> None:
    result = captioner("caption", home / "red.png", "--model", "nobody")
    assert result.returncode == 2
    assert_one_sentence(result, "no model named 'nobody'", "installed:")


def test_a_truncated_model_file_gives_one_sentence(home: Path, tmp_path: Path) -> None:
    for file in (home / "model").iterdir():
        content = file.read_bytes()
        half = len(content) // 2 if file.suffix == ".safetensors" else len(content)
        (tmp_path / file.name).write_bytes(content[:half])
    result = captioner("caption", home / "red.png", "--model", tmp_path)
    assert result.returncode == 2
    assert_one_sentence(result, "model.safetensors is damaged")


def test_a_model_folder_of_a_newer_format_gives_one_sentence(home: Path, tmp_path: Path) -> None:
    config = json.loads((home / "model" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "format_version": 7}))
    result = captioner("caption", home / "red.png", "--model", tmp_path)
    assert result.returncode == 2
    assert_one_sentence(result, "format 7", "update")


def test_an_option_out_of_range_gives_one_sentence(home: Path) -> None:
    result = captioner("caption", home / "red.png", "--model", home / "model", "--beam", "0")
    assert result.returncode == 2
    assert_one_sentence(result, "beam must be 1 or more, not 0")


def test_a_wrong_call_explains_itself() -> None:
    result = captioner("capshun")
    assert result.returncode == 2
    assert "invalid choice" in result.stderr


def test_a_caption_file_without_captions_gives_one_sentence(home: Path, tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text('{"images": [], "annotations": []}')
    result = captioner("evaluate", "--model", home / "model", "--data", tmp_path / "captions.json")
    assert result.returncode == 2
    assert_one_sentence(result, "captions.json holds no captions")


def test_evaluate_scores_results_against_references(tmp_path: Path) -> None:
    references = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 1, "caption": "A dog runs on the grass."},
            {"image_id": 2, "caption": "Two cats sleep on a bed."},
        ],
    }
    results = [
        {"image_id": 1, "caption": "a dog runs on the grass"},
        {"image_id": 2, "caption": "two cats sleep on a bed"},
    ]
    (tmp_path / "references.json").write_text(json.dumps(references))
    (tmp_path / "results.json").write_text(json.dumps(results))
    files = ["--results", tmp_path / "results.json", "--references", tmp_path / "references.json"]
    done = captioner("evaluate", *files)
    assert done.returncode == 0, done.stderr
    titles, values = (line.split() for line in done.stdout.splitlines())
    assert dict(zip(titles, values, strict=True)) == {
        "BLEU-1": "100.0", "BLEU-2": "100.0", "BLEU-3": "100.0", "BLEU-4": "100.0",
        "ROUGE-L": "100.0", "CIDEr": "1000.0",
    }  # fmt: skip
    (tmp_path / "results.json").write_text(json.dumps(results[:1]))
    done = captioner("evaluate", *files)
    assert done.returncode == 2
    assert_one_sentence(done, "no caption for 1 photos, as b.jpg")


def test_a_tiny_model_is_evaluated_on_a_split(home: Path, tmp_path: Path) -> None:
    toy = Path(__file__).parent.parent / "data" / "toy.py"
    subprocess.run([sys.executable, toy, tmp_path / "toy", "--photos", "10"], check=True)
    kept = tmp_path / "kept.jsonl"
    done = captioner(
        "evaluate", "--model", home / "model", "--data", tmp_path / "toy", "--save", kept
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:6] == ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr"]
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [row["image"] for row in rows] == ["toy_00000.png", "toy_00005.png"]
    unwritable = tmp_path / "toy" / "Flickr8k.token.txt" / "kept.jsonl"
    done = captioner(
        "evaluate", "--model", home / "model", "--data", tmp_path / "toy", "--save", unwritable
    )
    assert done.returncode == 2
    assert "kept.jsonl cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_models_are_listed() -> None:
    result = captioner("models")
    assert result.returncode == 0


def test_a_reader_that_leaves_early_is_no_error(home: Path) -> None:
    command = f"{sys.executable} -m captioner caption {home / 'red.png'} {home / 'blue.jpg'} "
    command += f"--model {home / 'model'} | true"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in result.stderr
    assert "BrokenPipe" not in result.stderr
