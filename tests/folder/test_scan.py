"""Which photos a collection holds, and in which order."""

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from captioner.errors import FolderError, OptionError
from captioner.folder.scan import Scan, Shard, Source, parse_shard
from captioner.messages import Message


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def found(place: Path | str, **options: object) -> list[str]:
    return [photo.name for photo in Scan(Source(str(place), **options))]


def test_photos_come_in_natural_order_a_folder_before_those_in_it(tmp_path: Path) -> None:
    touch(tmp_path, "photo10.jpg", "photo2.JPG", "Photo1.png", "b/1.webp", "b 2/x.gif", "B10/x.tif")
    touch(tmp_path, "b/c/deep.jpeg", "b/c.bmp")
    assert found(tmp_path) == [
        *("Photo1.png", "photo2.JPG", "photo10.jpg"),
        *("b/1.webp", "b/c.bmp", "b/c/deep.jpeg", "b 2/x.gif", "B10/x.tif"),
    ]


def test_only_files_with_a_photos_suffix_that_are_not_hidden(tmp_path: Path) -> None:
    touch(
        tmp_path, "a.jpg", "a.txt", "captions.jsonl", ".hidden.jpg", "jpg", ".git/a.jpg", "b.heic"
    )
    (tmp_path / "folder.jpg").mkdir()
    touch(tmp_path, "folder.jpg/inside.png")
    assert found(tmp_path) == ["a.jpg", "b.heic", "folder.jpg/inside.png"]


def test_not_recursive_leaves_folders_below_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "below/b.jpg")
    assert found(tmp_path, recursive=False) == ["a.jpg"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.png"], [], ["b.PNG", "x/d.png"]),
        (["x/*"], [], ["x/c.jpg", "x/d.png", "x/y/e.jpg"]),
        (["a.*", "e*"], [], ["a.jpg", "x/y/e.jpg"]),
        ([], ["x/"], ["a.jpg", "b.PNG"]),
        ([], ["y", "*.png"], ["a.jpg", "x/c.jpg"]),
        ([], ["x/y"], ["a.jpg", "b.PNG", "x/c.jpg", "x/d.png"]),
        (["*.jpg"], ["[ac].*"], ["x/y/e.jpg"]),
        ([], ["?"], ["a.jpg", "b.PNG"]),
    ],
)
def test_patterns(
    tmp_path: Path, include: list[str], exclude: list[str], expected: list[str]
) -> None:
    touch(tmp_path, "a.jpg", "b.PNG", "x/c.jpg", "x/d.png", "x/y/e.jpg")
    assert found(tmp_path, include=include, exclude=exclude) == expected


def test_links_are_followed_and_no_folder_is_walked_twice(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root, "a/1.jpg", "b/2.jpg", ".versions/3/4.jpg")
    touch(outside, "o.jpg")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "aside").symlink_to(root / "b")
    (root / "0current").symlink_to(root / ".versions" / "3")
    (root / "outside").symlink_to(outside)
    (outside / "back").symlink_to(root / "a")
    (root / "self").symlink_to(root / "self")
    (root / "link.jpg").symlink_to(root / "b" / "2.jpg")
    (root / "broken.jpg").symlink_to(root / "nowhere.jpg")
    assert found(root) == [
        *("broken.jpg", "link.jpg", "a/1.jpg", "b/2.jpg"),
        *("0current/4.jpg", "outside/o.jpg"),
    ]


def test_links_in_every_direction_end(tmp_path: Path) -> None:
    """Twelve folders, each with a link to every other: walked by paths it would never end."""
    for one in range(12):
        touch(tmp_path, f"{one}/{one}.jpg")
        for other in range(12):
            (tmp_path / f"{one}" / f"to{other}").symlink_to(tmp_path / f"{other}")
    assert found(tmp_path) == [f"{number}/{number}.jpg" for number in range(12)]


@pytest.mark.skipif(sys.platform == "darwin", reason="such names cannot exist there")
def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg")
    with open(name, "wb"):
        pass
    touch(tmp_path, "看图.jpg", "two\nlines.jpg", "-rf.jpg")
    assert [os.fsencode(name) for name in sorted(found(tmp_path))] == [
        *(b"-rf.jpg", b"caf\xe9.jpg", b"two\nlines.jpg", "看图.jpg".encode())
    ]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "locked/b.jpg")
    (tmp_path / "locked").chmod(0)
    problems: list[Message] = []
    assert [p.name for p in Scan(Source(str(tmp_path)), problems.append)] == ["a.jpg"]
    assert list(map(str, problems)) == [
        f"{tmp_path / 'locked'} cannot be read (Permission denied)."
    ]


def test_twins_are_photos_that_differ_in_their_suffix_only(tmp_path: Path) -> None:
    """Whichever of them are wanted: a text has the same name in every run."""
    touch(tmp_path, "a.jpg", "a.png", "b.jpg", "x/a.jpg", "b.txt")
    assert {photo.name: photo.twin for photo in Scan(Source(str(tmp_path)))} == {
        "a.jpg": True, "a.png": True, "b.jpg": False, "x/a.jpg": False,
    }  # fmt: skip
    (photo,) = Scan(Source(str(tmp_path), include=["a.jpg"], recursive=False))
    assert photo.twin


@pytest.mark.parametrize("count", [1, 3, 16])
def test_every_photo_is_in_one_shard(tmp_path: Path, count: int) -> None:
    touch(tmp_path, *(f"{number}.jpg" for number in range(100)))
    shards = [found(tmp_path, shard=Shard(number + 1, count)) for number in range(count)]
    assert sorted(name for shard in shards for name in shard) == sorted(found(tmp_path))
    assert min(map(len, shards)) > 0


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", "", "٣/٤"])
def test_a_shard_that_is_none_is_explained(text: str) -> None:
    with pytest.raises(OptionError, match="A shard is written as 3/16"):
        parse_shard(text)
    assert parse_shard("3/16") == Shard(3, 16)


def test_a_list_names_photos_of_any_suffix_once(tmp_path: Path) -> None:
    content = "\ufeffb.jpg\r\n\na.dat\nb.jpg\nx/看图.png\n"
    (tmp_path / "list.txt").write_text(content, encoding="utf-8")
    assert found(tmp_path / "list.txt") == ["b.jpg", "a.dat", "x/看图.png"]
    assert found(tmp_path / "list.txt", exclude=["x"], include=["*.jpg"]) == ["b.jpg"]


def test_a_list_that_powershell_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("b.jpg\r\nx\\看图.png\r\n", encoding="utf-16", newline="")
    assert found(tmp_path / "list.txt") == ["b.jpg", "x\\看图.png"]


def test_a_list_ended_by_null_characters_may_hold_any_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"two\nlines.jpg\0caf\xe9.jpg\0"))
    monkeypatch.setattr("sys.stdin", stream)
    scan = Scan(Source("-"))
    for _ in range(2):  # standard input can be read once only
        names = [os.fsencode(photo.name) for photo in scan]
        assert names == [b"two\nlines.jpg", b"caf\xe9.jpg"]


def make_zip(path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, name.encode() * 9)


def make_tar(path: Path, names: list[str]) -> None:
    with tarfile.open(path, "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name.encode() * 9)
            archive.addfile(info, io.BytesIO(name.encode() * 9))
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)


@pytest.mark.parametrize(("suffix", "make"), [("zip", make_zip), ("tar", make_tar)])
def test_archives_are_looked_into(
    tmp_path: Path, suffix: str, make: Callable[[Path, list[str]], None]
) -> None:
    inside = ["x/10.jpg", "x/2.jpg", "../up.png", "note.txt", "__MACOSX/x/._2.jpg", "./a.jpg"]
    touch(tmp_path, "a.jpg", "z/b.jpg")
    archive = tmp_path / f"m.{suffix}"
    make(archive, inside)
    members = ["a.jpg", "up.png", "x/2.jpg", "x/10.jpg"]
    assert found(archive) == members
    assert found(tmp_path) == ["a.jpg", *(f"m.{suffix}/{name}" for name in members), "z/b.jpg"]
    assert found(tmp_path, exclude=[f"m.{suffix}/x"]) == [
        "a.jpg", f"m.{suffix}/a.jpg", f"m.{suffix}/up.png", "z/b.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"), [("x.zip", "damaged archive"), ("x.tar", "damaged"), ("x.tgz", "compressed")]
)
def test_an_archive_that_cannot_be_read_stops_nothing(tmp_path: Path, name: str, said: str) -> None:
    touch(tmp_path, "a.jpg", name)
    problems: list[Message] = []
    scan = Scan(Source(str(tmp_path)), problems.append)
    assert [photo.name for photo in scan] == ["a.jpg"]
    assert [photo.name for photo in scan.silently()] == ["a.jpg"]
    assert len(problems) == 1
    assert said in str(problems[0])
    with pytest.raises(FolderError, match=said):
        found(tmp_path / name)


def test_a_place_that_is_none_is_explained(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    for name, said in (("a.jpg", "is one photo"), ("no", "not exist"), ("no.zip", "not exist")):
        with pytest.raises(FolderError, match=said):
            found(tmp_path / name)
