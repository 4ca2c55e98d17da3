"""Photos found by path and by name, in folders, links and archives."""

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.datasets.finding import Found, PhotoIndex, find_files, find_photos, images_below
from captioner.errors import DatasetError
from captioner.images import Photo


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def tar(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name.encode())
            archive.addfile(info, io.BytesIO(name.encode()))
    return path


def paths(matched: dict[str, Photo], root: Path) -> dict[str, str]:
    return {name: Path(p.path).relative_to(root).as_posix() for name, p in matched.items()}


def test_photos_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.jpg")
    index = find_photos([tmp_path])
    names = ["a/1.jpg", "b/1.jpg", "./b/2.jpg"]
    assert paths(index.match(names), tmp_path) == {
        "a/1.jpg": "a/1.jpg", "b/1.jpg": "b/1.jpg", "./b/2.jpg": "b/2.jpg",
    }  # fmt: skip


def test_a_path_wins_over_a_file_name(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "thumbs/1.jpg")
    assert paths(find_photos([tmp_path]).match(["1.jpg"]), tmp_path) == {"1.jpg": "1.jpg"}


@pytest.mark.parametrize("name", ["1.jpg", "elsewhere/1.jpg", "../1.jpg", "C:\\photos\\1.jpg"])
def test_a_file_name_alone_is_the_fallback(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "deep/down/1.jpg")
    assert paths(find_photos([tmp_path]).match([name]), tmp_path) == {name: "deep/down/1.jpg"}


def test_an_ambiguous_file_name_names_both_photos(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg")
    with pytest.raises(DatasetError, match=r"'1\.jpg' could be .*a/1\.jpg or .*b/1\.jpg"):
        find_photos([tmp_path]).match(["1.jpg"])
    with pytest.raises(DatasetError, match=r"'c/1\.jpg' could be .*a/1\.jpg or .*b/1\.jpg"):
        find_photos([tmp_path]).match(["c/1.jpg"])


def test_a_photo_that_one_path_leads_to_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    touch(tmp_path, "val/1.jpg")
    matched = find_photos([tmp_path]).match(["train/1.jpg", "val/1.jpg"])
    assert paths(matched, tmp_path) == {"val/1.jpg": "val/1.jpg"}


def test_one_photo_for_two_names_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg")
    with pytest.raises(DatasetError, match=r"1\.jpg could be 'a/1\.jpg' or 'b/1\.jpg'"):
        find_photos([tmp_path]).match(["a/1.jpg", "b/1.jpg"])


def test_a_path_may_begin_above_the_place(tmp_path: Path) -> None:
    touch(tmp_path, "set/train/1.jpg", "set/val/1.jpg")
    index = find_photos([tmp_path / "set" / "train", tmp_path / "set" / "val"])
    whole = str(tmp_path / "set" / "train" / "1.jpg")
    assert paths(index.match(["val/1.jpg", whole]), tmp_path) == {
        "val/1.jpg": "set/val/1.jpg", whole: "set/train/1.jpg",
    }  # fmt: skip
    with pytest.raises(DatasetError, match="could be"):
        index.match(["1.jpg"])


def test_overlapping_places_are_no_ambiguity(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg")
    matched = find_photos([tmp_path, tmp_path / "a"]).match(["1.jpg"])
    assert paths(matched, tmp_path) == {"1.jpg": "a/1.jpg"}


def test_composed_and_decomposed_letters_are_the_same(tmp_path: Path) -> None:
    touch(tmp_path, "cafe\u0301.jpg")
    assert list(find_photos([tmp_path]).match(["caf\u00e9.jpg"])) == ["caf\u00e9.jpg"]


def test_linked_folders_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "real/1.jpg", "data/2.jpg")
    (tmp_path / "data" / "photos").symlink_to(tmp_path / "real")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    index = find_photos([tmp_path / "data"])
    assert set(index.match(["photos/1.jpg", "2.jpg"])) == {"photos/1.jpg", "2.jpg"}
    assert set(index.match(["once/2.jpg"])) == {"once/2.jpg"}


def test_what_programs_leave_behind_is_no_photo(tmp_path: Path) -> None:
    touch(tmp_path, ".thumbs/1.jpg", "._2.jpg", "notes.txt")
    tar(tmp_path / "x.tar", ["__MACOSX/3.jpg", "._3.jpg"])
    names = ["1.jpg", "._2.jpg", "notes.txt", "3.jpg", "._3.jpg"]
    assert find_photos([tmp_path, tmp_path / "x.tar"]).match(names) == {}


def test_archives_keep_their_folders(tmp_path: Path) -> None:
    archive = tar(tmp_path / "x.tar", ["./a/1.jpg", "b/1.jpg"])
    matched = find_photos([archive]).match(["a/1.jpg", "b/1.jpg"])
    contents = {n: m.read() for n, m in matched.items() if m.member}
    assert contents == {"a/1.jpg": b"./a/1.jpg", "b/1.jpg": b"b/1.jpg"}


def test_zip_archives_are_read_in_place_where_nothing_is_compressed(tmp_path: Path) -> None:
    stored, packed = tmp_path / "stored.zip", tmp_path / "packed.zip"
    for path, method in ((stored, zipfile.ZIP_STORED), (packed, zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("set/", "")
            for name in ("set/1.jpg", "set/2.jpg"):
                info = zipfile.ZipInfo(name)
                info.extra = b"\x55\x54\x05\x00\x01" + bytes(4)  # a date, as Info-ZIP writes it
                archive.writestr(info, name * 50, method)
    matched = find_photos([stored]).match(["set/1.jpg", "2.jpg"])
    contents = {n: m.read() for n, m in matched.items() if m.member}
    assert contents == {"set/1.jpg": b"set/1.jpg" * 50, "2.jpg": b"set/2.jpg" * 50}
    with pytest.raises(DatasetError, match=r"packed\.zip is compressed .* unpack it"):
        find_photos([packed])


def test_a_compressed_tar_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz"):
        pass
    with pytest.raises(DatasetError, match=r"x\.tar\.gz is compressed as a whole"):
        find_photos([tmp_path / "x.tar.gz"])


folders = st.sampled_from(["", "a/", "b/", "a/c/", "c/"])
photos = st.builds("{}{}.jpg".format, folders, st.sampled_from("12"))


@given(st.sets(photos), st.sets(photos))
def test_matching_agrees_with_the_rule_spelled_out(there: set[str], named: set[str]) -> None:
    index = PhotoIndex(Found(p, f"/photos/{p}", Photo.at(f"/photos/{p}")) for p in there)
    expected = {name: name for name in named & there}
    owners: dict[str, list[str]] = {}
    ambiguous = False
    for name in named - there:
        parts = PurePosixPath(name).parts
        deeper = (p for p in there if len(parts) > 1)
        ends = [p for p in deeper if PurePosixPath(p).parts[-len(parts) :] == parts]
        if ends:
            ambiguous |= len(ends) > 1
            expected[name] = ends[0]
    for name in named - expected.keys():
        last = PurePosixPath(name).name
        same = [p for p in there - set(expected.values()) if PurePosixPath(p).name == last]
        ambiguous |= len(same) > 1
        for photo in same:
            owners.setdefault(photo, []).append(name)
    ambiguous |= any(len(names) > 1 for names in owners.values())
    expected |= {names[0]: photo for photo, names in owners.items()}
    if ambiguous:
        with pytest.raises(DatasetError):
            index.match(named)
    else:
        assert index.match(named) == {n: Photo.at(f"/photos/{p}") for n, p in expected.items()}


def test_links_in_every_direction_end(tmp_path: Path) -> None:
    """Twelve folders, each with a link to every other: walked by paths it would never end."""
    for one in range(12):
        touch(tmp_path, f"{one}/{one}.jpg")
        for other in range(12):
            (tmp_path / f"{one}" / f"to{other}").symlink_to(tmp_path / f"{other}")
    names = [f"{number}/{number}.jpg" for number in range(12)]
    assert [found.path for found in find_files([tmp_path])] == names


def packed(path: Path, names: list[str], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.writestr(name, name * 50)
    return path


def test_zip_archives_beside_captions_are_found(tmp_path: Path) -> None:
    packed(tmp_path / "photos.ZIP", ["set/1.jpg"])
    touch(tmp_path, "set/2.jpg")
    matched = find_photos(images_below(tmp_path)).match(["set/1.jpg", "2.jpg"])
    assert matched["set/1.jpg"].read() == b"set/1.jpg" * 50
    assert matched["2.jpg"].path == str(tmp_path / "set" / "2.jpg")
    tar(tmp_path / "x.tar", ["3.jpg"])
    places = images_below(tmp_path)
    assert places == [tmp_path / "x.tar", tmp_path / "photos.ZIP"]


@pytest.mark.parametrize("folder", ["", "photos/"])
def test_zip_archives_that_add_nothing_are_left_alone(tmp_path: Path, folder: str) -> None:
    packed(tmp_path / "annotations.zip", ["captions.json", "._1.jpg"], zipfile.ZIP_DEFLATED)
    packed(tmp_path / "photos.zip", ["set/1.jpg"])  # is unpacked beside
    touch(tmp_path, f"{folder}set/1.jpg")
    assert images_below(tmp_path) == [tmp_path]


def test_a_compressed_zip_archive_beside_captions_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    packed(tmp_path / "photos.zip", ["1.jpg"], zipfile.ZIP_DEFLATED)
    assert images_below(tmp_path) == [tmp_path]
    assert "photos.zip is compressed and cannot be read in place" in caplog.text
