"""Flickr8k and COCO captions, from folders and tar archives, whole and damaged."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from captioner.datasets import read_dataset
from captioner.errors import DatasetError, ImageError
from captioner.images import Photo
from captioner.images.archives import Member


def jpeg(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def flickr8k(root: Path, tokens: str, train: str = "a.jpg\n", dev: str = "b.jpg\n") -> Path:
    root.mkdir(exist_ok=True)
    (root / "Flickr8k.token.txt").write_text(tokens, encoding="utf-8")
    (root / "Flickr_8k.trainImages.txt").write_text(train, encoding="utf-8")
    (root / "Flickr_8k.devImages.txt").write_text(dev, encoding="utf-8")
    return root


TOKENS = "a.jpg#0\tA dog .\na.jpg#1\tTwo dogs .\nb.jpg#0\tA cat .\nc.jpg#0\tNot listed .\n"


def test_flickr8k_reads_captions_and_splits(tmp_path: Path) -> None:
    root = flickr8k(tmp_path, TOKENS)
    (root / "photos").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (root / "photos" / name).write_bytes(jpeg("red"))
    dataset = read_dataset(root, "flickr8k")
    assert [(r.name, r.captions, r.split) for r in dataset.records] == [
        ("a.jpg", ("A dog .", "Two dogs ."), "train"),
        ("b.jpg", ("A cat .",), "val"),
    ]
    assert dataset.missing == ()


def test_photos_are_read_straight_from_tar_archives(tmp_path: Path) -> None:
    root = flickr8k(tmp_path, TOKENS)
    for name, colour in (("a.jpg", "red"), ("b.jpg", "blue")):
        with tarfile.open(root / f"images-{name}.tar", "w") as tar:
            info = tarfile.TarInfo(f"deep/folder/{name}")
            info.size = len(jpeg(colour))
            tar.addfile(info, io.BytesIO(jpeg(colour)))
    records = read_dataset(root, "flickr8k").records
    assert all(record.photo.member for record in records)
    red, blue = (record.photo.open().getpixel((4, 4)) for record in records)
    assert red[0] > 200
    assert red[2] < 100
    assert blue[2] > 200
    assert blue[0] < 100


def test_missing_photos_are_named_and_left_out(tmp_path: Path) -> None:
    root = flickr8k(tmp_path, TOKENS)
    (root / "b.jpg").write_bytes(jpeg("red"))
    dataset = read_dataset(root, "flickr8k")
    assert [r.name for r in dataset.records] == ["b.jpg"]
    assert dataset.missing == ("a.jpg",)


@pytest.mark.parametrize(
    "line", ["no tab", "a.jpg\tno number", "a.jpg#x\ttext", "#0\ttext", "a.jpg#0\t  "]
)
def test_a_malformed_token_file_names_file_and_line(tmp_path: Path, line: str) -> None:
    root = flickr8k(tmp_path, f"a.jpg#0\tfine\n{line}\n")
    with pytest.raises(DatasetError, match=r"Flickr8k\.token\.txt, line 2"):
        read_dataset(root, "flickr8k")


def test_a_caption_file_without_captions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no captions"):
        read_dataset(flickr8k(tmp_path, "\n\n"), "flickr8k")
    empty = tmp_path / "captions.json"
    empty.write_text('{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}')
    with pytest.raises(DatasetError, match=r"captions\.json holds no captions"):
        read_dataset(empty, "coco")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"Flickr8k\.token\.txt is missing"):
        read_dataset(tmp_path, "flickr8k")
    with pytest.raises(DatasetError, match=r"none\.json is missing"):
        read_dataset(tmp_path / "none.json", "coco")
    with pytest.raises(DatasetError, match=r"no photo folder or archive .*nowhere"):
        read_dataset(flickr8k(tmp_path, TOKENS), "flickr8k", [tmp_path / "nowhere"])


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    root = flickr8k(tmp_path, TOKENS)
    (root / "images.tar").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(DatasetError, match=r"images\.tar is a damaged archive"):
        read_dataset(root, "flickr8k")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    root = flickr8k(tmp_path, TOKENS)
    (root / "Flickr8k.token.txt").write_bytes(b"a.jpg#0\t\xff\xfe\n")
    with pytest.raises(DatasetError, match=r"Flickr8k\.token\.txt cannot be read as UTF-8"):
        read_dataset(root, "flickr8k")


def test_a_photo_that_vanished_with_its_archive_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.tar/a\.jpg cannot be read"):
        Photo("gone.tar/a.jpg", str(tmp_path / "gone.tar"), Member("a.jpg", 10, 0)).open()


def coco(path: Path, images: object, annotations: object) -> Path:
    path.write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")
    return path


def test_coco_reads_captions_in_the_files_order(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "a.jpg"}, {"id": 3, "file_name": "x/b.jpg"}]
    annotations = [
        {"image_id": 3, "caption": " A cat. "},
        {"image_id": 7, "caption": "A dog."},
        {"image_id": 3, "caption": "\n"},
    ]
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    records = read_dataset(
        coco(tmp_path / "captions.json", images, annotations), "coco", split="val"
    ).records
    assert [(r.name, r.captions, r.split) for r in records] == [
        ("a.jpg", ("A dog.",), "val"),
        ("x/b.jpg", ("A cat.",), "val"),
    ]


@pytest.mark.parametrize(
    ("images", "annotations", "said"),
    [
        ([{"id": 1}], [], r"images\[0\]"),
        ([{"id": 1, "file_name": "a"}], [{"image_id": 2, "caption": "x"}], r"annotations\[0\]"),
        ([{"id": 1, "file_name": "a"}], [{"image_id": 1, "caption": None}], r"annotations\[0\]"),
        ([{"id": 1, "file_name": "a"}], ["x"], r"annotations\[0\]"),
        ({}, [], "no list 'images'"),
        ([], None, "no list 'annotations'"),
    ],
)
def test_a_malformed_coco_file_names_the_entry(
    tmp_path: Path, images: object, annotations: object, said: str
) -> None:
    path = coco(tmp_path / "captions.json", images, annotations)
    with pytest.raises(DatasetError, match=rf"captions\.json.*{said}"):
        read_dataset(path, "coco")


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text('{\n"images": [,\n')
    with pytest.raises(DatasetError, match=r"captions\.json, line 2"):
        read_dataset(tmp_path / "captions.json", "coco")


def test_the_real_flickr8k_is_whole(shared: Path) -> None:
    dataset = read_dataset(shared / "flickr8k", "flickr8k")
    assert len(dataset.split("train").records) == 5996
    assert len(dataset.split("val").records) == 1000
    assert {len(record.captions) for record in dataset.records} == {5}
    assert dataset.missing == ()


def test_the_real_coco_files_miss_what_they_miss(shared: Path) -> None:
    mini = read_dataset(
        shared / "coco_mini" / "annotations" / "captions_train2017.json",
        "coco",
        [shared / "coco_mini" / "train2017"],
    )
    assert (len(mini.records), len(mini.missing)) == (40, 40)
    extra = read_dataset(shared / "coco_extra" / "captions_en.json", "coco")
    assert (len(extra.records), len(extra.missing)) == (1956, 0)
