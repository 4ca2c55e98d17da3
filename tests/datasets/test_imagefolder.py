"""Hugging Face's imagefolder, with and without folders for the splits."""

import json
from pathlib import Path

import pytest

from captioner.datasets import read_dataset
from captioner.errors import DatasetError
from captioner.images import Photo


def folder(root: Path, name: str, rows: list[dict[str, object]]) -> None:
    (root / name).mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (root / name / "metadata.jsonl").write_text(lines)
    for row in rows:
        (root / name / str(row["file_name"])).parent.mkdir(exist_ok=True)
        (root / name / str(row["file_name"])).touch()


def test_one_folder_without_splits(tmp_path: Path) -> None:
    folder(tmp_path, "", [
        {"file_name": "1.jpg", "text": "A dog."},
        {"file_name": "more/1.jpg", "captions": ["A cat.", "Cats."], "width": 3},
    ])  # fmt: skip
    dataset = read_dataset(tmp_path, "imagefolder", val_share=0)
    assert [(r.name, r.photo, r.captions, r.split) for r in dataset.records] == [
        ("1.jpg", Photo.at(tmp_path / "1.jpg"), ("A dog.",), "train"),
        ("more/1.jpg", Photo.at(tmp_path / "more/1.jpg"), ("A cat.", "Cats."), "train"),
    ]


def test_folders_are_splits_and_tell_equal_names_apart(tmp_path: Path) -> None:
    for split, text in (("train", "A dog."), ("validation", "A cat."), ("test", "A bird.")):
        folder(tmp_path, f"data/{split}", [{"file_name": "1.jpg", "text": text}])
    dataset = read_dataset(tmp_path, "imagefolder")
    assert [(r.name, r.photo, r.captions, r.split) for r in dataset.records] == [
        (f"data/{name}/1.jpg", Photo.at(tmp_path / f"data/{name}/1.jpg"), (text,), split)
        for name, text, split in (
            ("test", "A bird.", "test"),
            ("train", "A dog.", "train"),
            ("validation", "A cat.", "val"),
        )
    ]


def test_a_split_in_a_row_wins_over_the_folders(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"file_name": "1.jpg", "text": "A dog.", "split": "val"},
        {"file_name": "2.jpg", "text": "A cat.", "split": "train"},
    ]
    folder(tmp_path, "train", rows)
    assert [r.split for r in read_dataset(tmp_path, "imagefolder").records] == ["val", "train"]


def test_metadata_may_be_csv(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("file_name,text\n1.jpg,A dog.\n2.jpg,A cat.\n")
    (tmp_path / "1.jpg").touch()
    dataset = read_dataset(tmp_path, "imagefolder")
    assert [r.captions for r in dataset.records] == [("A dog.",)]
    assert dataset.missing == ("2.jpg",)


def test_a_malformed_line_is_named(tmp_path: Path) -> None:
    folder(tmp_path, "train", [{"file_name": "1.jpg", "text": "A dog."}])
    folder(tmp_path, "test", [{"file_name": "1.jpg", "label": 3}])
    with pytest.raises(DatasetError, match=r"test/metadata\.jsonl, line 1: expected a photo's"):
        read_dataset(tmp_path, "imagefolder")


def test_a_folder_without_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no metadata\.jsonl or metadata\.csv"):
        read_dataset(tmp_path, "imagefolder")
