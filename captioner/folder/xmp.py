"""Captions inside the photos themselves: the XMP description of JPEG and PNG files.

XMP (ISO 16684-1) holds text of any language, and photo programs show its `dc:description`. Only
metadata is written: the compressed pixels stay as they are, byte for byte.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from captioner.errors import FolderError, ImageError
from captioner.files import write_whole
from captioner.folder.outputs import Done
from captioner.images import Photo
from captioner.messages import Message, reason

_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META = "adobe:ns:meta/"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

# Adobe XMP part 3: the packet's frame, and where it lies in JPEG and PNG files.
_BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = b'<?xpacket end="w"?>'
_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
_IN_PNG = b"XML:com.adobe.xmp\0"
_MOST_IN_JPEG = 65_535 - 2 - len(_IN_JPEG)
_PNG = b"\x89PNG\r\n\x1a\n"


def embed(done: Done, existing: str, tell: Callable[[Message], None]) -> Done:
    """A captioned photo with its captions in its own file, too, if that can hold them.

    existing: what happens to a description that a photo has: see `describe`. tell: called with a
    sentence for what cannot hold a caption.
    """
    if done.error:
        return done
    try:
        write_xmp(done.photo, "\n".join(row.caption for row in done.rows), existing)
        return replace(done, stamp=done.photo.stamp())
    except (FolderError, ImageError) as error:
        tell(error)
    except OSError as error:
        tell(Message("{} cannot be read ({}).", done.photo.name, reason(error)))
    return done


def write_xmp(photo: Photo, caption: str, existing: str = "overwrite") -> None:
    """Write a caption, of one line or more, into a photo's file.

    The file is replaced once the new one is whole on disk.

    existing: see `describe`.

    Raises ImageError where the file can't hold it, FolderError where it can't be written.
    """
    if photo.member:
        raise ImageError("Captions cannot be written into photos inside {}.", photo.path)
    path = Path(os.path.realpath(photo.path))  # a link stays a link
    if not os.access(path, os.W_OK):  # which replacing it would not notice
        raise ImageError("{} is write-protected: its caption is not written into it.", photo.name)
    before = path.read_bytes()
    after = describe(before, caption, existing, photo.name)
    if after == before:
        return
    write_whole(path, [after], FolderError, like=path, synced=True)


def describe(file: bytes, caption: str, existing: str, shown: str) -> bytes:
    """A JPEG or PNG file with a caption as its description.

    existing: of a description that is there "skip" leaves it, "overwrite" replaces it, "append"
    adds the caption's lines that it lacks.

    Raises ImageError, naming it `shown`, where it is another kind of file, damaged, or full.
    """
    if file.startswith(b"\xff\xd8"):
        span, wrap = _jpeg_span(file, shown), _jpeg_segment
    elif file.startswith(_PNG):
        span, wrap = _png_span(file, shown), _png_chunk
    else:
        suffix = Path(shown).suffix.lower()
        raise ImageError("Captions can be written into JPEG and PNG files only, not {}.", suffix)
    packet = _packet(span.packet, caption, existing, shown)
    if packet == span.packet:
        return file
    if wrap is _jpeg_segment and len(packet) > _MOST_IN_JPEG:
        raise ImageError("{} has no room for a caption beside its other metadata.", shown)
    return file[: span.start] + wrap(packet) + file[span.end :]


class _Span(NamedTuple):
    """The bytes of a file that hold its XMP packet; none are where one would go."""

    start: int
    end: int
    packet: bytes


def _jpeg_span(file: bytes, shown: str) -> _Span:
    """Looks at the segments before the pixels, as of JPEG (ITU T.81, B.1.1)."""
    position = insertion = 2
    while file[position : position + 1] == b"\xff" and position + 4 <= len(file):
        marker = file[position + 1]
        if marker == 0xFF:  # fills up
            position += 1
            continue
        (length,) = struct.unpack_from(">H", file, position + 2)
        end = position + 2 + length
        content = file[position + 4 : end]
        if marker == 0xDA:  # the pixels begin
            return _Span(insertion, insertion, b"")
        if length < 2:
            break
        if marker == 0xE1 and content.startswith(_IN_JPEG):
            return _Span(position, end, content[len(_IN_JPEG) :])
        leads = marker == 0xE0 or (marker == 0xE1 and content.startswith(b"Exif\0"))
        if leads and insertion == position:
            insertion = end
        position = end
    raise ImageError("{} is not a JPEG file that can be added to.", shown)


def _jpeg_segment(packet: bytes) -> bytes:
    content = _IN_JPEG + packet
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def _png_span(file: bytes, shown: str) -> _Span:
    """Looks at the chunks, as of PNG (ISO 15948, 5.3); the first one ends at byte 33."""
    position = len(_PNG)
    while position + 12 <= len(file):
        length, kind = struct.unpack_from(">I4s", file, position)
        end = position + 12 + length
        content = file[position + 8 : end - 4]
        if kind == b"iTXt" and content.startswith(_IN_PNG):
            return _Span(position, end, _png_text(content[len(_IN_PNG) :]))
        if kind == b"IEND":
            return _Span(33, 33, b"")
        position = end
    raise ImageError("{} is not a PNG file that can be added to.", shown)


def _png_text(content: bytes) -> bytes:
    is_packed, rest = content[:1] == b"\1", content[2:]
    text = rest.split(b"\0", 2)[2]
    return zlib.decompressobj().decompress(text, 2**24) if is_packed else text


def _png_chunk(packet: bytes) -> bytes:
    content = b"iTXt" + _IN_PNG + bytes(4) + packet
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _packet(old: bytes, caption: str, existing: str, shown: str) -> bytes:
    """The XMP packet with the caption as its description, all else as it was."""
    try:
        root = _parsed(old)
        description = _description(root)
    except (ElementTree.ParseError, ValueError):
        raise ImageError("{} has damaged XMP metadata.", shown) from None
    if description.text and existing == "skip":
        return old
    lines = (description.text or "").splitlines() if existing == "append" else []
    text = "\n".join([*lines, *(line for line in caption.split("\n") if line not in lines)])
    if description.text == text:
        return old
    description.text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "", text)
    return _BEGIN + ElementTree.tostring(root, encoding="utf-8") + _END


def _parsed(packet: bytes) -> ElementTree.Element:
    for prefix, space in (("x", _META), ("rdf", _RDF), ("dc", _DC)):
        ElementTree.register_namespace(prefix, space)
    if not packet.strip():
        root = ElementTree.Element(f"{{{_META}}}xmpmeta")
        ElementTree.SubElement(root, f"{{{_RDF}}}RDF")
        return root
    events = ElementTree.iterparse(io.BytesIO(packet.strip(b"\0 \r\n")), ["start-ns"])
    for _, (prefix, space) in events:
        if prefix and not re.fullmatch(r"ns\d+", prefix):  # which ElementTree keeps for itself
            ElementTree.register_namespace(prefix, space)
    return events.root  # type: ignore[attr-defined]


def _description(root: ElementTree.Element) -> ElementTree.Element:
    """The element of the description in the default language, added where there is none."""
    rdf = root if root.tag == f"{{{_RDF}}}RDF" else root.find(f"{{{_RDF}}}RDF")
    if rdf is None:
        raise ValueError("no RDF")
    for item in rdf.iterfind(
        f"{{{_RDF}}}Description/{{{_DC}}}description/{{{_RDF}}}Alt/{{{_RDF}}}li"
    ):
        if item.get(_LANGUAGE) == "x-default":
            return item
    about = ElementTree.SubElement(rdf, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    described = ElementTree.SubElement(about, f"{{{_DC}}}description")
    choices = ElementTree.SubElement(described, f"{{{_RDF}}}Alt")
    return ElementTree.SubElement(choices, f"{{{_RDF}}}li", {_LANGUAGE: "x-default"})
