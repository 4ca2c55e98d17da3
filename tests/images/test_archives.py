"""Reading single files out of archives."""

import gzip
import io
import os
import random
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from captioner.errors import FileError, ImageError
from captioner.folder.scan import Scan, Source
from captioner.images import archives
from captioner.images.archives import members, read_member, stream_archive
from captioner.messages import Message

CONTENT = {"a.jpg": b"first" * 99, "deep/b.jpg": bytes(range(256)), "empty.jpg": b""}


@pytest.fixture
def packed(tmp_path: Path) -> list[Path]:
    """The same content in every kind of archive that can be read in place."""
    paths = []
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        paths.append(tmp_path / f"{name}.zip")
        with zipfile.ZipFile(paths[-1], "w", method) as archive:
            for inside, content in CONTENT.items():
                archive.writestr(inside, content)
    paths.append(tmp_path / "plain.TAR")
    with tarfile.open(paths[-1], "w") as archive:
        for inside, content in CONTENT.items():
            info = tarfile.TarInfo(inside)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return paths


def test_every_member_is_read_as_it_was_packed(packed: list[Path]) -> None:
    for path in packed:
        found = {m.name: read_member(str(path), m, m.name) for m in members(str(path))}
        assert found == CONTENT


def test_a_stamp_changes_with_the_file(packed: list[Path]) -> None:
    path = packed[0]
    (first, *_) = members(str(path))
    assert read_member(str(path), first, "a") == CONTENT["a.jpg"]
    before = {member.name: member.stamp for member in members(str(path))}
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in CONTENT.items():
            archive.writestr(inside, content if inside != "a.jpg" else b"f1rst" * 99)
    after = {member.name: member.stamp for member in members(str(path))}
    assert [name for name in CONTENT if before[name] != after[name]] == ["a.jpg"]
    # An archive that was open before its change is opened anew.
    (first, *_) = members(str(path))
    assert read_member(str(path), first, "a") == b"f1rst" * 99


def test_what_cannot_be_unpacked_is_one_sentence(
    packed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, plain = packed[0], packed[2]
    (first, *_) = members(str(stored))
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(stored.read_bytes().replace(b"firstfirst", b"fIrstfirst"))
    with pytest.raises(ImageError, match=r"^x is cut short or damaged in its archive\.$"):
        read_member(str(damaged), first, "x")
    with pytest.raises(ImageError, match=r"^x cannot be read \(No such file or directory\)\.$"):
        read_member(str(tmp_path / "gone.zip"), first, "x")
    locked = tmp_path / "locked.zip"
    content = bytearray(stored.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(signature) + flags] |= 1
    locked.write_bytes(content)
    with pytest.raises(ImageError, match=r"^x is encrypted\.$"):
        read_member(str(locked), first, "x")
    monkeypatch.setattr(archives, "_MAX_BYTES", 100)
    for path in (stored, plain):
        (first, *_) = members(str(path))
        with pytest.raises(ImageError, match="too large to unpack safely"):
            read_member(str(path), first, "x")


def tar(*photos: bytes) -> bytearray:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for number, photo in enumerate(photos):
            info = tarfile.TarInfo(f"{number}.png")
            info.size = len(photo)
            archive.addfile(info, io.BytesIO(photo))
    return bytearray(content.getvalue())


def with_size(archive: bytearray, start: int, size: bytes) -> bytearray:
    """An archive whose header there tells of another size, with a checksum that is right."""
    header = archive[start : start + 512]
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return archive[:start] + header + archive[start + 512 :]


SIZES = {
    "a gigabyte": b"%011o\0" % 2**30,
    "2^80": b"\x80" + (2**80).to_bytes(11, "big"),
    "a little": b"%011o\0" % 1000,
    "negative": b"\xff" * 12,
    "no number": b"much\0\0\0\0\0\0\0\0",
}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_tar_that_lies_about_a_size_has_its_first_photo_and_is_told(
    size: bytes, tmp_path: Path
) -> None:
    photo = random.Random(0).randbytes(3000)
    path = tmp_path / "photos.tar"
    step = 512 + -(-len(photo) // 512) * 512
    path.write_bytes(with_size(tar(photo, photo, photo), step, size))
    found, told = [], []
    for one in Scan(Source(str(path)), told.append):
        found.append(one)
    assert found[0].read() == photo
    assert len(told) == 1
    assert "photos.tar" in str(told[0])
    assert str(told[0]).endswith(".")


@pytest.mark.parametrize("cut", [100, 512, 600, -10_240])
def test_a_tar_that_is_cut_short_has_its_whole_photos_and_is_told(cut: int, tmp_path: Path) -> None:
    whole = tar(b"a" * 1000, b"b" * 1000)
    path = tmp_path / "photos.tar"
    path.write_bytes(whole[: 512 + 1024 + cut] if cut > 0 else whole.rstrip(b"\0") + bytes(24))
    told: list[Message] = []
    found = list(Scan(Source(str(path)), told.append))
    assert [photo.name for photo in found][:1] == ["0.png"]
    assert len(told) == 1
    assert "photos.tar" in str(told[0])


def test_a_tar_that_is_whole_is_not_complained_of(packed: list[Path]) -> None:
    told: list[Message] = []
    for path in packed:
        list(Scan(Source(str(path)), told.append))
    assert not told


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_an_archive_that_is_a_pipe_or_a_device_is_refused_at_once(
    suffix: str, tmp_path: Path
) -> None:
    pipe, device = tmp_path / f"pipe{suffix}", tmp_path / f"device{suffix}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for path in (pipe, device):
        with pytest.raises(FileError, match="is not an ordinary file"):
            list(members(str(path)))


def test_names_that_are_not_utf8_are_read_or_told(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("aaaa.png", b"photo")
    old = tmp_path / "old.zip"  # of a Chinese Windows, which does not say in what its names are
    old.write_bytes(content.getvalue().replace(b"aaaa", "夏天".encode("gbk")))
    [member] = members(str(old))
    assert read_member(str(old), member, "x") == b"photo"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("é.png", b"photo")
    false = tmp_path / "false.zip"  # says that they are UTF-8
    false.write_bytes(content.getvalue().replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(FileError, match=r"false\.zip is a damaged archive"):
        list(members(str(false)))


def test_a_negative_size_does_not_lead_round_and_round(tmp_path: Path) -> None:
    path = tmp_path / "photos.tar"
    back = (-512 * 4).to_bytes(12, "big", signed=True)
    path.write_bytes(with_size(tar(b"a" * 1000, b"b" * 1000, b"c" * 1000), 1536, back))
    with pytest.raises(FileError, match="damaged"):
        list(members(str(path)))


def test_no_more_is_unpacked_than_the_table_of_contents_says(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(10**8))
    sizes = (10**8).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(*sizes))
    (member,) = members(str(path))
    tracemalloc.start()
    with pytest.raises(ImageError, match="damaged"):
        read_member(str(path), member, "a.jpg")
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def read_through(path: Path) -> dict[str, bytes]:
    return {found.name: b"".join(found.chunks) for found in stream_archive(str(path))}


@pytest.fixture
def compressed_tar(packed: list[Path], tmp_path: Path) -> Path:
    path = tmp_path / "packed.tar.gz"
    path.write_bytes(gzip.compress(packed[-1].read_bytes()))
    return path


def test_an_archive_read_through_gives_what_was_packed(
    packed: list[Path], compressed_tar: Path
) -> None:
    for path in [*packed, compressed_tar]:
        assert read_through(path) == CONTENT


def test_an_archive_that_is_cut_short_is_one_sentence_when_read_through(
    compressed_tar: Path, packed: list[Path]
) -> None:
    for path in (compressed_tar, packed[0]):
        path.write_bytes(path.read_bytes()[:-60])
        with pytest.raises(FileError, match=rf"{path.name} is a damaged archive"):
            read_through(path)


def test_what_takes_a_password_is_one_sentence_when_read_through(packed: list[Path]) -> None:
    content = bytearray(packed[0].read_bytes())
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.find(header) + flags] |= 1
    packed[0].write_bytes(content)
    with pytest.raises(FileError, match=r"stored\.zip is encrypted\.$"):
        read_through(packed[0])
