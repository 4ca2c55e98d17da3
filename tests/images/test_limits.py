"""What opening a photo may take: memory, time, and a waiting line of many photos."""

import io
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.errors import ImageError
from captioner.images import Limits, MemoryBudget, open_image
from captioner.images.colour import LARGE, factors_for

PAGE = Limits(memory=10**9, seconds=5)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, extra: bytes = b"", whole: bool = True) -> bytes:
    """Of one half-transparent colour; without its pixels where not whole."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    packer = zlib.compressobj(1)
    row = b"\0" + b"\x10\x20\x30\x80" * width
    body = b"".join(packer.compress(row) for _ in range(height if whole else 1)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def bitmap(width: int, height: int, body: bytes) -> bytes:
    """A run-length encoded bitmap of 256 colours."""
    start = 14 + 40 + 1024
    size = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 0, 0)
    head = b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start)
    return head + size + bytes(1024) + body


def directory(entries: int, size: int) -> bytes:
    """A TIFF directory whose entries all point to the same bytes."""
    blob = 8 + 2 + 12 * entries + 4
    tags = (struct.pack("<HHII", 40_000 + n, 7, size, blob) for n in range(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + b"".join(tags) + bytes(4 + size)


def refusal(data: bytes, limits: Limits) -> str:
    with pytest.raises(ImageError) as caught:
        open_image(data, "photo", at_least=205, limits=limits)
    return str(caught.value)


MEASURE = """
import sys
from captioner.images import open_image
from captioner.speed.memory import keep_memory

def memory(kind):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(kind))

keep_memory()
small, *huge = sys.argv[1:]
open_image(small, at_least=205)
for path in huge:
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before = memory("VmRSS")
    image = open_image(path, at_least=205)
    print(memory("VmHWM") - before, memory("VmRSS") - before, *image.size)
    del image
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the memory")
def test_a_huge_photo_takes_little_more_than_its_decoded_pixels_and_gives_them_back(
    tmp_path: Path,
) -> None:
    width, height = 6000, 6400
    small, huge = tmp_path / "small.png", [tmp_path / f"huge.{kind}" for kind in ("png", "tif")]
    small.write_bytes(png(30, 20))
    huge[0].write_bytes(png(width, height))
    Image.new("RGB", (width, height), "red").save(huge[1])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), *map(str, huge)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        peak, after, *size = map(int, line.split())
        assert size == [width // 2, height // 2]
        result = width * height
        assert 4 * width * height < peak < 4 * width * height + result + 40 * 10**6
        assert after < result + 40 * 10**6


@pytest.mark.parametrize(
    "size", [(13_377, 13_377), (178_956_970, 1), (1, 178_956_970), (60_000, 2_900)]
)
def test_no_huge_photo_stays_huge(size: tuple[int, int]) -> None:
    # By the sizes alone: the real ones would take gigabytes.
    across, down = factors_for(size, 205)
    reduced = -(-size[0] // across), -(-size[1] // down)
    assert reduced[0] * reduced[1] <= LARGE + max(reduced)
    assert min(reduced) >= min(205, *size)


MODES = ["1", "L", "P", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"]


def picture(mode: str) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 4), dtype=np.uint8)
    if mode in ("I", "F", "I;16"):
        dtype = {"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]
        return Image.fromarray((pixels[..., 0].astype(np.int64) * 300 - 100).astype(dtype))
    if mode in ("P", "PA"):
        return Image.fromarray(pixels[..., :3]).quantize(50).convert(mode)
    image = Image.fromarray(pixels)
    return image if mode == "RGBA" else image.convert("RGB").convert(mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tile", [1, 40, 300])
def test_tiles_have_the_pixels_of_the_whole(
    mode: str, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(mode)
    whole = np.asarray(open_image(image))
    monkeypatch.setattr("captioner.images.colour._TILE", tile)
    np.testing.assert_array_equal(np.asarray(open_image(image)), whole)


@pytest.mark.parametrize("tile", [1, 40, 300, 10**6])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16"])
def test_a_huge_photo_is_reduced_as_its_whole_would_be(
    mode: str, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(mode)
    expected = np.asarray(open_image(image).reduce(3))
    monkeypatch.setattr("captioner.images.colour._TILE", tile)
    monkeypatch.setattr("captioner.images.colour.LARGE", 53 * 37 // 8)
    reduced = open_image(encoded(image, "TIFF" if mode == "I;16" else "PNG"), at_least=12)
    np.testing.assert_array_equal(np.asarray(reduced), expected)


def test_a_transparent_colour_is_seen_in_every_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.new("RGB", (30, 30), (1, 2, 3))
    monkeypatch.setattr("captioner.images.colour._TILE", 100)
    opened = open_image(encoded(image, "PNG", transparency=(1, 2, 3)))
    assert np.asarray(opened).min() == 255


def test_a_caller_may_lower_the_limit_on_pixels() -> None:
    data = encoded(Image.new("RGB", (30, 20)), "PNG")
    assert open_image(data, limits=Limits(pixels=600)).size == (30, 20)
    message = refusal(data, Limits(pixels=599))
    assert message == "photo is too large to open safely: the limit is 0.000599 million pixels."


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG2000", "TIFF", "GIF", "PPM"])
def test_what_needs_too_much_memory_is_refused_by_its_header(kind: str) -> None:
    data = encoded(Image.new("RGB", (300, 200)), kind)
    assert open_image(data, limits=Limits(memory=10**7)).size == (300, 200)
    assert "needs too much memory" in refusal(data, Limits(memory=10**5))


def test_all_of_a_progressive_jpeg_counts_even_where_little_is_decoded() -> None:
    image = Image.new("RGB", (2000, 2000))
    limits = Limits(memory=10**7)
    assert open_image(encoded(image, "JPEG"), at_least=205, limits=limits).size == (250, 250)
    assert "needs too much memory" in refusal(encoded(image, "JPEG", progressive=True), limits)


@pytest.mark.parametrize(
    "data",
    [
        bitmap(9000, 9000, b"\1\1\0\0" * 9000 + b"\0\1"),
        bitmap(100_000_000, 1, b"\0\2\xff\xff" * 9),  # each step asks for 25 GB
        b"P3 4000 4000 255 " + b"1 2 3 " * 99,
        b"P6 4000 4000 99 " + b"123" * 99,
        b"qoif" + struct.pack(">II", 4000, 4000) + b"\3\0" + b"\xfd" * 260_000,
    ],
    ids=["bitmap", "wide bitmap", "plain PPM", "PPM", "QOI"],
)
def test_what_pillow_decodes_too_slowly_is_refused_at_once(data: bytes) -> None:
    began = time.thread_time()
    message = refusal(data, Limits(seconds=5))
    assert message == "photo takes too long to open: the limit is 5 seconds."
    assert time.thread_time() - began < 1


def test_small_photos_that_pillow_decodes_slowly_are_opened() -> None:
    image = Image.new("RGB", (640, 480), "red")
    for kind in ("QOI", "BMP", "PPM"):
        if kind in Image.SAVE:  # older Pillows only read QOI
            assert open_image(encoded(image, kind), limits=PAGE).size == (640, 480)
    assert open_image(
        bitmap(640, 480, b"\xff\1\xff\1\x82\1\0\0" * 480 + b"\0\1"), limits=PAGE
    ).size == (640, 480)


def test_a_jpeg_with_endless_scans_is_refused_at_once() -> None:
    data = encoded(Image.new("RGB", (3000, 3000)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert open_image(data, at_least=205, limits=PAGE).size == (375, 375)
    began = time.thread_time()
    assert "takes too long" in refusal(data[:-2] + last * 2000 + data[-2:], PAGE)
    assert time.thread_time() - began < 1


def endless_texts() -> bytes:
    text = struct.pack(">I", 2) + b"tEXta\0" + struct.pack(">I", zlib.crc32(b"tEXta\0"))
    return png(30, 20, extra=text * 500_000)


def endless_comments() -> bytes:
    data = encoded(Image.new("RGB", (30, 20)), "JPEG")
    return data[:2] + b"\xff\xfe\0\2" * 1_000_000 + data[2:]


@pytest.mark.parametrize("data", [endless_texts, endless_comments])
def test_a_header_without_end_is_not_read_for_ever(data: object) -> None:
    limits = Limits(seconds=0.1)
    message = refusal(data(), limits)  # type: ignore[operator]
    assert message == "photo takes too long to open: the limit is 0.1 seconds."


def with_exif(data: bytes, exif: bytes) -> bytes:
    """A JPEG with EXIF data that goes through several segments, as Pillow reads them."""
    pieces = (exif[start : start + 60_000] for start in range(0, len(exif), 60_000))
    parts = [b"\xff\xe1" + struct.pack(">H", len(p) + 8) + b"Exif\0\0" + p for p in pieces]
    first = 4 + struct.unpack(">H", data[4:6])[0] - 2
    return data[:2] + b"".join(parts) + data[first:]


def test_metadata_that_points_to_the_same_bytes_again_and_again_is_not_copied() -> None:
    """Half a megabyte would become 5 GB."""
    exif = directory(10_000, 500_000)
    image = Image.new("RGB", (30, 20), "red")
    for data in (
        with_exif(encoded(image, "JPEG"), exif),
        encoded(image, "PNG", exif=exif),
        encoded(image, "WEBP", exif=exif),
    ):
        began = time.thread_time()
        assert open_image(data).size == (30, 20)
        assert time.thread_time() - began < 1
    assert refusal(exif, PAGE).startswith("photo is ")


def test_a_tiff_of_a_million_strips_is_refused() -> None:
    count = 1_000_000
    place = 8 + 2 + 12 * 8 + 4
    tags = [(256, 1, 1), (257, 1, count), (258, 1, 8), (259, 1, 1), (262, 1, 1)]
    tags += [(273, count, place), (278, 1, 1), (279, count, place)]
    entries = b"".join(struct.pack("<HHII", tag, 4, number, value) for tag, number, value in tags)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    assert refusal(head + b"\x08\0\0\0" * count, PAGE) == "photo is cut short or damaged."


def test_an_icon_is_opened_and_one_that_holds_a_huge_picture_is_not() -> None:
    icon = encoded(Image.new("RGB", (64, 64), "red"), "ICO")
    assert open_image(icon).size == (64, 64)
    huge = png(5000, 5000, whole=False)
    entry = struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(huge), 22)
    message = refusal(b"\0\0\1\0\1\0" + entry + huge, PAGE)
    assert message == "photo is too large for an icon: the limit is 1024 × 1024 pixels."


def test_threads_that_share_memory_never_have_more_than_there_is() -> None:
    budget = MemoryBudget(100)
    have, most, lock = 0, 0, threading.Lock()

    def use(amount: int) -> None:
        nonlocal have, most
        with budget.taken(amount):
            with lock:
                have += min(amount, 100)
                most = max(most, have)
            time.sleep(0.002)
            with lock:
                have -= min(amount, 100)

    amounts = [10, 40, 100, 70, 30, 1000, 60, 0, 50] * 4
    threads = [threading.Thread(target=use, args=(amount,)) for amount in amounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert 50 <= most <= 100


def test_memory_is_free_again_after_a_photo_that_failed() -> None:
    limits = Limits(shared=MemoryBudget(10**6))
    data = encoded(Image.new("RGB", (300, 200)), "JPEG")
    for _ in range(3):
        assert "cut short" in refusal(data[:-200], limits)
    assert open_image(data, limits=limits).size == (300, 200)
