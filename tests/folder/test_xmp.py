"""Captions in the metadata of photos, as other programs read it."""

import io
import os
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from bad_files import PHOTO, corrupt_exif, encoded
from command import folder, rows
from conftest import MakePhotos
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from captioner.errors import ImageError
from captioner.folder.xmp import describe, write_xmp
from captioner.images import Photo

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"
 xmlns:mine="http://example.org/mine/"><mine:note>kept</mine:note>{}</rdf:Description></rdf:RDF>
</x:xmpmeta><?xpacket end="w"?>"""
DESCRIBED = """<dc:description xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Alt>
<rdf:li xml:lang="de">ein Hund</rdf:li><rdf:li xml:lang="x-default">mine</rdf:li></rdf:Alt>
</dc:description>"""
KINDS = {"JPEG": {}, "PNG": {}}
SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"  # older Pillows know it of PNGs only


def read(file: bytes) -> tuple[ElementTree.Element, str | None]:
    """The XMP that Pillow finds in a file, and its description in the default language."""
    with Image.open(io.BytesIO(file)) as image:
        parts = [part for _, part in getattr(image, "applist", ()) if part.startswith(SEGMENT)]
        packet = parts[0][len(SEGMENT) :] if parts else image.info["XML:com.adobe.xmp"].encode()
    root = ElementTree.fromstring(packet)
    (items,) = root.iter("{http://purl.org/dc/elements/1.1/}description")
    texts = {item.get("{http://www.w3.org/XML/1998/namespace}lang"): item.text for item in items[0]}
    return root, texts["x-default"]


def compressed(file: bytes) -> bytes:
    """What holds the pixels: from JPEG's first table to the end, or the contents of PNG's IDAT."""
    if file.startswith(b"\xff\xd8"):
        return file[file.index(b"\xff\xdb\x00\x43") :]
    parts, position = b"", 8
    while position < len(file):
        length = int.from_bytes(file[position : position + 4], "big")
        if file[position + 4 : position + 8] == b"IDAT":
            parts += file[position + 8 : position + 8 + length]
        position += 12 + length
    return parts


def with_xmp(kind: str, packet: str) -> bytes:
    if kind == "JPEG":
        data, part = encoded(PHOTO, kind), SEGMENT + packet.encode()
        return b"".join((data[:2], b"\xff\xe1", struct.pack(">H", len(part) + 2), part, data[2:]))
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet, zip=True)
    return encoded(PHOTO, kind, pnginfo=info)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_other_programs_read_the_caption_and_the_same_pixels(kind: str, caption: str) -> None:
    before = encoded(PHOTO, kind)
    after = describe(before, caption, "overwrite", "x")
    assert (read(after)[1] or "") == caption.replace("\ufffe", "").replace("\uffff", "")
    assert compressed(after) == compressed(before)
    with Image.open(io.BytesIO(after)) as image:
        image.load()
        with Image.open(io.BytesIO(before)) as original:
            assert np.array_equal(image, original)
    assert describe(after, caption, "overwrite", "x") == after


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("existing", "expected"), [("skip", "mine"), ("overwrite", "狗"), ("append", "mine\n狗")]
)
def test_other_metadata_stays_and_a_description_as_it_is_asked_for(
    kind: str, existing: str, expected: str
) -> None:
    for packet, text in ((PACKET.format(""), "狗"), (PACKET.format(DESCRIBED), expected)):
        before = with_xmp(kind, packet)
        after = describe(before, "狗", existing, "x")
        root, found = read(after)
        assert found == text
        assert compressed(after) == compressed(before)
        (note,) = root.iter("{http://example.org/mine/}note")
        assert note.text == "kept"
        assert "{http://ns.adobe.com/xap/1.0/}Rating" in root[0][0].attrib
        assert describe(after, "狗", existing, "x") == after
        packets = (b"http://ns.adobe.com/xap/1.0/\0", b"XML:com.adobe.xmp\0")
        assert sum(map(after.count, packets)) == 1
        if text == "mine":
            assert after == before
        elif packet != PACKET.format(""):
            assert b"ein Hund" in after


def test_exif_and_everything_before_the_packet_stays() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    before = encoded(PHOTO, "JPEG", exif=exif, icc_profile=b"profile" * 99, dpi=(72, 72))
    with Image.open(io.BytesIO(describe(before, "a dog", "skip", "x"))) as image:
        assert image.getexif()[0x0112] == 6
        assert image.info["icc_profile"] == b"profile" * 99
        assert image.info["dpi"] == (72, 72)
    assert read(describe(corrupt_exif(), "a dog", "skip", "x"))[1] == "a dog"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (encoded(PHOTO, "GIF"), "into JPEG and PNG files only, not .gif"),
        (encoded(PHOTO, "JPEG")[:40], "not a JPEG file that can be added to"),
        (encoded(PHOTO, "PNG")[:50], "not a PNG file that can be added to"),
        (with_xmp("JPEG", "<x:xmpmeta>"), "damaged XMP metadata"),
        (with_xmp("PNG", "<x/>"), "damaged XMP metadata"),
        (with_xmp("JPEG", PACKET.format(f"<!--{'x' * 9}--><y>{'x' * 64_800}</y>")), "no room"),
    ],
)
def test_what_cannot_hold_a_caption_is_one_sentence(file: bytes, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        describe(file, "a dog " * 99, "overwrite", "x.gif")


def test_a_file_keeps_its_permissions_and_a_link_stays_one(tmp_path: Path) -> None:
    photo, link = tmp_path / "a.jpg", tmp_path / "link.jpg"
    photo.write_bytes(encoded(PHOTO, "JPEG"))
    photo.chmod(0o640)
    link.symlink_to(photo)
    write_xmp(Photo("link.jpg", str(link)), "a dog")
    assert link.is_symlink()
    assert photo.stat().st_mode & 0o777 == 0o640
    assert read(photo.read_bytes())[1] == "a dog"
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "link.jpg"]


def test_the_command_writes_into_photos_and_knows_them_again(
    tmp_path: Path, model: Path, make_photos: MakePhotos
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out.jsonl"
    make_photos(photos, "1.png", "sub/2.jpg", "3.bmp")
    bitmap = (photos / "3.bmp").read_bytes()
    result = folder(photos, "-o", out, "--model", model, "--embed")
    assert result.code == 1
    assert "captioner: Captions can be written into JPEG and PNG files only, not .bmp." in (
        result.stderr.splitlines()
    )
    captions = {row["image"]: row["caption"] for row in rows(out)}
    for name in ("1.png", "sub/2.jpg"):
        assert read((photos / name).read_bytes())[1] == captions[name]
    assert (photos / "3.bmp").read_bytes() == bitmap
    again = folder(photos, "-o", out, "--model", model, "--embed", "--update")
    assert "0 captioned, 3 skipped, 0 failed" in again.stderr
