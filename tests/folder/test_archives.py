"""Reading single files out of archives."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from captioner.errors import ImageError
from captioner.folder import archives
from captioner.folder.archives import members, read_member

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
