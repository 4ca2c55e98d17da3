"""Chinese from captions to captions: a run on the toy dataset in words and in characters."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from captioner.cli import main
from captioner.model import read_model
from captioner.training import read_recipe
from captioner.training.data import TrainingData
from captioner.training.sources import read_records

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "test-zh"
[data]
language = "zh"
min_count = 1
sources = [{format = "flickr8k", path = "toy"}]
[decoder]
hidden_size = 32
heads = 2
dropout = 0.0
[[phases]]
name = "all layers"
epochs = 16
learning_rate = 1e-2
encoder_learning_rate = 1e-3
batch_size = 8
ema_decay = 0.5
augment = false
"""

WORDS = {
    "red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色",
    "circle": "圆形", "square": "正方形", "triangle": "三角形",
}  # fmt: skip


def in_chinese(english: str) -> str:
    colour, shape = (
        WORDS[word] for word in re.findall("|".join(WORDS), english.replace("background", ""))[:2]
    )
    return f"图里有一个{colour}的{shape}。"


@pytest.fixture(scope="module")
def home(make_home: Callable[[str, int], Path]) -> Path:
    """Toy photos, each with one caption in Chinese."""
    pytest.importorskip("jieba")
    folder = make_home(RECIPE, 30)
    english = (folder / "toy" / "Flickr8k.token.txt").read_text("utf-8").splitlines()
    pairs = (line.split("#0\t") for line in english if "#0\t" in line)
    lines = (f"{name}#zhc#0 {in_chinese(caption)}\n" for name, caption in pairs)
    (folder / "toy" / "flickr8kzhc.caption.txt").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("unit", ["word", "character"])
def test_a_trained_model_prints_chinese_without_spaces(
    home: Path, unit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["--device", "cpu", "--set", f"data.root={home}", "--set", f"data.unit={unit}"]
    out = home / unit
    assert main(["train", str(home / "test.toml"), "--out", str(out), *changes]) == 0
    model, vocabulary = read_model(out / "model")
    assert (model.config.language, model.config.unit) == ("zh", unit)
    assert ("一个" in vocabulary.words) == (unit == "word")
    assert all(len(word) == 1 for word in vocabulary.words[4:]) == (unit == "character")
    capsys.readouterr()
    photo = home / "toy" / "toy_00000.png"
    assert main(["caption", str(photo), "--model", str(out / "model"), "--language", "zh"]) == 0
    assert re.fullmatch("[\u4e00-\u9fff]{2,}\n", capsys.readouterr().out)


def test_the_unit_is_the_languages_first_where_the_recipe_says_none(home: Path) -> None:
    data = TrainingData(read_recipe(home / "test.toml", [f"data.root={home}"]), home / "cache")
    assert {"一个", "红色", "三角形"} <= set(data.vocabulary.words)


def test_photos_with_a_side_in_a_word_are_not_mirrored(home: Path) -> None:
    """jieba sees "左边" as one word."""
    folder = home / "sides"
    folder.mkdir()
    captions = {"a": "左边有一只狗", "b": "一个女孩在跑", "c": "向右转的车", "d": "狗"}
    for name in captions:
        Image.new("RGB", (32, 32)).save(folder / f"{name}.png")
    lines = "".join(f"{name}.png#zhc#0 {text}\n" for name, text in captions.items())
    (folder / "flickr8kzhc.caption.txt").write_text(lines, encoding="utf-8")
    (folder / "Flickr_8k.trainImages.txt").write_text("a.png\nb.png\nc.png\n")
    (folder / "Flickr_8k.devImages.txt").write_text("d.png\n")
    changes = [f"data.root={home}", "data.sources=[{format='flickr8k', path='sides'}]"]
    data = TrainingData(read_recipe(home / "test.toml", changes), home / "cache")
    assert "左边" in data.vocabulary.words
    (batch,) = data.batches(3, 1, torch.Generator())
    assert dict(zip(batch.rows.tolist(), batch.mirror.tolist(), strict=True)) == {
        0: False, 1: True, 2: False,
    }  # fmt: skip


def test_a_unit_that_is_none_is_refused_before_anything_is_read(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["--set", "data.unit=letter", "--out", str(home / "none")]
    assert main(["train", str(home / "test.toml"), *changes]) == 2
    said = capsys.readouterr().err.strip()
    assert said.endswith("no unit 'letter' for language 'zh'; there is: word, character.")
    assert "test.toml" in said
    assert not (home / "none").exists()


def test_the_published_recipe_reads_the_real_captions(shared: Path) -> None:
    recipe = read_recipe(ROOT / "configs" / "base-zh.toml", [f"data.root={shared}"])
    records = read_records(recipe)
    by_split = {s: [r for r in records if r.split == s] for s in ("train", "val")}
    assert {s: len(rs) for s, rs in by_split.items()} == {"train": 5996 + 182 + 264, "val": 1000}
    assert sum(len(r.captions) for r in by_split["train"]) == 5 * 5996 + 190 + 271
    text = "".join(c for r in records for c in r.captions)
    assert len(re.findall(r"[\u4e00-\u9fff]", text)) > 0.85 * len(text)
