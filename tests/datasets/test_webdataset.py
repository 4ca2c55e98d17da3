"""WebDataset's shards: which files of a tar archive are a photo and its captions."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from captioner.datasets import Record, read_dataset, recognise
from captioner.errors import DatasetError


def photo(colour: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 0, 0)).save(content, "png")
    return content.getvalue()


def shard(path: Path, files: dict[str, bytes | str]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else content.encode()
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def read(path: Path, **options: object) -> list[Record]:
    return list(read_dataset(path, "webdataset", **options).records)  # type: ignore[arg-type]


def test_each_kind_of_caption_is_read_and_photos_come_as_they_lie(tmp_path: Path) -> None:
    shard(
        tmp_path / "s" / "00000.tar",
        {
            "b/9.png": photo(9), "b/9.txt": "A dog.\n\nTwo dogs.\n", "b/9.json": '{"text": "no"}',
            "a.png": photo(1), "a.seg.png": photo(3), "a.cls": "7", "a.caption": "A cat.",
            "10.json": '{"Text": ["A hat.", "Hats."], "url": "x"}', "10.png": photo(10),
            "none.png": photo(2), "other.png": photo(4), "other.json": '{"width": 8}',
        },
    )  # fmt: skip
    found = read(tmp_path / "s", val_share=0)
    assert {r.name: r.captions for r in found} == {
        "00000/b/9": ("A dog.", "Two dogs."),
        "00000/a": ("A cat.",),
        "00000/10": ("A hat.", "Hats."),
    }
    assert [r.name for r in found] == ["00000/b/9", "00000/a", "00000/10"]
    assert [r.photo.open().getpixel((0, 0))[0] for r in found] == [9, 1, 10]  # type: ignore[index]


def test_shards_that_are_called_so_are_splits_and_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("train-10", "train-9", "val-0"):
        shard(tmp_path / f"{name}.tar", {"1.png": photo(1), "1.txt": name})
    found = read(tmp_path)
    assert [(r.name, r.split) for r in found] == [
        ("train-9/1", "train"), ("train-10/1", "train"), ("val-0/1", "val"),
    ]  # fmt: skip
    assert [r.split for r in read(tmp_path, images=[tmp_path / "val-0.tar"])] == ["val"]
    with pytest.raises(DatasetError, match="leave `split` out"):
        read(tmp_path, split="train")


def test_what_is_missing_or_empty_is_counted(tmp_path: Path) -> None:
    files = {"1.txt": "A dog.", "2.png": photo(2), "2.txt": "A cat.\n", "3.png": photo(3)}
    shard(tmp_path / "0.tar", {**files, "3.txt": " \n"})
    found = read_dataset(tmp_path / "0.tar", "webdataset", split="train")
    assert [r.name for r in found.records] == ["0/2"]
    assert (found.missing, found.empty) == (("0/1",), ("0/3",))


def test_shards_with_json_are_recognised(tmp_path: Path) -> None:
    files = {"1.jpg": photo(1), "1.json": json.dumps({"caption": "A dog."})}
    path = shard(tmp_path / "shards" / "0.tar", files)
    assert recognise(path.parent) == ("webdataset", path.parent)
    assert recognise(path) == ("webdataset", path)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"1.jpg": b"", "1.json": "{"}, r"0\.tar/1\.json, line 1: not valid JSON"),
        ({"1.jpg": b"", "1.json": '{"caption": 3}'}, r"0\.tar/1\.json: a caption must be text"),
        ({"1.jpg": b"", "1.json": '{"caption": null}'}, r"0\.tar/1\.json: a caption is null"),
        ({"1.jpg": b"", "1.txt": b"\xff"}, r"0\.tar/1\.txt cannot be read as UTF-8"),
        ({"1.jpg": b""}, "holds no captions"),
    ],
)
def test_what_is_malformed_is_named(
    tmp_path: Path, files: dict[str, bytes | str], said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        read(shard(tmp_path / "0.tar", files))


def test_a_shard_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = shard(tmp_path / "0.tar", {"1.png": photo(1), "1.txt": "A dog."})
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DatasetError, match=r"0\.tar"):
        read(path)
    with pytest.raises(DatasetError, match="There is no photo folder or archive"):
        read(tmp_path / "none")
    with pytest.raises(DatasetError, match="holds no tar archive"):
        read(shard(tmp_path / "empty" / "0.zip", {}).parent)
