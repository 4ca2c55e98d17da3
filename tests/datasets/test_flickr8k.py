"""Flickr8k's Chinese captions: a file of their own, the same photos and splits."""

from pathlib import Path

import pytest
from PIL import Image

from captioner.datasets import read_dataset
from captioner.errors import DatasetError

ENGLISH = "a.jpg#0\tA dog .\nb.jpg#0\tA cat .\n"
CHINESE = "a.jpg#zhc#0 一只狗。\nb.jpg#zhc#0 一只 猫\r\na.jpg#zhc#1\t狗在跑 \n\n"


def flickr8k(root: Path, chinese: str) -> Path:
    (root / "Flickr8k.token.txt").write_text(ENGLISH, encoding="utf-8")
    (root / "flickr8kzhc.caption.txt").write_bytes(chinese.encode())
    (root / "Flickr_8k.trainImages.txt").write_text("a.jpg\n")
    (root / "Flickr_8k.devImages.txt").write_text("b.jpg\n")
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (8, 8)).save(root / name)
    return root


def test_the_language_chooses_the_captions_and_not_the_photos(tmp_path: Path) -> None:
    root = flickr8k(tmp_path, CHINESE)
    english, chinese = read_dataset(root, "flickr8k"), read_dataset(root, "flickr8k", language="zh")
    assert [(r.name, r.captions, r.split) for r in chinese.records] == [
        ("a.jpg", ("一只狗。", "狗在跑"), "train"),
        ("b.jpg", ("一只 猫",), "val"),
    ]
    assert [r.captions for r in english.records] == [("A dog .",), ("A cat .",)]
    assert [r.photo for r in english.records] == [r.photo for r in chinese.records]


@pytest.mark.parametrize(
    "line",
    [
        "a.jpg#0 狗",
        "a.jpg#zhb#0 狗",
        "a.jpg#zhc#0狗",
        "a.jpg#zhc#x 狗",
        "#zhc#0 狗",
        "a.jpg#zhc#0 ",
    ],
)
def test_a_malformed_line_is_named_with_the_form_that_is_expected(
    tmp_path: Path, line: str
) -> None:
    root = flickr8k(tmp_path, f"a.jpg#zhc#0 狗\n{line}\n")
    with pytest.raises(
        DatasetError, match=r"flickr8kzhc\.caption\.txt, line 2: expected name\.jpg#zhc#0<TAB or"
    ):
        read_dataset(root, "flickr8k", language="zh")


def test_a_language_without_captions_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no captions in language 'fr'; it has: en, zh"):
        read_dataset(flickr8k(tmp_path, CHINESE), "flickr8k", language="fr")


def test_the_real_chinese_captions_are_whole(shared: Path) -> None:
    english = read_dataset(shared / "flickr8k", "flickr8k")
    chinese = read_dataset(shared / "flickr8k", "flickr8k", language="zh")
    assert {(r.name, r.split) for r in chinese.records} == {
        (r.name, r.split) for r in english.records
    }
    assert sum(len(record.captions) for record in chinese.records) == 34980
    assert {len(record.captions) for record in chinese.records} == {5}
    assert all(c == c.strip() and "#" not in c for r in chinese.records for c in r.captions)
