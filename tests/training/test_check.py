"""`captioner train --check`: everything that can be wrong with data, counted by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import Result, captioner
from PIL import Image

from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary
from captioner.training import read_recipe
from captioner.training.data import TrainingData

RECIPE = """
name = "x"
[data]
min_count = 2
max_words = 4
sources = [
    {format = "jsonl", path = "train/captions.jsonl", split = "train", held_out = "held.txt"},
    {format = "jsonl", path = "dev/captions.jsonl", split = "val"},
]
[encoder]
name = "resnet18"
[[phases]]
name = "only"
epochs = 1
learning_rate = 1
"""


def check(root: Path, change: str = "seed=1") -> Result:
    changes = ("--set", f"data.root={root}", "--set", change)
    return captioner("train", root / "x.toml", "--check", *changes)


def photo(path: Path, red: int) -> None:
    Image.new("RGB", (16, 16), (red, 0, 0)).save(path)


def captions(root: Path, name: str, *rows: tuple[str, str]) -> None:
    lines = (json.dumps({"image": image, "caption": text}) + "\n" for image, text in rows)
    (root / name / "captions.jsonl").write_text("".join(lines))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four photos that train, one held out, one that evaluates; nothing wrong."""
    (tmp_path / "x.toml").write_text(RECIPE)
    (tmp_path / "held.txt").write_text("4.png\n")
    (tmp_path / "train").mkdir()
    (tmp_path / "dev").mkdir()
    for number in range(5):
        photo(tmp_path / "train" / f"{number}.png", number)
    photo(tmp_path / "dev" / "5.png", 5)
    captions(
        tmp_path, "train", ("0.png", "a dog"), ("0.png", "a dog runs"), ("1.png", "a cat"),
        ("2.png", "a dog"), ("3.png", "a bird"), ("4.png", "a dog"),
    )  # fmt: skip
    captions(tmp_path, "dev", ("5.png", "a cat runs far"))
    return tmp_path


def test_sound_data_is_counted_and_nothing_is_written(root: Path) -> None:
    before = sorted(root.rglob("*"))
    result = check(root)
    assert result.code == 0
    assert sorted(root.rglob("*")) == before
    assert result.stdout == (
        "train/captions.jsonl (jsonl)\n"
        "  train: 4 photos with 5 captions\n"
        "  held out: 1 photos with 1 captions\n"
        "  missing photos: 0\n"
        "  unreadable photos: 0\n"
        "  empty captions: 0\n"
        "  captions longer than 4 words, which are cut: 0\n"
        "  captions without a letter: 0\n"
        "\n"
        "dev/captions.jsonl (jsonl)\n"
        "  val: 1 photos with 1 captions\n"
        "  missing photos: 0\n"
        "  unreadable photos: 0\n"
        "  empty captions: 0\n"
        "  captions longer than 4 words, which are cut: 0\n"
        "  captions without a letter: 0\n"
        "\n"
        "all sources together\n"
        "  duplicate photos: 0\n"
        "  photos that train and are evaluated on: 0\n"
        # "a" five times and "dog" three times; once each: runs, cat, bird
        "  vocabulary: 2 words seen 2 times or more\n"
        "  of the words in train captions it holds 72.73%\n"
        "  of the words in val captions it holds 25.00%\n"
        "  of the words in held out captions it holds 100.00%\n"
    )
    assert result.stderr == ""  # what is done within half a minute has no progress


@pytest.mark.parametrize("start", [[], ["--from", "model"]], ids=["a recipe", "a model"])
def test_looking_data_over_imports_no_torch(
    root: Path, start: list[str], tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    save_model(root / "model", tiny_model, vocabulary, "")
    many = [(f"{number % 4}.png", "a dog") for number in range(300)]
    captions(root, "train", *many, ("4.png", "a bird"))
    code = """
import sys
from captioner.cli import main
from captioner.datasets import processes
processes._FEW = 0  # which has processes open the photos
code = main(sys.argv[1:])
print({"torch", "torchvision", "safetensors", "matplotlib"} & {*sys.modules})
sys.exit(code)
"""
    call = ["train", str(root / "x.toml"), "--check", "--set", f"data.root={root}", *start]
    result = subprocess.run(
        [sys.executable, "-c", code, *call], cwd=root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "train: 4 photos with 300 captions\n" in result.stdout
    assert result.stdout.endswith("\nset()\n")


def test_missing_and_unreadable_photos_are_named(root: Path) -> None:
    (root / "train" / "1.png").unlink()
    (root / "dev" / "5.png").write_bytes((root / "dev" / "5.png").read_bytes()[:-30])
    result = check(root)
    assert result.code == 1
    assert "  missing photos: 1\n    1.png\n" in result.stdout
    assert "  unreadable photos: 1\n    " in result.stdout
    assert "5.png is cut short or damaged." in result.stdout


@pytest.mark.parametrize(("unreadable", "words"), [("none.png", 2), ("0.png", 1)])
def test_training_counts_the_same_words(root: Path, unreadable: str, words: int) -> None:
    (root / "train" / unreadable).write_text("no photo")
    recipe = read_recipe(root / "x.toml", [f"data.root={root}"])
    summary = str(TrainingData(recipe, root / "cache").summary())
    assert summary.endswith(f"held out; vocabulary of {words} words.")
    assert f"  vocabulary: {words} words seen 2 times or more\n" in check(root).stdout


def test_a_cut_jpeg_is_found_though_only_a_small_copy_is_decoded(root: Path) -> None:
    noise = Image.effect_noise((1600, 1200), 60).convert("RGB")
    noise.save(root / "dev" / "5.jpg")
    captions(root, "dev", ("5.jpg", "a cat"))
    assert check(root).code == 0
    content = (root / "dev" / "5.jpg").read_bytes()
    (root / "dev" / "5.jpg").write_bytes(content[: len(content) * 3 // 4])
    result = check(root)
    assert result.code == 1
    assert "5.jpg is cut short or damaged." in result.stdout


def test_a_long_list_of_faults_is_cut(root: Path) -> None:
    captions(root, "dev", ("5.png", "a cat"), *((f"none{n}.png", "a cat") for n in range(8)))
    result = check(root)
    assert "  missing photos: 8\n" in result.stdout
    assert "none4.png\n    ... and 3 more\n" in result.stdout


def test_duplicates_are_named_but_do_no_harm(root: Path) -> None:
    photo(root / "train" / "3.png", 0)
    result = check(root)
    assert result.code == 0
    name = "train/captions.jsonl"
    told = f"  duplicate photos: 1\n    0.png (train, {name}) = 3.png (train, {name})\n"
    assert told in result.stdout


@pytest.mark.parametrize(
    ("copy", "split"), [("dev/5.png", "val, dev"), ("train/4.png", "held out")]
)
def test_a_photo_that_trains_and_is_evaluated_on_is_a_leak(
    root: Path, copy: str, split: str
) -> None:
    photo(root / copy, 2)
    result = check(root)
    assert result.code == 1
    assert "  LEAK, photos that train and are evaluated on: 1\n    2.png (train" in result.stdout
    assert f"{Path(copy).name} ({split}" in result.stdout
    assert "WARNING: 1 photos train and are evaluated on" in result.stderr


def test_odd_captions_are_counted(root: Path) -> None:
    captions(
        root, "train", ("0.png", "a dog"), ("0.png", " "), ("1.png", "..."), ("1.png", "1 2 3"),
        ("2.png", "a very very big dog"), ("3.png", "a bird"), ("4.png", "a dog"),
    )  # fmt: skip
    out = check(root).stdout.split("\n\n")[0]
    assert "  empty captions: 1\n" in out
    assert "  captions longer than 4 words, which are cut: 1\n" in out
    assert "  captions without a letter: 2" in out


def test_a_name_held_out_in_vain_is_shown(root: Path) -> None:
    (root / "held.txt").write_text("4.png\nnobody.png\n")
    assert "  held-out names without a photo: 1\n    nobody.png\n" in check(root).stdout


def test_a_split_without_a_photo_is_a_fault(root: Path) -> None:
    result = check(root, "data.sources.1.split=train")
    assert result.code == 1
    assert "  NO PHOTO in the val split\n" in result.stdout


def test_a_malformed_file_is_a_wrong_call(root: Path) -> None:
    (root / "dev" / "captions.jsonl").write_text("{")
    result = check(root)
    assert result.code == 2
    reason = "not valid JSON (Expecting property name enclosed in double quotes)."
    assert result.stderr.strip().endswith(f"line 1: {reason}")
    assert result.stdout == ""
