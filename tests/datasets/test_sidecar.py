"""Photos with a text file beside each, in folders and archives."""

import io
import tarfile
from pathlib import Path

import pytest

from captioner.datasets import read_dataset
from captioner.errors import DatasetError
from captioner.images import Photo

FILES = {
    "1.jpg": "", "1.txt": "A dog.\nDogs.\n",
    "more/1.png": "", "more/1.txt": "\ufeffA cat.\r\n\r\n",
    "without.jpg": "", "gone.txt": "A bird.", "blank.jpg": "", "blank.txt": " \n",
}  # fmt: skip


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


def tar(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def test_each_line_of_the_text_beside_a_photo_is_a_caption(tmp_path: Path) -> None:
    dataset = read_dataset(write(tmp_path, FILES), "sidecar", split="train")
    assert {r.name: (r.photo, r.captions) for r in dataset.records} == {
        "1.jpg": (Photo.at(tmp_path / "1.jpg"), ("A dog.", "Dogs.")),
        "more/1.png": (Photo.at(tmp_path / "more/1.png"), ("A cat.",)),
    }
    assert dataset.missing == ("gone.txt",)
    assert dataset.empty == ("blank.jpg",)


def test_archives_hold_both(tmp_path: Path) -> None:
    tar(tmp_path / "x.tar", {**FILES, "more/2.jpg": "2", "more/2.txt": "A fish."})
    records = {r.name: r for r in read_dataset(tmp_path, "sidecar").records}
    assert records["1.jpg"].captions == ("A dog.", "Dogs.")
    assert records["more/2.jpg"].captions == ("A fish.",)
    photo = records["more/2.jpg"].photo
    assert photo.member
    assert photo.read() == b"2"


def test_a_text_with_a_photos_whole_name_is_that_photos(tmp_path: Path) -> None:
    texts = {"1.jpg.txt": "A dog.", "1.png.txt": "A cat.", "2.jpg.txt": "A bird."}
    write(
        tmp_path, {"1.jpg": "", "1.png": "", "1.gif": "", "1.txt": "A fish.", "2.jpg": "", **texts}
    )
    assert {r.name: r.captions for r in read_dataset(tmp_path, "sidecar").records} == {
        "1.jpg": ("A dog.",), "1.png": ("A cat.",), "1.gif": ("A fish.",), "2.jpg": ("A bird.",),
    }  # fmt: skip


def test_two_photos_beside_one_text_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.jpg": "", "a/1.png": "", "a/1.txt": "A dog."})
    with pytest.raises(DatasetError, match=r"a/1\.txt lies beside two photos: a/1\.jpg, a/1\.png"):
        read_dataset(tmp_path, "sidecar")


def test_equal_names_in_two_places_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.jpg": "", "a/1.txt": "A dog.", "b/1.jpg": "", "b/1.txt": "A cat."})
    with pytest.raises(DatasetError, match=r"a/1\.jpg and .*b/1\.jpg have the same name"):
        read_dataset(tmp_path, "sidecar", [tmp_path / "a", tmp_path / "b"])
    assert len(read_dataset(tmp_path, "sidecar").records) == 2
    assert len(read_dataset(tmp_path, "sidecar", [tmp_path, tmp_path / "a"]).records) == 2


def test_a_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (write(tmp_path, {"1.jpg": ""}) / "1.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DatasetError, match=r"1\.txt cannot be read as UTF-8"):
        read_dataset(tmp_path, "sidecar")


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no \.txt or \.caption file beside a photo"):
        read_dataset(write(tmp_path, {"1.jpg": ""}), "sidecar")
