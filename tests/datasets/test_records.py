"""Captions, splits and photos matched; photos held out."""

from pathlib import Path

import pytest

from captioner.datasets import Dataset, Record, read_names
from captioner.datasets.finding import find_photos
from captioner.datasets.records import match_photos
from captioner.errors import DatasetError
from captioner.images import Photo
from captioner.images.archives import Member


def names(dataset: Dataset, split: str) -> list[str]:
    return [record.name for record in dataset.split(split).records]


def dataset(*paths: str) -> Dataset:
    return Dataset(tuple(Record(Photo.at(f"/x/{p}"), ("A dog.",), "train", p) for p in paths))


def test_a_record_is_called_what_its_dataset_calls_it() -> None:
    member = Photo("x.tar/deep/1.jpg", "x.tar", Member("deep/1.jpg", 1, 0))
    assert Record(member, (), "train").name == "1.jpg"
    assert Record(member, (), "train", "a/1.jpg").name == "a/1.jpg"


def test_missing_photos_empty_captions_and_photos_without_a_split_are_left_out(
    tmp_path: Path,
) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "e.jpg"):
        (tmp_path / name).touch()
    captions = {
        "a.jpg": [" A dog. ", " ", "Dogs."],
        "b.jpg": ["", ""],
        "c.jpg": ["No split."],
        "d.jpg": ["No photo."],
    }
    splits = {"a.jpg": "train", "b.jpg": "train", "d.jpg": "val", "e.jpg": "train"}
    found = match_photos(captions, splits, find_photos([tmp_path]))
    assert [(r.name, r.captions, r.split) for r in found.records] == [
        ("a.jpg", ("A dog.", "Dogs."), "train")
    ]
    assert found.missing == ("d.jpg",)
    assert found.empty == ("a.jpg", "b.jpg", "b.jpg")


def test_photos_are_held_out_by_path_or_by_file_name() -> None:
    held = dataset("a/1.jpg", "b/1.jpg", "b/2.jpg").hold_out({"a/1.jpg", "2.jpg", "3.jpg"})
    assert names(held, "held_out") == ["a/1.jpg", "b/2.jpg"]
    assert names(held, "train") == ["b/1.jpg"]


def test_holding_out_by_a_file_name_that_comes_twice_is_an_error() -> None:
    with pytest.raises(DatasetError, match=r"'1\.jpg' could be a/1\.jpg or b/1\.jpg"):
        dataset("a/1.jpg", "b/1.jpg").hold_out({"1.jpg"})


def test_lists_of_names_come_from_any_system(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("\ufeff1.jpg\r\n\r\n 2.jpg ".encode())
    assert read_names(tmp_path / "names.txt") == {"1.jpg", "2.jpg"}
    with pytest.raises(DatasetError, match=r"none\.txt is missing"):
        read_names(tmp_path / "none.txt")
