"""Opening photos: the right pixels from every kind of file, one sentence for every bad one."""

import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from captioner.errors import CaptionerError, ImageError, OptionError
from captioner.images import open_image

# Where the stored first row and first column belong in the upright picture (EXIF 2.32, 0x0112).
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def random_pixels(height: int = 5, width: int = 7, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels_of(source: object, **options: object) -> np.ndarray:
    image = open_image(source, **options)  # type: ignore[arg-type]
    assert image.mode == "RGB"
    return np.asarray(image)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=-1)


def sentence(source: object, **options: object) -> str:
    with pytest.raises(ImageError) as caught:
        open_image(source, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """Put each stored pixel where the definition of the orientation says it belongs."""
    row_side, column_side = SIDES[orientation]
    swapped = row_side in ("left", "right")
    height, width = stored.shape[1::-1] if swapped else stored.shape[:2]
    picture = np.empty((height, width, 3), dtype=np.uint8)
    for y in range(height):
        for x in range(width):
            distance = {"top": y, "bottom": height - 1 - y, "left": x, "right": width - 1 - x}
            picture[y, x] = stored[distance[row_side], distance[column_side]]
    return picture


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_honoured(kind: str, orientation: int) -> None:
    stored = random_pixels()
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(stored), kind, exif=exif(orientation), **options)
    np.testing.assert_array_equal(pixels_of(data), upright(stored, orientation))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_pillow_image_is_turned_once_and_left_unchanged(orientation: int) -> None:
    stored = random_pixels()
    source = Image.open(io.BytesIO(encoded(Image.fromarray(stored), "PNG", exif=exif(orientation))))
    opened = open_image(source)
    np.testing.assert_array_equal(np.asarray(opened), upright(stored, orientation))
    np.testing.assert_array_equal(pixels_of(opened), np.asarray(opened))
    np.testing.assert_array_equal(np.asarray(source), stored)
    assert source.getexif()[0x0112] == orientation


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_unknown_orientation_is_ignored(orientation: int) -> None:
    stored = random_pixels()
    data = encoded(Image.fromarray(stored), "PNG", exif=exif(orientation))
    np.testing.assert_array_equal(pixels_of(data), stored)


def test_damaged_exif_does_not_cost_the_picture() -> None:
    stored = random_pixels()
    data = encoded(Image.fromarray(stored), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\xff garbage")
    np.testing.assert_array_equal(pixels_of(data), stored)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA"])
def test_lossless_colour_is_exact(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"photo.{kind.lower()}"
    Image.fromarray(random_pixels()).save(path, kind)
    np.testing.assert_array_equal(pixels_of(path), random_pixels())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_colour_is_close(kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    flat = np.full((40, 60, 3), (200, 100, 50), dtype=np.uint8)
    opened = pixels_of(encoded(Image.fromarray(flat), kind, quality=95))
    assert np.abs(opened.astype(int) - flat).max() <= 4


def test_greyscale_becomes_equal_channels() -> None:
    values = random_pixels()[..., 0]
    np.testing.assert_array_equal(pixels_of(encoded(Image.fromarray(values), "PNG")), grey(values))


def test_one_bit_becomes_black_and_white() -> None:
    bits = random_pixels()[..., 0] > 127
    data = encoded(Image.fromarray(bits), "PNG")
    np.testing.assert_array_equal(pixels_of(data), grey(bits * np.uint8(255)))


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    expected = [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    np.testing.assert_array_equal(pixels_of(encoded(image, "PNG")), expected)


@pytest.mark.parametrize("transparency", [1, b"\xff\x00\x80"])
def test_transparent_palette_entries_become_white(transparency: int | bytes) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    last = [70, 80, 90] if transparency == 1 else [162, 167, 172]  # half way to white
    opened = pixels_of(encoded(image, "PNG", transparency=transparency))
    np.testing.assert_allclose(opened, [[[10, 20, 30], [255, 255, 255], last]], atol=1)


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_is_laid_on_white(channels: int) -> None:
    stored = random_pixels(channels=channels)
    colour, alpha = stored[..., :-1].astype(float), stored[..., -1:] / 255
    expected = np.broadcast_to(colour * alpha + 255 * (1 - alpha), (5, 7, 3))
    mode = {2: "LA", 4: "RGBA"}[channels]
    data = encoded(Image.frombytes(mode, (7, 5), stored.tobytes()), "PNG")
    np.testing.assert_allclose(pixels_of(data), expected, atol=1)


def test_a_transparent_colour_becomes_white() -> None:
    stored = np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    data = encoded(Image.fromarray(stored), "PNG", transparency=(4, 5, 6))
    np.testing.assert_array_equal(pixels_of(data), [[[1, 2, 3], [255, 255, 255]]])


def test_cmyk_becomes_rgb() -> None:
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255]]], dtype=np.uint8)
    data = encoded(Image.frombytes("CMYK", (3, 1), inks.tobytes()), "TIFF")
    expected = [[[255, 255, 255], [0, 255, 255], [0, 0, 0]]]
    np.testing.assert_array_equal(pixels_of(data), expected)


@pytest.mark.parametrize(
    ("kind", "dtype"), [("PNG", np.uint16), ("TIFF", np.uint16), ("TIFF", np.int32)]
)
def test_sixteen_bit_greyscale_is_scaled_and_not_clipped(kind: str, dtype: type) -> None:
    gradient: np.ndarray = np.linspace(0, 65535, 35).astype(dtype).reshape(5, 7)
    opened = pixels_of(encoded(Image.fromarray(gradient), kind))
    np.testing.assert_array_equal(opened, grey(np.rint(gradient / 65535 * 255)))


def test_big_endian_sixteen_bit_greyscale_is_scaled() -> None:
    gradient = np.linspace(0, 65535, 35).astype(">u2").reshape(5, 7)
    image = Image.frombytes("I;16B", (7, 5), gradient.tobytes())
    np.testing.assert_array_equal(pixels_of(image), grey(np.rint(gradient / 65535 * 255)))


def test_wider_integers_are_stretched() -> None:
    values = np.array([[-1000, 0, 99_000]], dtype=np.int32)
    np.testing.assert_array_equal(pixels_of(Image.fromarray(values)), grey(np.array([[0, 3, 255]])))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 200.0], [0, 100, 200]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, np.nan, 1.0], [0, 0, 255]),
        ([-7.0, -7.0, -7.0], [0, 0, 0]),
    ],
)
def test_floating_point_greyscale_is_scaled(values: list[float], expected: list[int]) -> None:
    image = Image.fromarray(np.array([values], dtype=np.float32))
    np.testing.assert_array_equal(pixels_of(encoded(image, "TIFF")), grey(np.array([expected])))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(pixels_of(data), np.full((4, 6, 3), (255, 0, 0)))


@pytest.mark.parametrize("channels", [None, 3, 4])
def test_arrays_are_photos_too(channels: int | None) -> None:
    array = random_pixels(channels=4)
    array[..., 3] = 255
    array = array[..., 0] if channels is None else array[..., :channels]
    expected = grey(array) if channels is None else array[..., :3]
    opened = open_image(array)
    np.testing.assert_array_equal(np.asarray(opened), expected)
    array[:] = 0
    np.testing.assert_array_equal(np.asarray(opened), pixels_of(opened))
    assert np.asarray(opened).any(), "the image must not share the array's memory"


def test_arrays_need_not_be_contiguous() -> None:
    array = random_pixels()[::-1, ::2]
    np.testing.assert_array_equal(pixels_of(array), array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4), dtype=bool),
        np.zeros((4, 4, 2), dtype=np.uint8),
        np.zeros((1, 4, 4, 3), dtype=np.uint8),
        np.zeros((3, 4, 5), dtype=np.uint8),
        np.zeros(4, dtype=np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    assert str(list(array.shape)) in sentence(array)


def test_every_kind_of_source_gives_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(random_pixels()).save(path)
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), file, Image.open(path)):
            np.testing.assert_array_equal(pixels_of(source), random_pixels())
        assert not file.closed


def test_the_result_outlives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(random_pixels()).save(path)
    opened = open_image(path)
    path.unlink()
    np.testing.assert_array_equal(np.asarray(opened), random_pixels())


def photo(width: int, height: int) -> bytes:
    slopes = np.add.outer(np.linspace(0, 90, height), np.linspace(0, 160, width))
    return encoded(Image.fromarray(grey(slopes.astype(np.uint8))), "JPEG", quality=95)


@pytest.mark.parametrize("size", [(1600, 1200), (1201, 1603), (530, 2000), (300, 200), (257, 257)])
def test_a_hinted_jpeg_is_smaller_but_never_too_small(size: tuple[int, int]) -> None:
    data = photo(*size)
    hinted, whole = open_image(data, at_least=257), open_image(data)
    assert whole.size == size
    assert min(hinted.size) >= min(257, *size)
    assert min(hinted.size) < 4 * 257
    reduced = whole.resize(hinted.size, Image.Resampling.BOX)
    difference = np.abs(np.asarray(hinted).astype(int) - np.asarray(reduced))
    assert difference.max() <= 3


def test_the_hint_turns_with_the_photo() -> None:
    data = encoded(Image.open(io.BytesIO(photo(1600, 1200))), "JPEG", exif=exif(6))
    assert open_image(data, at_least=257).size == (300, 400)


def test_the_hint_leaves_a_lossless_photo_whole() -> None:
    data = encoded(Image.fromarray(random_pixels(40, 60)), "PNG")
    assert open_image(data, at_least=4).size == (60, 40)


def test_a_hint_below_one_is_refused() -> None:
    with pytest.raises(OptionError, match="at_least"):
        open_image(random_pixels(), at_least=0)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    assert sentence(path) == f"{path} does not exist."


def test_a_directory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.mkdir()
    assert sentence(path, name="photo.jpg") == "photo.jpg is a directory, not a photo."


def test_a_zero_byte_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.touch()
    assert sentence(path, name="photo.jpg") == "photo.jpg is empty."


def test_a_text_file_called_jpg_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_text("Not a photo at all.\n" * 50)
    message = sentence(path, name="photo.jpg")
    assert message == "photo.jpg is not a photo in any known format."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    os.mkfifo(path)
    assert "not an ordinary file" in sentence(path)


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo(20, 20))

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # chmod would not stop a test run by root
    assert sentence(path) == f"{path} cannot be read: permission denied."


def test_an_impossible_path_is_an_image_error() -> None:
    assert "file name" in sentence("photo\0.jpg")
    assert "cannot be read" in sentence("x" * 5000)


def test_a_name_that_is_not_text_can_be_printed() -> None:
    sentence(os.fsdecode(b"caf\xe9.jpg")).encode("utf-8")


@pytest.mark.parametrize("source", [None, 3, io.StringIO("text")], ids=["None", "int", "text file"])
def test_other_objects_are_refused(source: object) -> None:
    assert "a path, bytes or array was expected" in sentence(source)


def test_a_file_object_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.touch()
    with path.open("rb") as file:
        assert sentence(file) == f"{path} is empty."
    assert sentence(b"") == "The image is empty."


def jpeg() -> bytes:
    return encoded(Image.fromarray(random_pixels(80, 80)), "JPEG")


def png() -> bytes:
    return encoded(Image.fromarray(random_pixels(80, 80)), "PNG")


def webp() -> bytes:
    return encoded(Image.fromarray(random_pixels(80, 80)), "WEBP")


def tiff() -> bytes:
    return encoded(Image.fromarray(random_pixels(80, 80)), "TIFF", compression="tiff_lzw")


@pytest.mark.parametrize("whole", [jpeg, png, webp, tiff])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.8])
def test_a_truncated_file_is_named(whole: Callable[[], bytes], share: float) -> None:
    data = whole()
    message = sentence(data[: int(len(data) * share)], name="photo.jpg")
    assert message.startswith("photo.jpg is ")


def test_a_lazily_opened_truncated_image_is_named() -> None:
    source = Image.open(io.BytesIO(jpeg()[:2000]))
    assert sentence(source, name="photo.jpg") == "photo.jpg is cut short or damaged."


def huge_png(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("others_limit", [Image.MAX_IMAGE_PIXELS, None, 1000])
def test_a_decompression_bomb_is_refused_whatever_limit_others_set(
    others_limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", others_limit)
    assert "too large to open safely" in sentence(huge_png(20_000))
    assert others_limit == Image.MAX_IMAGE_PIXELS


def test_an_image_without_pixels_is_refused() -> None:
    assert "no pixels" in sentence(Image.new("RGB", (0, 5)))
    assert "no pixels" in sentence(np.zeros((5, 0, 3), dtype=np.uint8))


def test_formats_that_start_other_programs_are_refused() -> None:
    data = encoded(Image.fromarray(random_pixels()), "EPS")
    assert "not a photo in any known format" in sentence(data)


def test_no_warning_leaks_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    data = encoded(Image.fromarray(random_pixels()), "PNG")  # 35 pixels: Pillow warns
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(pixels_of(data), random_pixels())
    assert not caught


def test_threads_leave_the_warning_filters_as_they_were() -> None:
    before = list(warnings.filters)
    data = jpeg()

    def open_many() -> None:
        for _ in range(30):
            open_image(data)

    threads = [threading.Thread(target=open_many) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_every_error_is_one_the_command_knows_how_to_print() -> None:
    assert issubclass(ImageError, CaptionerError)
