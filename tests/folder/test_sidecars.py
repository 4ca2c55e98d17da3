"""A text beside each photo."""

from pathlib import Path

import pytest
from command import folder, rows
from conftest import MakePhotos

from captioner.datasets import read_dataset


@pytest.fixture
def photos(tmp_path: Path, make_photos: MakePhotos) -> Path:
    make_photos(tmp_path / "photos", "1.png", "sub/2.png", "sub/3.png")
    return tmp_path / "photos"


def texts(place: Path) -> dict[str, str]:
    return {
        path.relative_to(place).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(place.rglob("*.txt"))
    }


def files(place: Path) -> set[str]:
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}


def test_each_photo_has_a_text_and_nothing_else_is_left(photos: Path, model: Path) -> None:
    before = files(photos)
    result = folder(photos, "--sidecar", "--model", model, "--trigger", "sks,")
    assert result.code == 0
    assert files(photos) == before | {"1.txt", "sub/2.txt", "sub/3.txt"}
    assert all(t.startswith("sks, ") and t.endswith("\n") for t in texts(photos).values())


def test_texts_can_be_trained_on(photos: Path, model: Path) -> None:
    folder(photos, "--sidecar", "--model", model, "--top", "2")
    dataset = read_dataset(photos, "sidecar")
    read = {record.name: list(record.captions) for record in dataset.records}
    assert {name: len(captions) for name, captions in read.items()} == {
        "1.png": 2, "sub/2.png": 2, "sub/3.png": 2,
    }  # fmt: skip


def test_a_text_that_is_there_is_left_overwritten_or_added_to(photos: Path, model: Path) -> None:
    mine = photos / "sub" / "2.txt"
    mine.write_text("mine")
    result = folder(photos, "--sidecar", "--model", model)
    assert "2 captioned, 1 skipped" in result.stderr
    assert mine.read_text() == "mine"
    others = texts(photos)
    for _ in range(2):
        folder(photos, "--sidecar", "--model", model, "--existing", "append")
        lines = mine.read_text().splitlines()
        assert lines[0] == "mine"
        assert len(lines) == 2
        assert texts(photos) == {**others, "sub/2.txt": mine.read_text()}
    folder(photos, "--sidecar", "--model", model, "--existing", "overwrite")
    assert mine.read_text() == f"{lines[1]}\n"


def test_an_updated_photo_has_its_text_replaced(
    photos: Path, model: Path, make_photos: MakePhotos
) -> None:
    import os

    folder(photos, "--sidecar", "--model", model)
    for text in photos.rglob("*.txt"):
        text.write_text("mine\n")
    later = (photos / "1.txt").stat().st_mtime + 10
    os.utime(photos / "1.png", (later, later))
    result = folder(photos, "--sidecar", "--model", model, "--update")
    assert "1 captioned, 2 skipped" in result.stderr
    assert [name for name, text in texts(photos).items() if text != "mine\n"] == ["1.txt"]


def test_texts_in_another_folder_keep_the_photos_folders(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    before = files(photos)
    result = folder(photos, "--sidecar", "-o", tmp_path / "a" / "texts", "--model", model)
    assert result.code == 0
    assert files(photos) == before
    assert files(tmp_path / "a" / "texts") == {"1.txt", "sub/2.txt", "sub/3.txt"}


def test_twins_have_a_text_each(tmp_path: Path, model: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path, "dog.png", "dog.bmp", "cat.png")
    folder(tmp_path, "--sidecar", "--model", model)
    written = texts(tmp_path)
    assert set(written) == {"dog.png.txt", "dog.bmp.txt", "cat.txt"}
    read = {r.name: "".join(r.captions) for r in read_dataset(tmp_path, "sidecar").records}
    assert read == {
        "dog.png": written["dog.png.txt"].strip(), "dog.bmp": written["dog.bmp.txt"].strip(),
        "cat.png": written["cat.txt"].strip(),
    }  # fmt: skip


def test_a_text_by_a_photos_whole_name_is_its_text(
    tmp_path: Path, model: Path, make_photos: MakePhotos
) -> None:
    """As Hydrus writes them (hydrusnetwork/hydrus#1335), and this when there was a twin."""
    make_photos(tmp_path, "dog.png", "cat.png")
    theirs = tmp_path / "dog.png.txt"
    theirs.write_text("theirs\n")
    result = folder(tmp_path, "--sidecar", "--model", model)
    assert "1 captioned, 1 skipped" in result.stderr
    assert set(texts(tmp_path)) == {"dog.png.txt", "cat.txt"}
    folder(tmp_path, "--sidecar", "--model", model, "--existing", "append")
    assert theirs.read_text().splitlines()[0] == "theirs"
    assert len(theirs.read_text().splitlines()) == 2
    folder(tmp_path, "--sidecar", "--model", model, "--existing", "overwrite")
    assert "theirs" not in theirs.read_text()
    dataset = read_dataset(tmp_path, "sidecar")
    assert len(dataset.records) == 2
    assert dataset.missing == ()


def test_a_text_that_cannot_be_written_is_a_failure_of_its_photo(
    tmp_path: Path, model: Path, make_photos: MakePhotos
) -> None:
    photos, root = tmp_path / "photos", tmp_path / "texts"
    long = "x" * 251
    make_photos(photos, f"{long}.png", f"{long}.bmp", "sub/1.png", "2.png")
    root.mkdir()
    (root / "sub").write_text("a file where a folder should be")
    result = folder(photos, "--sidecar", "-o", root, "--model", model)
    assert result.code == 1
    assert "1 captioned" in result.stderr
    errors = {row["image"]: row["error"] for row in rows(root / "captioner.failed.jsonl")}
    assert set(errors) == {f"{long}.png", f"{long}.bmp", "sub/1.png"}
    assert "cannot be written (File name too long)" in errors[f"{long}.png"]
    assert "cannot be written (File exists)" in errors["sub/1.png"]
    for existing in ("append", "overwrite"):
        arguments = ("--sidecar", "-o", root, "--model", model, "--existing", existing)
        assert folder(photos, *arguments).code == 1


def test_failures_are_listed_until_there_are_none(photos: Path, model: Path) -> None:
    (photos / "bad.jpg").write_text("no photo")
    result = folder(photos, "--sidecar", "--model", model)
    listed = photos / "captioner.failed.jsonl"
    assert result.code == 1
    assert str(listed) in result.stderr
    assert [row["image"] for row in rows(listed)] == ["bad.jpg"]
    assert "bad.txt" not in texts(photos)
    (photos / "bad.jpg").unlink()
    assert folder(photos, "--sidecar", "--model", model).code == 0
    assert not listed.exists()


def test_no_text_leaves_the_folder_it_is_put_into(
    tmp_path: Path, model: Path, make_photos: MakePhotos
) -> None:
    make_photos(tmp_path, "up.png", "in/x.png")
    listing = tmp_path / "list.txt"
    listing.write_text(f"{tmp_path}/in/../up.png\n{tmp_path}/in/x.png\n")
    root = tmp_path / "root"
    folder(listing, "--sidecar", "-o", root, "--model", model)
    below = tmp_path.relative_to("/").as_posix()
    assert files(root) == {f"{below}/in/up.txt", f"{below}/in/x.txt"}


def test_photos_in_an_archive_have_no_place_for_a_text_beside_them(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    import shutil

    archive = shutil.make_archive(str(tmp_path / "more"), "zip", photos)
    shutil.move(archive, photos)
    result = folder(photos, "--sidecar", "--model", model)
    assert result.code == 1
    assert "Nothing can be written beside the photos inside" in result.stderr
    assert len(texts(photos)) == 3
    result = folder(photos, "--sidecar", "--model", model, "-o", tmp_path / "t")
    assert result.code == 0
    assert "more.zip/sub/2.txt" in texts(tmp_path / "t")
