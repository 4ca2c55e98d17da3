"""Names of photos: which files are photos, which are hidden, their order, and safe paths."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp"),
        *(".tif", ".tiff", ".heic", ".heif", ".hif", ".jp2", ".ppm", ".pgm", ".pnm", ".qoi"),
    )
)


def suffix(path: str) -> str:
    """A file's suffix in small letters, such as ".jpg"; "" where it has none."""
    return os.path.splitext(path)[1].lower()


def is_photo(path: str) -> bool:
    """Whether a file is taken for a photo, by its suffix."""
    return suffix(path) in SUFFIXES


def is_web_address(name: str) -> bool:
    """Whether a name is no path but an address such as "https://example.org/photo.jpg"."""
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name))


def is_hidden(path: str) -> bool:
    """Whether a file is hidden, or lies in a hidden folder, or is what some program left behind,
    such as macOS its `__MACOSX/._photo.jpg`."""
    parts = path.replace("\\", "/").split("/")
    return "__MACOSX" in parts or any(p.startswith(".") and p not in (".", "..") for p in parts)


def path_inside(path: str) -> str:
    """A path inside an archive with forward slashes, and nothing that leads out of the archive."""
    parts = path.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def safe_path(name: str) -> str:
    """A relative path with forward slashes that stays below whatever folder it is put in."""
    parts = PurePosixPath(name.replace("\\", "/").replace(":", "_")).parts
    return "/".join(part for part in parts if part not in ("/", "//", "..")) or "photo"


def natural(name: str) -> str:
    """What sorts names as people do: numbers by their value, capitals beside small letters.

    One text, not a list of parts, as a folder can hold a million names. The name itself comes last,
    so that no two names are equal.
    """
    numbered = re.sub(r"[0-9]+", _by_value, name.casefold())
    return f"{numbered}\0{name}"


def _by_value(digits: re.Match[str]) -> str:
    value = digits[0].lstrip("0")
    return f"0{len(value):05}{value}"
