"""What opening a photo costs, how much that may be, and files that are not read for ever."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from PIL import Image, TiffImagePlugin

from captioner.errors import ImageError

MAX_PIXELS = 178_956_970  # where Pillow's own decompression-bomb error begins
_LONGEST_LINE = 65_535  # pixels, of a format that Pillow decodes in Python
_MOST_STRIPS = 2**18  # of a TIFF; Pillow makes an object of each while it opens the file
_LARGEST_ICON = 1024  # pixels a side; the format itself ends at 256
_READS = 16  # between two looks at the clock

# Measured with Pillow 12, flat pictures and those that are worst for the format, one core of 2024.
# Per pixel: bytes beside the decoded picture, and nanoseconds.
_BYTES = {"WEBP": 12, "AVIF": 12, "HEIF": 12, "JPEG2000": 20, "TIFF": 4, "SGI": 4, "ICO": 8}
_NANOSECONDS = {"JPEG": 12, "WEBP": 45, "AVIF": 40, "HEIF": 60, "JPEG2000": 110}
_USUAL_NANOSECONDS = 25
_SCAN_NANOSECONDS = 1  # for each scan of a JPEG
# Decoders that Pillow has written in Python.
_INTERPRETED = {"bmp_rle": 110, "ppm": 1600, "ppm_plain": 1600, "qoi": 2000, "SGI16": 100}
_INTERPRETED_BYTES = 12

# Bytes of a decoded pixel; the usual is 4, also of RGB.
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}


class MemoryBudget:
    """Memory that several threads share: each waits until there is enough for its photo.

    What is asked for first is had first, so that a large photo is not passed over for ever. One
    that needs more than there is altogether has it all.
    """

    def __init__(self, total: int) -> None:
        """total: in bytes."""
        self._total = self._free = total
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Have so many bytes within the context."""
        amount = min(amount, self._total)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


@dataclass(frozen=True)
class Limits:
    """What opening one photo may take; what takes more is refused, mostly by its header.

    pixels: width times height. memory: bytes at the peak, unlimited if not given. seconds: of
    processor time. shared: memory that several threads share; each waits for its part of it.
    """

    pixels: int = MAX_PIXELS
    memory: int | None = None
    seconds: float = 60.0
    shared: MemoryBudget | None = None


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Cost:
    """What it takes to open a photo, at most and about. memory: bytes at the peak."""

    memory: int
    seconds: float


def cost_of(image: Image.Image, file: BinaryIO, stored: int, result: int) -> Cost:
    """What it will take to open the image of a file that was opened but not yet loaded.

    stored, result: pixels in the file, and of what it becomes; the image itself says how many will
    be decoded.
    """
    decoder = _decoder(image)
    nanoseconds: float = _NANOSECONDS.get(image.format or "", _USUAL_NANOSECONDS)
    beside = _BYTES.get(image.format or "", 0)
    if decoder in _INTERPRETED:
        beside, nanoseconds = _INTERPRETED_BYTES, _INTERPRETED[decoder]
    if decoder == "jpeg":
        scans = _scans(file)
        nanoseconds += scans * _SCAN_NANOSECONDS
        if scans > 1:  # all coefficients wait for the last scan, two bytes each
            beside = 2 * len(image.getbands())
    decoded = image.width * image.height * _MODE_BYTES.get(image.mode, 4)
    return Cost(decoded + beside * stored + 2 * 4 * result, nanoseconds * stored / 1e9)


def check_limits(image: Image.Image, cost: Cost, limits: Limits, shown: str) -> None:
    """Raise ImageError, which calls the photo `shown`, where it costs more than it may."""
    check_pixels(image, limits, shown)
    if limits.memory is not None and cost.memory > limits.memory:
        raise ImageError(
            "{} needs too much memory to open: {} MB, and the limit is {} MB.",
            shown,
            cost.memory // 10**6,
            limits.memory // 10**6,
        )
    # A line is the smallest step of these decoders, and a few bytes may ask for 255 of them.
    too_long = _decoder(image) in _INTERPRETED and max(image.size) > _LONGEST_LINE
    if too_long or cost.seconds > limits.seconds:
        raise too_slow(shown, limits)


def check_pixels(image: Image.Image, limits: Limits, shown: str) -> None:
    """Raise ImageError where an image has no pixels, or too many."""
    if min(image.size) < 1:
        raise ImageError("{} has no pixels.", shown)
    if image.width * image.height > limits.pixels:
        raise too_large(shown, limits)


def too_large(shown: str, limits: Limits) -> ImageError:
    """The error of a photo with too many pixels."""
    limit = f"{limits.pixels / 10**6:.3g}" if limits.pixels < 10**8 else limits.pixels // 10**6
    return ImageError(
        "{} is too large to open safely: the limit is {} million pixels.", shown, limit
    )


def too_slow(shown: str, limits: Limits) -> ImageError:
    """The error of a photo that takes too long."""
    return ImageError(
        "{} takes too long to open: the limit is {:g} seconds.", shown, limits.seconds
    )


class TimedFile:
    """A binary file that refuses to be read once a thread has spent its seconds on it.

    Most formats are looked through by Python in small steps, whose number the file decides.
    """

    def __init__(self, file: BinaryIO, shown: str, limits: Limits) -> None:
        self._file, self._shown, self._limits = file, shown, limits
        self._ends = time.thread_time() + limits.seconds
        self._reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int | None = -1) -> bytes:
        """As any file's. Raises ImageError where time is up."""
        self._reads += 1
        if self._reads % _READS == 0 and time.thread_time() > self._ends:
            raise too_slow(self._shown, self._limits)
        return self._file.read(-1 if size is None else size)


def check_icon(file: BinaryIO, shown: str) -> None:
    """Raise ImageError where an icon holds a large picture: Pillow decodes it while opening."""
    head = file.read(6)
    if head[:4] == b"\0\0\1\0":
        table = file.read(16 * int.from_bytes(head[4:6], "little"))
        for start in range(0, len(table) - 15, 16):
            file.seek(int.from_bytes(table[start + 12 : start + 16], "little"))
            if max(_icon_size(file.read(24))) > _LARGEST_ICON:
                side = _LARGEST_ICON
                raise ImageError(
                    "{} is too large for an icon: the limit is {} × {} pixels.", shown, side, side
                )
    file.seek(0)


def _icon_size(header: bytes) -> tuple[int, int]:
    """Width and height of a PNG, or of a bitmap, which has a mask below it."""
    if header.startswith(b"\x89PNG"):
        return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    width = int.from_bytes(header[4:8], "little", signed=True)
    height = int.from_bytes(header[8:12], "little", signed=True)
    return abs(width), abs(height) // 2


def _decoder(image: Image.Image) -> str:
    tiles = getattr(image, "tile", None)
    return tiles[0][0] if tiles else ""


def _scans(file: BinaryIO) -> int:
    """Of a JPEG: the first scan, and each further one. Where its marker stands in the data of a
    scan, it is one."""
    offset = file.tell()
    file.seek(0)
    found = file.read().count(b"\xff\xda")
    file.seek(offset)
    return found


class _BoundedDirectory(TiffImagePlugin.ImageFileDirectory_v2):
    """A directory of tags, as TIFF files and EXIF have it, that reads its file once at most.

    Pillow's own copies what each tag points to: if a thousand of them point to the same megabyte,
    a thousand megabytes.
    """

    def load(self, fp: Any) -> None:
        super().load(cast(BinaryIO, _ReadOnce(fp)))
        strips = (self._tagdata.get(tag, b"") for tag in (273, 279, 324, 325))
        if any(len(data) > 8 * _MOST_STRIPS for data in strips):
            raise ValueError("too many strips or tiles")


class _ReadOnce:
    """A file of which so much can be read as it holds, and its beginning a second time."""

    def __init__(self, file: Any) -> None:
        self._file = file
        offset = file.tell()
        self._left = file.seek(0, os.SEEK_END) + 2**16
        file.seek(offset)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise OSError("tags that overlap")
        data: bytes = self._file.read(size)
        return data


# There is no other way in: Pillow's readers of JPEG, AVIF and TIFF files look this class up.
TiffImagePlugin.ImageFileDirectory_v2 = _BoundedDirectory  # type: ignore[misc]
