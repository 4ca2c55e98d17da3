"""COCO results files beside their references: right ones, and each way to be wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from captioner.datasets import CocoCaptions, read_coco_captions, read_coco_results
from captioner.errors import DatasetError

IMAGES = [{"id": 42, "file_name": "a.jpg"}, {"id": 7, "file_name": "b.jpg"}]
ANNOTATIONS = [
    {"image_id": 42, "caption": " A dog. "},
    {"image_id": 7, "caption": "A cat."},
    {"image_id": 42, "caption": ""},
]


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def references(
    folder: Path, images: list[Any] = IMAGES, annotations: list[Any] = ANNOTATIONS
) -> CocoCaptions:
    content = {"images": images, "annotations": annotations}
    return read_coco_captions(written(folder / "captions.json", content))


def results(folder: Path, content: Any, truth: CocoCaptions | None = None) -> dict[Any, str]:
    path = written(folder / "results.json", content)
    return read_coco_results(path, truth or references(folder))


def test_references_are_read_by_id_with_their_names_and_empty_captions(tmp_path: Path) -> None:
    truth = references(tmp_path)
    assert truth.names == {42: "a.jpg", 7: "b.jpg"}
    assert truth.captions == {42: ["A dog.", ""], 7: ["A cat."]}


def test_results_are_read_by_id_in_their_order_and_may_be_empty(tmp_path: Path) -> None:
    rows = [{"image_id": 7, "caption": "  "}, {"image_id": 42, "caption": " a dog\n", "more": 1}]
    assert list(results(tmp_path, rows).items()) == [(7, ""), (42, "a dog")]


def test_a_file_name_stands_for_the_id_that_it_has(tmp_path: Path) -> None:
    """As `captioner folder` writes it; salesforce/LAVIS#598 fails on ids that are no numbers."""
    rows = [{"image_id": "b.jpg", "caption": "a cat"}, {"image_id": 42, "caption": "a dog"}]
    assert list(results(tmp_path, rows).items()) == [(7, "a cat"), (42, "a dog")]
    twice = [*rows, {"image_id": 7, "caption": "a cat"}]
    with pytest.raises(DatasetError, match=r"entry 2: a second caption for b\.jpg"):
        results(tmp_path, twice)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"image_id": 5, "caption": "x"}], "entry 0: no image of .* has the id 5"),
        ([{"image_id": "000042", "caption": "x"}], '"000042" looks like the id 42 of'),
        ([{"image_id": "7", "caption": "x"}], "but they are written differently"),
        ([{"image_id": 42, "caption": "x"}] * 2, "entry 1: a second caption for a.jpg"),
        ([{"image_id": 42, "caption": "x"}], "no caption for 1 photos of .*, as b.jpg"),
        ([], "no caption for 2 photos of .*, as a.jpg"),
        ([{"image_id": 42}], "entry 0: expected an image_id and a caption"),
        ([{"caption": "x"}], "entry 0: expected"),
        ([{"image_id": 42, "caption": None}], "entry 0: expected"),
        ([{"image_id": 42, "caption": ["x"]}], "entry 0: expected"),
        ([{"image_id": True, "caption": "x"}], "entry 0: expected"),
        ([{"image_id": [42], "caption": "x"}], "entry 0: expected"),
        (["a dog"], "entry 0: expected"),
        ([None], "entry 0: expected"),
        ({"42": "a dog"}, "not in COCO results format: a list"),
        ("[1,\n2,]", "results.json, line 2: not valid JSON"),
        ("", "results.json, line 1: not valid JSON"),
    ],
)
def test_each_wrong_results_file_is_named_in_one_sentence(
    tmp_path: Path, rows: Any, said: str
) -> None:
    with pytest.raises(DatasetError, match=said) as error:
        results(tmp_path, rows)
    assert "results.json" in str(error.value)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_ids_that_are_texts_may_look_alike_too(tmp_path: Path) -> None:
    truth = references(
        tmp_path, [{"id": "042", "file_name": "a.jpg"}], [{"image_id": "042", "caption": "x"}]
    )
    with pytest.raises(DatasetError, match=r'"42" looks like the id "042" .* written differently'):
        results(tmp_path, [{"image_id": "42", "caption": "x"}], truth)


def test_a_caption_of_an_image_without_reference_is_refused(tmp_path: Path) -> None:
    truth = references(tmp_path, annotations=ANNOTATIONS[1:])  # of 42 only the empty one is left
    rows = [{"image_id": 7, "caption": "a cat"}]
    assert results(tmp_path, rows, truth) == {7: "a cat"}
    with pytest.raises(DatasetError, match=r"entry 1: a\.jpg has no reference caption in"):
        results(tmp_path, [*rows, {"image_id": 42, "caption": "a dog"}], truth)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.json is missing"):
        read_coco_results(tmp_path / "none.json", references(tmp_path))
    with pytest.raises(DatasetError, match=r"none\.json is missing"):
        read_coco_captions(tmp_path / "none.json")


@pytest.mark.parametrize(
    "image", [{"id": 42, "file_name": "c.jpg"}, {"id": 5, "file_name": "a.jpg"}]
)
def test_an_id_with_two_names_and_a_name_with_two_ids_are_refused(
    tmp_path: Path, image: dict[str, Any]
) -> None:
    with pytest.raises(DatasetError, match=r"images\[2\]: the id .* belongs to another image"):
        references(tmp_path, [*IMAGES, image])


def test_an_image_that_is_listed_twice_alike_is_one_image(tmp_path: Path) -> None:
    assert references(tmp_path, [*IMAGES, IMAGES[0]]).names == {42: "a.jpg", 7: "b.jpg"}
