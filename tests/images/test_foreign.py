"""What is no photo that can be read is called by what it is."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from captioner.errors import ImageError
from captioner.images import open_image
from captioner.images.foreign import find_heif, foreign

FTYP = b"\0\0\0\x18ftyp"
BEGINNINGS = [
    (b"\xff\x0a\x00", "a.jxl", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a.jpg", "a JPEG XL picture"),
    (b"FUJIFILMCCD-RAW 0201", "a.raf", "a camera's RAW file"),
    (FTYP + b"crx \0\0\0\1crx isom", "a.cr3", "a camera's RAW file"),
    (b"II*\0\x10\0\0\0CR\2\0", "a.CR2", "a camera's RAW file"),
    (b"%PDF-1.7\n", "a.pdf", "a PDF document"),
    (FTYP + b"isom\0\0\2\0isomiso2mp41", "a.mp4", "a video"),
    (FTYP + b"qt  \0\0\0\0qt  ", "IMG_1.MOV", "a video"),
    (b"\x1aE\xdf\xa3\x01", "a.webm", "a video"),
    (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "an SVG drawing"),
    (b"\xef\xbb\xbf  <!DOCTYPE html><title>404</title>", "a.jpg", "a web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid", "a.jpg", "kept by Git LFS"),
    (b"nothing at all", "a.jpg", "not a photo in any known format"),
    (b"", "a.jpg", "not a photo in any known format"),
]


@pytest.mark.parametrize(("head", "name", "said"), BEGINNINGS)
def test_it_is_named(head: bytes, name: str, said: str, tmp_path: Path) -> None:
    assert said in str(foreign(head, name))
    if head:
        (tmp_path / name).write_bytes(head + bytes(100))
        with pytest.raises(ImageError) as raised:
            open_image(tmp_path / name)
        assert said in str(raised.value)
        assert name in str(raised.value)


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_without_its_reader_names_the_package(
    brand: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    head = FTYP + brand + b"\0\0\0\0mif1heic" + bytes(100)
    said = "a.heic is a HEIC photo, which needs pillow-heif: pip install 'captioner[heic]'."
    assert str(foreign(head, "a.heic")) == said


def test_heic_is_read_where_its_reader_is_installed(tmp_path: Path) -> None:
    """Turned as the phone was held, too."""
    pillow_heif = pytest.importorskip("pillow_heif")
    find_heif()
    photo = Image.new("RGB", (96, 64), "red")
    photo.paste("blue", (0, 0, 48, 64))
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save(tmp_path / "phone.HEIC", format="HEIF", exif=exif.tobytes())
    assert pillow_heif.is_supported(tmp_path / "phone.HEIC")
    opened = open_image(tmp_path / "phone.HEIC")
    assert opened.size == (64, 96)
    top, bottom = np.asarray(opened)[8, 32], np.asarray(opened)[88, 32]
    assert top[2] > 200 > top[0]
    assert bottom[0] > 200 > bottom[2]
    with pytest.raises(ImageError, match="cut short or damaged"):
        open_image((tmp_path / "phone.HEIC").read_bytes()[:400])


@pytest.mark.parametrize("address", ["https://example.org/dog.jpg", "s3://bucket/dog.jpg"])
def test_a_web_address_is_called_one(address: str) -> None:
    with pytest.raises(ImageError) as raised:
        open_image(address)
    assert str(raised.value).startswith(f"{address} is a web address: nothing is fetched")


def test_a_tensor_is_a_photo() -> None:
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    expected = np.asarray(open_image(array))
    bytes_ = torch.from_numpy(array).permute(2, 0, 1)
    for tensor in (bytes_, bytes_.float() / 255, bytes_.double() / 255, bytes_.half() / 255):
        assert np.abs(np.asarray(open_image(tensor)).astype(int) - expected).max() <= 1
    assert np.array_equal(np.asarray(open_image(bytes_)), expected)
    assert open_image(torch.ones(1, 4, 6)).size == (6, 4)
    assert open_image(torch.ones(4, 4, 6)).size == (6, 4)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(2, 5, 5), torch.zeros(5, 5, 3), torch.zeros(3, 5), torch.zeros(1, 3, 5, 5),
        torch.full((3, 5, 5), 255.0), torch.full((3, 5, 5), -0.1), torch.zeros(3, 0, 5),
        torch.full((3, 5, 5), float("nan")), torch.zeros(3, 5, 5, dtype=torch.int64),
    ],
)  # fmt: skip
def test_another_tensor_is_one_sentence(tensor: torch.Tensor) -> None:
    with pytest.raises(ImageError, match=r"^The image is a tensor of .* with shape \[.*0 to 1\.$"):
        open_image(tensor)


def test_bytes_that_are_read_are_still_photos() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    assert open_image(file.getvalue()).size == (8, 8)
