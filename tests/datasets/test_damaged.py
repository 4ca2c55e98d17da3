"""Damaged caption files and archives, read as every layout: one sentence, or what can be read."""

import io
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.datasets import (
    FORMATS,
    read_coco_captions,
    read_coco_results,
    read_dataset,
    recognise,
)
from captioner.errors import DatasetError, ImageError
from captioner.images import Photo
from captioner.images.archives import Member
from captioner.text import Vocabulary

DIGITS = "9" * 4301  # one more than Python reads
DEEP = "[" * 100_000


def read_all(path: Path) -> list[str]:
    """What is said where a file, or its folder, is read as every layout and as what it looks like.

    No error but the project's own, and no sentence without an end.
    """
    said = []
    for format in (*FORMATS, None):
        for place in (path, path.parent):
            try:
                read_dataset(place, format)
            except DatasetError as error:
                said.append(str(error))
    assert all(sentence.endswith((".", "?")) for sentence in said)
    return said


COCO = {
    "images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}],
    "annotations": [{"image_id": 1, "caption": "A dog."}, {"image_id": 2, "caption": "A cat."}],
}


@pytest.mark.parametrize(
    "value", [DIGITS, "-" + DIGITS, DEEP, "[" * 900 + "]" * 900, "NaN", "1e999"]
)
@pytest.mark.parametrize("name", ["c.json", "c.jsonl"])
@pytest.mark.parametrize(
    "form",
    [
        '{{"images": [{{"id": {}, "file_name": "1.jpg"}}], "annotations": []}}',
        '{{"images": [{{"filename": "1.jpg", "split": {}, "sentences": []}}]}}',
        '{{"image": "1.jpg", "caption": "A dog.", "split": {}}}',
        '[{{"image": "1.jpg", "captions": [{}]}}]',
        "{}",
    ],
)
def test_json_that_python_cannot_hold_is_one_sentence(
    tmp_path: Path, form: str, name: str, value: str
) -> None:
    (tmp_path / "1.jpg").write_bytes(b"x")
    (tmp_path / name).write_text(form.format(value))
    said = read_all(tmp_path / name)
    assert any(name in sentence for sentence in said)
    if value == DIGITS:
        assert any("a number in JSON has too many digits" in sentence for sentence in said)


def test_digits_name_the_line_of_a_json_lines_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"image": "1.jpg", "caption": "a"}\n{"image": ' + DIGITS + "}\n")
    with pytest.raises(DatasetError, match=r"t\.jsonl, line 2: a number in JSON has too many"):
        read_dataset(path)


@pytest.mark.parametrize("identity", ["NaN", "Infinity", "-1e999", "true", "null", "[]", "{}"])
def test_an_id_that_identifies_nothing_is_refused(tmp_path: Path, identity: str) -> None:
    text = json.dumps(COCO).replace('"id": 2', f'"id": {identity}')
    (tmp_path / "c.json").write_text(text.replace('"image_id": 2', f'"image_id": {identity}'))
    with pytest.raises(DatasetError, match=r"images\[1\]: expected id and file_name"):
        read_dataset(tmp_path / "c.json", "coco")


def test_a_number_of_thousands_of_digits_may_be_an_id(tmp_path: Path) -> None:
    long = "9" * 4000
    text = json.dumps(COCO).replace('"id": 2', f'"id": {long}')
    (tmp_path / "c.json").write_text(text.replace('"image_id": 2', f'"image_id": {long}'))
    references = read_coco_captions(tmp_path / "c.json")
    (tmp_path / "r.json").write_text(f'[{{"image_id": {long}0, "caption": "a"}}]')
    with pytest.raises(DatasetError, match=r"no image of .* has the id"):
        read_coco_results(tmp_path / "r.json", references)


@pytest.mark.parametrize("name", ["\udce9.jpg", "a\ud83d/1.jpg", "nul\0l.jpg", "\x1b[2J.jpg"])
def test_a_name_that_is_no_text_is_a_photo_that_is_missing(tmp_path: Path, name: str) -> None:
    images = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": name}]
    (tmp_path / "1.jpg").write_bytes(b"x")
    (tmp_path / "c.json").write_text(json.dumps({**COCO, "images": images}))
    dataset = read_dataset(tmp_path / "c.json")
    assert [record.name for record in dataset.records] == ["1.jpg"]
    assert dataset.missing == (name,)
    read_all(tmp_path / "c.json")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
def test_a_photo_whose_name_is_not_utf8_is_found_with_its_text(tmp_path: Path) -> None:
    for suffix in ("jpg", "txt"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9." + suffix.encode())).write_text(
            "a dog"
        )
    (record,) = read_dataset(tmp_path).records
    assert record.captions == ("a dog",)


def test_a_word_with_half_a_character_stays_unknown() -> None:
    words = Vocabulary.build([["dog", "\ud83d"], ["dog", "cat\udce9"]]).words
    assert words[4:] == ("dog",)


def archive_of(name: str, tmp_path: Path) -> Path:
    path = tmp_path / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as file:
            for number in (1, 2):
                file.writestr(f"{number}.jpg", b"photo" * 10)
    else:
        with tarfile.open(path, "w") as tar:
            for number in (1, 2):
                info = tarfile.TarInfo(f"{number}.jpg")
                info.size = 50
                tar.addfile(info, io.BytesIO(b"photo" * 10))
    return path


def read_from(archive: Path) -> list[bytes]:
    """The photos of a dataset whose photos lie in an archive."""
    captions = archive.with_name("c.json")
    captions.write_text(json.dumps(COCO))
    return [record.photo.read() for record in read_dataset(captions, "coco", [archive]).records]


@pytest.mark.parametrize("name", ["p.zip", "p.tar"])
def test_a_whole_archive_is_read(tmp_path: Path, name: str) -> None:
    assert read_from(archive_of(name, tmp_path)) == [b"photo" * 10] * 2


def cut(content: bytes) -> bytes:
    return content[:600]


def lie(value: bytes) -> Callable[[bytes], bytes]:
    """Another size in the header of the first member of a tar archive, its checksum made true."""

    def change(content: bytes) -> bytes:
        header = bytearray(content[:512])
        header[124:136] = value.ljust(12, b"\0")
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        return bytes(header) + content[512:]

    return change


@pytest.mark.parametrize(
    "change",
    [
        cut,
        lie(b"77777777777"),
        lie(b"00000001750"),
        lie(b"\xff" * 12),  # minus one: where the next header is would lead back
        lie(b"\xff" * 10 + b"\xfd\xff"),
        lie(b"\x80" + b"\x7f" * 11),
        lie(b"rubbish"),
    ],
)
def test_a_tar_that_is_cut_short_or_lies_about_a_size_is_one_sentence(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    archive = archive_of("p.tar", tmp_path)
    archive.write_bytes(change(archive.read_bytes()))
    with pytest.raises(DatasetError, match=r"p\.tar is (a damaged archive|cut short or damaged)"):
        read_from(archive)


@pytest.mark.parametrize("field", [10, 12, 20, 24, 28, 30, 32, 42])
@pytest.mark.parametrize("value", [0xFFFF, 0x8000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_damaged_table_of_contents_gives_photos_or_one_sentence(
    tmp_path: Path, field: int, value: int
) -> None:
    archive = archive_of("p.zip", tmp_path)
    content = bytearray(archive.read_bytes())
    entry = content.find(b"PK\1\2")
    number = (
        struct.pack("<I", value) if field in (20, 24, 42) else struct.pack("<H", value & 0xFFFF)
    )
    content[entry + field : entry + field + len(number)] = number
    archive.write_bytes(content)
    try:
        photos = read_from(archive)
    except (DatasetError, ImageError) as error:
        assert str(error).endswith(".")  # noqa: PT017
    else:
        assert all(len(photo) <= 50 for photo in photos)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["p.zip", "p.tar"])
def test_bytes_changed_anywhere_in_an_archive_give_photos_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    archive = archive_of(name, tmp_path_factory.mktemp("archive"))
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 1600) - 1))] = data.draw(
            st.integers(0, 255)
        )
    archive.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_from(archive)
    except (DatasetError, ImageError) as error:
        assert str(error).endswith(".")  # noqa: PT017


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["\ud800", "1.jpg", "train", 10**400]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_in_a_caption_file_gives_captions_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    documents: list[Any] = [
        {**COCO, "extra": 1},
        {"images": [{"filename": "1.jpg", "split": "val", "sentences": [{"raw": "A dog."}]}]},
        [{"image": "1.jpg", "captions": ["A dog."], "split": "train"}],
        {"image": "1.jpg", "caption": "A dog.", "split": "train"},
    ]
    document = json.loads(json.dumps(data.draw(st.sampled_from(documents))))
    part = document
    while True:
        keys = sorted(part) if isinstance(part, dict) else range(len(part))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(part[key], (dict, list)) or not part[key] or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = data.draw(JSON)
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "1.jpg").write_bytes(b"x")
    path = folder / data.draw(st.sampled_from(["c.json", "c.jsonl"]))
    path.write_text(json.dumps(document))
    read_all(path)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and devices")
@pytest.mark.parametrize(
    "name",
    [
        "c.json", "c.jsonl", "c.csv", "Flickr8k.token.txt", "results_20130124.token",
        "imageid.human-written-caption.txt", "metadata.jsonl", "1.txt", "images.tar", "1.jpg",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop"])
def test_what_is_no_ordinary_file_is_never_waited_for(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else name)
    read_all(path)
    with pytest.raises(ImageError):
        Photo.at(path).read()


@pytest.mark.parametrize("name", ["x" * 300, "nul\0l", "a/" * 3000 + "c.json", "c.json/d.json"])
def test_a_path_that_cannot_be_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "c.json").write_text(json.dumps(COCO))
    assert read_all(tmp_path / name)
    with pytest.raises(DatasetError, match="no photo folder or archive"):
        read_dataset(tmp_path / "c.json", "coco", [tmp_path / name])


def test_folders_that_link_to_each_other_are_walked_through_once_each(tmp_path: Path) -> None:
    for here, there in (("a", "b"), ("b", "a")):
        (tmp_path / here).mkdir()
        (tmp_path / here / f"{here}.jpg").write_bytes(b"x")
        for number in range(8):
            (tmp_path / here / f"link{number}").symlink_to(f"../{there}")
    (tmp_path / "t.csv").write_text("image,caption\na/a.jpg,A dog.\nb/b.jpg,A cat.\n")
    assert len(read_dataset(tmp_path / "t.csv").records) == 2


def test_a_member_beyond_the_end_of_its_archive_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"photo")
    photo = Photo("1.jpg", str(tmp_path / "a.tar"), Member("1.jpg", size=100, offset=2))
    with pytest.raises(ImageError, match=r"1\.jpg is cut short or damaged in its archive"):
        photo.read()


def test_the_cases_that_once_failed_give_one_sentence_or_captions(shared: Path) -> None:
    cases = sorted((shared / "cases" / "readers").glob("*/*"))
    if not cases:
        pytest.skip("no cases/readers beside flickr8k")
    for path in cases:
        read_all(path)
        try:
            recognise(path.parent)
            read_dataset(
                path.parent, images=[f for f in path.parent.iterdir() if f.suffix != ".jpg"]
            )
        except DatasetError as error:
            assert str(error).endswith(".")  # noqa: PT017
