"""Zip files of visitors, among them those that mean harm."""

import stat
import zipfile
from pathlib import Path
from typing import IO

import pytest

from captioner.errors import CaptionerError
from captioner.images import Photo
from captioner.ui import zips
from captioner.ui.uploads import Upload
from captioner.ui.zips import Refusal, photos_in

MB = 10**6


def packed(path: Path, **members: bytes) -> Upload:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return Upload(str(path), path.name)


def reason(photo: Photo | Refusal) -> str:
    if isinstance(photo, Refusal):
        return str(photo.error)
    with pytest.raises(CaptionerError) as raised:
        photo.read()
    return str(raised.value)


def test_photos_come_in_order_and_those_of_a_zip_file_in_its_place(tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack.zip", **{"b.png": b"B", "folder/猫 'a'.png": b"A"})
    first, last = Upload(str(tmp_path / "1.png"), "<b>.png"), Upload(str(tmp_path / "2"), "2.png")

    photos = photos_in([first, pack, last], MB)

    assert [photo.name for photo in photos] == ["<b>.png", "b.png", "folder/猫 'a'.png", "2.png"]
    assert [photo.path for photo in photos] == [first.path, pack.path, pack.path, last.path]
    assert [photo.read() for photo in photos[1:3]] == [b"B", b"A"]


def test_a_zip_file_is_known_by_its_content_too(tmp_path: Path) -> None:
    upload = packed(tmp_path / "pack.bin", **{"a.png": b"A"})
    assert [photo.name for photo in photos_in([upload], MB)] == ["a.png"]


def test_folders_and_what_computers_add_are_no_photos(tmp_path: Path) -> None:
    members = ("a.png", "__MACOSX/._a.png", ".DS_Store", "folder/", "folder/.hidden.png")
    upload = packed(tmp_path / "pack.zip", **dict.fromkeys(members, b"x"))
    assert [photo.name for photo in photos_in([upload], MB)] == ["a.png"]


def test_a_path_that_climbs_out_is_only_a_name(tmp_path: Path) -> None:
    members = {"../../etc/a.png": b"A", "/up/b.png": b"B", "C:\\c.png": b"C"}
    photos = photos_in([packed(tmp_path / "pack.zip", **members)], MB)

    assert [photo.name for photo in photos] == ["C_/c.png", "etc/a.png", "up/b.png"]
    assert [photo.read() for photo in photos] == [b"C", b"A", b"B"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["pack.zip"]


def test_a_link_is_read_as_the_bytes_it_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        info = zipfile.ZipInfo("a.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, str(secret))
    (photo,) = photos_in([Upload(str(tmp_path / "pack.zip"), "pack.zip")], MB)
    assert photo.read() == str(secret).encode()


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = packed(tmp_path / "pack.zip", **{"a.png": b"A", "bomb.png": bytes(5 * MB)})
    assert Path(upload.path).stat().st_size < MB / 10
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_: pytest.fail("it was unpacked"))

    photos = photos_in([upload], MB)

    assert isinstance(photos[0], Photo)
    assert reason(photos[1]) == "bomb.png unpacks to more than 1 MB."


def test_a_bomb_of_many_small_parts_stops_where_they_get_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "MOST_UNPACKED", 3 * MB)
    members = {f"{number}.png": bytes(MB - 1) for number in range(9)}

    photos = photos_in([packed(tmp_path / "pack.zip", **members)], MB)

    assert [photo.name for photo in photos] == ["0.png", "1.png", "2.png", "pack.zip"]
    assert reason(photos[3]) == "pack.zip unpacks to more than 3 MB."


def test_a_size_that_is_a_lie_unpacks_no_more_than_it_says(tmp_path: Path) -> None:
    """The size in the table of contents is what was checked, so reading must end there."""
    upload = packed(tmp_path / "pack.zip", **{"a.png": bytes(range(256)) * 1000})
    path = Path(upload.path)
    content = path.read_bytes()
    true, false = (256000).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert content.count(true) == 2
    path.write_bytes(content.replace(true, false))

    (photo,) = photos_in([upload], MB)

    assert (
        reason(photo) == "a.png is cut short or damaged in its archive."
    )  # its check sum is another's


def test_a_zip_file_in_a_zip_file_is_not_opened(tmp_path: Path) -> None:
    (photo,) = photos_in([packed(tmp_path / "pack.zip", **{"more.ZIP": b"PK"})], MB)
    assert reason(photo) == "more.ZIP is a zip file inside a zip file, which is not opened."


def test_an_encrypted_photo_says_so(tmp_path: Path) -> None:
    upload = packed(tmp_path / "pack.zip", **{"a.png": b"A"})
    path = Path(upload.path)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flags in the table of contents
    path.write_bytes(content)
    (photo,) = photos_in([upload], MB)
    assert reason(photo) == "a.png is encrypted."


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"no zip file"])
def test_a_damaged_zip_file_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(content)
    (photo,) = photos_in([Upload(str(path), "<i>.zip")], MB)
    assert (photo.name, reason(photo)) == ("<i>.zip", "<i>.zip is a damaged zip file.")


def test_a_damaged_photo_in_a_zip_file_leaves_the_others(tmp_path: Path) -> None:
    upload = packed(tmp_path / "pack.zip", **{"a.png": b"A" * 99, "b.png": b"B"})
    path = Path(upload.path)
    content = bytearray(path.read_bytes())
    content[content.index(b"a.png") + 5] ^= 255
    path.write_bytes(content)
    broken, whole = photos_in([upload], MB)
    assert reason(broken) == "a.png is cut short or damaged in its archive."
    assert whole.read() == b"B"


def test_an_empty_zip_file_says_so(tmp_path: Path) -> None:
    (photo,) = photos_in([packed(tmp_path / "pack.zip")], MB)
    assert reason(photo) == "pack.zip holds no photos."


def test_of_too_many_photos_the_first_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "MOST_PHOTOS", 3)
    pack = packed(tmp_path / "pack.zip", **{f"{number}.png": b"x" for number in range(5)})

    photos = photos_in([Upload(str(tmp_path / "1"), "first.png"), pack], MB)

    assert [photo.name for photo in photos[:3]] == ["first.png", "0.png", "1.png"]
    assert len(photos) == 4
    assert reason(photos[3]).startswith("Only the first 3 photos are taken")


def test_a_table_of_contents_that_is_too_long_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = packed(tmp_path / "pack.zip", **{f"{number}.png": b"x" * 9999 for number in range(99)})
    monkeypatch.setattr(zips, "MOST_CONTENTS", 1000)
    (photo,) = photos_in([upload], MB)
    assert reason(photo) == "pack.zip holds too many files."


def test_a_zip_file_is_opened_once_for_all_its_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = packed(tmp_path / "pack.zip", **{f"{number}.png": b"x" for number in range(9)})
    opened: list[str] = []
    listed = zipfile.ZipFile.__init__

    def counted(archive: zipfile.ZipFile, file: IO[bytes]) -> None:
        opened.append(str(file.name))
        listed(archive, file)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", counted)
    photos = photos_in([pack], MB)
    assert [photo.read() for photo in photos] == [b"x"] * 9
    assert opened == [pack.path]
