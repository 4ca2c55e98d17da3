"""A collection of everything that a folder of photos can hold, generated.

    python tests/folder/bad_files.py FOLDER

writes it into a folder, to try things on.
"""

import os
import random
import struct
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

Draw = Callable[[], bytes]

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """The bytes of an image file."""
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def bomb() -> bytes:
    """A real PNG of 30,000 × 30,000 pixels, in a hundred thousand bytes."""
    side = 30_000
    packer = zlib.compressobj(1)
    row = bytes(1 + (side + 7) // 8)
    pixels = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()

    def part(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def frames() -> list[Image.Image]:
    return [Image.new("RGB", (30, 20), colour) for colour in ("red", "green", "blue")]


def corrupt_exif() -> bytes:
    noise = random.Random(0).randbytes(200)
    return encoded(PHOTO, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + noise)


READABLE: dict[str, Draw] = {
    "plain.jpg": lambda: encoded(PHOTO, "JPEG"),
    "progressive.jpg": lambda: encoded(PHOTO, "JPEG", progressive=True),
    "trailing.jpg": lambda: encoded(PHOTO, "JPEG") + b"and more" * 99,
    "cmyk.jpg": lambda: encoded(PHOTO.convert("CMYK"), "JPEG"),
    "grey.jpg": lambda: encoded(PHOTO.convert("L"), "JPEG"),
    "corrupt_exif.jpg": corrupt_exif,
    "png_called.jpg": lambda: encoded(PHOTO, "PNG"),
    "jpeg_called.png": lambda: encoded(PHOTO, "JPEG"),
    "gif_called.webp": lambda: encoded(PHOTO, "GIF"),
    "CAPITALS.PNG": lambda: encoded(PHOTO, "PNG"),
    "rgba.png": lambda: encoded(PHOTO.convert("RGBA"), "PNG"),
    "palette.png": lambda: encoded(PHOTO.quantize(16), "PNG"),
    "bits.png": lambda: encoded(PHOTO.convert("1"), "PNG"),
    "sixteen.png": lambda: encoded(Image.fromarray(np.full((20, 30), 40_000, np.uint16)), "PNG"),
    "sixteen.tif": lambda: encoded(Image.fromarray(np.full((20, 30), 40_000, np.uint16)), "TIFF"),
    "floats.tif": lambda: encoded(Image.fromarray(np.full((20, 30), 0.5, np.float32)), "TIFF"),
    "animated.gif": lambda: encoded(frames()[0], "GIF", save_all=True, append_images=frames()),
    "animated.webp": lambda: encoded(frames()[0], "WEBP", save_all=True, append_images=frames()),
    "animated.png": lambda: encoded(frames()[0], "PNG", save_all=True, append_images=frames()),
    "one_pixel.png": lambda: encoded(Image.new("RGB", (1, 1), "red"), "PNG"),
    "wide.png": lambda: encoded(Image.new("RGB", (20_000, 1), "red"), "PNG"),
    "tall.png": lambda: encoded(Image.new("RGB", (1, 20_000), "red"), "PNG"),
    "old.bmp": lambda: encoded(PHOTO, "BMP"),
    "netpbm.ppm": lambda: encoded(PHOTO, "PPM"),
}

# Each with what the reason must say.
UNREADABLE: dict[str, tuple[Draw, str]] = {
    "empty.jpg": (lambda: b"", "is empty"),
    "text.jpg": (lambda: b"<!doctype html><p>Not found", "is a web page, which is not read"),
    "noise.png": (lambda: random.Random(1).randbytes(999), "is not a photo in any known format"),
    "half.jpg": (lambda: READABLE["plain.jpg"]()[:900], "is cut short or damaged"),
    "half.png": (lambda: READABLE["rgba.png"]()[:900], "is cut short or damaged"),
    "header.jpg": (lambda: READABLE["plain.jpg"]()[:9], "is cut short or damaged"),
    "bomb.png": (bomb, "is too large to open safely"),
    "script.jpg": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", "is not a photo in any known format"),
}

NAMES = (
    *(b"two\nlines.png", b"-rf.png", b"caf\xe9.png", "看图说话.png".encode(), "😀.png".encode()),
    *(b" space .png", b"quote'\"<b>&.png", b"back\\slash.png", b"%41#?.png", b"\x1b[2J.png"),
    *(b"x" * 251 + b".png", b"sub folder/\xe4\xb8\xad/deep.png"),
)


def generate(root: Path) -> tuple[set[str], dict[str, str]]:
    """Write the collection below a folder.

    Returns the names of the photos that can be read, and of the others what the reason must say.
    """
    root.mkdir(parents=True, exist_ok=True)
    good: set[str] = set()
    bad: dict[str, str] = {}
    for name, draw in READABLE.items():
        (root / name).write_bytes(draw())
        good.add(name)
    for name, (draw, reason) in UNREADABLE.items():
        (root / name).write_bytes(draw())
        bad[name] = reason
    for number, raw in enumerate(NAMES):
        path = root / os.fsdecode(raw)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(Image.new("RGB", (30, 20), (20 * number, 99, 9)), "PNG"))
        good.add(os.fsdecode(raw))
    return good, {**bad, **_odd_files(root)}


def _odd_files(root: Path) -> dict[str, str]:
    """What is in the folder but no ordinary file."""
    (root / "folder.jpg").mkdir()
    (root / "dangling.jpg").symlink_to("nowhere.jpg")
    (root / "circle.jpg").symlink_to("circle.jpg")
    (root / "circle").symlink_to(root)
    os.mkfifo(root / "pipe.jpg")
    with (root / "sparse.jpg").open("wb") as file:
        file.truncate(3 * 2**30)
    bad = {
        "dangling.jpg": "does not exist",
        "circle.jpg": "cannot be read",
        "pipe.jpg": "is not an ordinary file",
        "sparse.jpg": "is not a photo in any known format",
    }
    if os.geteuid() != 0:  # root may read everything
        locked = root / "locked.jpg"
        locked.write_bytes(READABLE["plain.jpg"]())
        locked.chmod(0)
        bad["locked.jpg"] = "permission denied"
    return bad


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
