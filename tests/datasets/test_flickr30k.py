"""Flickr30k in its original text layout, with and without split lists."""

from pathlib import Path

import pytest

from captioner.datasets import read_dataset
from captioner.errors import DatasetError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "results_20130124.token").write_text(
        "1.jpg#0\tA dog .\n1.jpg#1\tDogs .\n2.jpg#0\tA cat .\n3.jpg#0\tA bird .\n"
    )
    (tmp_path / "flickr30k-images").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "flickr30k-images" / name).touch()
    return tmp_path


def test_without_lists_a_share_evaluates(root: Path) -> None:
    dataset = read_dataset(root, "flickr30k", val_share=0)
    assert [(r.name, r.captions, r.split) for r in dataset.records] == [
        ("1.jpg", ("A dog .", "Dogs ."), "train"),
        ("2.jpg", ("A cat .",), "train"),
    ]
    assert dataset.missing == ("3.jpg",)


def test_lists_of_flickr30k_entities_decide(root: Path) -> None:
    (root / "train.txt").write_text("1\n")
    (root / "val.txt").write_text("2.jpg\n")
    assert [(r.name, r.split) for r in read_dataset(root, "flickr30k").records] == [
        ("1.jpg", "train"), ("2.jpg", "val"),
    ]  # fmt: skip
    with pytest.raises(DatasetError, match="leave `split` out"):
        read_dataset(root, "flickr30k", split="train")


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"results_20130124\.token is missing"):
        read_dataset(tmp_path, "flickr30k")
