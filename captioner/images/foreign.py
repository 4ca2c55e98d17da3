"""What a file is that no reader of photos knows: people take it for a photo, as others do."""

from __future__ import annotations

from functools import cache

from PIL import Image

from captioner.errors import ImageError
from captioner.images.names import suffix
from captioner.messages import Message

HEAD = 1024  # bytes that tell

# The brands of ISO base media files (ISO 14496-12), which HEIF, AVIF and videos are.
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")

_RAW = (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"\0MRM", b"FOVb")
_RAW_SUFFIXES = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".kdc", ".mef", ".mos", ".nef"),
        *(".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srw", ".x3f"),
    )
)
_BEGINNINGS = (
    ("a JPEG XL picture", (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    ("a camera's RAW file", _RAW),
    ("a PDF document", (b"%PDF",)),
    ("a video", (b"\x1aE\xdf\xa3",)),
)


@cache
def find_heif() -> None:
    """Have Pillow read HEIC where pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.register_heif_opener()


def foreign(head: bytes, shown: str) -> ImageError:
    """What to say of a file in no format that is read. head: how it begins. shown: its name."""
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, 64, 4))}
    for name, own in (("AVIF", _AVIF), ("HEIF", _HEIF)):
        if head[4:8] == b"ftyp" and brands.intersection(own):
            return _without_reader(name, shown)
    if head.startswith(b"version https://git-lfs"):
        return ImageError("{} stands for a photo that is kept by Git LFS: run git lfs pull.", shown)
    if kind := _kind(head, shown):
        return ImageError(
            "{} is {}, which is not read: make a JPEG or PNG of it.", shown, Message(kind)
        )
    return ImageError("{} is not a photo in any known format.", shown)


def _without_reader(name: str, shown: str) -> ImageError:
    if name in Image.OPEN:
        return ImageError("{} is cut short or damaged.", shown)
    if name == "AVIF":
        return ImageError("{} is an AVIF photo, which needs a newer Pillow.", shown)
    return ImageError(
        "{} is a HEIC photo, which needs pillow-heif: pip install 'captioner[heic]'.", shown
    )


def _kind(head: bytes, shown: str) -> str | None:
    for kind, beginnings in _BEGINNINGS:
        if head.startswith(beginnings):
            return kind
    if suffix(shown) in _RAW_SUFFIXES or head[4:12] == b"ftypcrx ":
        return "a camera's RAW file"
    if head[8:12] == b"AVI " or (head[4:8] == b"ftyp" and head[8:12] not in (*_HEIF, *_AVIF)):
        return "a video"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if text.startswith(b"<") and b"<svg" in text:
        return "an SVG drawing"
    return None
