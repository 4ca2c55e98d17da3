"""Karpathy's dataset_*.json, whole and damaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from captioner.datasets import read_dataset
from captioner.errors import DatasetError
from captioner.images import Photo

WHOLE = [
    {"filepath": "val2014", "filename": "1.jpg", "split": "restval", "imgid": 0,
     "sentences": [{"raw": "A dog.", "tokens": ["a", "dog"]}, {"tokens": ["two", "dogs"]}]},
    {"filepath": "train2014", "filename": "1.jpg", "split": "train",
     "sentences": [{"raw": "A cat."}]},
    {"filename": "2.jpg", "split": "val", "sentences": [{"raw": "A bird."}]},
    {"filename": "3.jpg", "split": "test", "sentences": [{"raw": "A fish."}]},
]  # fmt: skip


def write(folder: Path, images: Any) -> Path:
    path = folder / "dataset_ours.json"
    path.write_text(json.dumps({"images": images, "dataset": "ours"}))
    return path


def test_folders_splits_and_sentences_are_read(tmp_path: Path) -> None:
    for name in ("val2014/1.jpg", "train2014/1.jpg", "2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    dataset = read_dataset(write(tmp_path, WHOLE), "karpathy")
    assert [(r.name, r.photo, r.captions, r.split) for r in dataset.records] == [
        ("val2014/1.jpg", Photo.at(tmp_path / "val2014/1.jpg"), ("A dog.", "two dogs"), "train"),
        ("train2014/1.jpg", Photo.at(tmp_path / "train2014/1.jpg"), ("A cat.",), "train"),
        ("2.jpg", Photo.at(tmp_path / "2.jpg"), ("A bird.",), "val"),
    ]
    assert dataset.missing == ("3.jpg",)


@pytest.mark.parametrize(
    "entry",
    [
        {**WHOLE[2], "split": "trainval"},
        {**WHOLE[2], "split": None},
        {**WHOLE[2], "filename": 2},
        {**WHOLE[2], "sentences": None},
        {**WHOLE[2], "sentences": [{"raw": 3}]},
        {**WHOLE[2], "sentences": [{}]},
        {"split": "val", "sentences": []},
        "2.jpg",
    ],
)
def test_a_malformed_entry_is_named(tmp_path: Path, entry: Any) -> None:
    with pytest.raises(DatasetError, match=r"dataset_ours\.json, images\[1\]: expected filename"):
        read_dataset(write(tmp_path, [WHOLE[2], entry]), "karpathy")


def test_a_photo_in_two_splits_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"images\[1\]: 2\.jpg is in two splits"):
        read_dataset(write(tmp_path, [WHOLE[2], {**WHOLE[2], "split": "train"}]), "karpathy")


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no list 'images'"):
        read_dataset(write(tmp_path, {}), "karpathy")
    with pytest.raises(DatasetError, match="holds no captions"):
        read_dataset(write(tmp_path, []), "karpathy")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(DatasetError, match="no list 'images'"):
        read_dataset(tmp_path / "list.json", "karpathy")
