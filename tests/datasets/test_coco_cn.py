"""COCO-CN as its authors publish it: names without a suffix, split lists, a tab."""

from pathlib import Path

import pytest
from PIL import Image

from captioner.datasets import read_dataset
from captioner.errors import DatasetError

A, B, C = (f"COCO_{part}2014_{n:012}" for part, n in (("train", 9), ("val", 42), ("val", 73)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    captions = f"{B}#0\t一只狗在睡觉\n{A}#0\t桌上有 蛋糕。\n{B}#1\t狗趴着\n{C}#0\t一辆车\n"
    (tmp_path / "imageid.human-written-caption.txt").write_text(captions, encoding="utf-8")
    (tmp_path / "coco-cn_train.txt").write_text(f"{A}\n")
    (tmp_path / "coco-cn_val.txt").write_text(f"{B}\n{C}\n")
    (tmp_path / "val2014").mkdir()
    for path in (f"{A}.jpg", f"val2014/{B}.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / path)
    return tmp_path


def test_names_find_their_photos_and_splits(root: Path) -> None:
    dataset = read_dataset(root, "coco-cn")
    assert [(r.name, r.captions, r.split) for r in dataset.records] == [
        (f"{B}.jpg", ("一只狗在睡觉", "狗趴着"), "val"),
        (f"{A}.jpg", ("桌上有 蛋糕。",), "train"),
    ]
    assert dataset.missing == (f"{C}.jpg",)


def test_photos_may_lie_elsewhere(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    photos = tmp_path_factory.mktemp("photos")
    Image.new("RGB", (8, 8)).save(photos / f"{C}.jpg")
    assert [r.name for r in read_dataset(root, "coco-cn", [photos]).records] == [f"{C}.jpg"]


def test_a_malformed_line_is_named(root: Path) -> None:
    path = root / "imageid.human-written-caption.txt"
    path.write_text(f"{A}#0\t蛋糕\n{A} 蛋糕\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"human-written-caption\.txt, line 2"):
        read_dataset(root, "coco-cn")


def test_a_folder_without_lists_is_refused(root: Path) -> None:
    for path in root.glob("coco-cn_*.txt"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"no split list such as coco-cn_train\.txt"):
        read_dataset(root, "coco-cn")
