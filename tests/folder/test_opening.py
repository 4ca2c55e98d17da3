"""Photos opened in other processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import MakePhotos

from captioner.folder.opening import CHUNK, Opener
from captioner.images import Photo, Preprocessing, open_image, to_pixels

SIZE = Preprocessing(size=32)


def photos(folder: Path, count: int) -> list[Photo]:
    return [Photo(f"{n}.png", str(folder / f"{n}.png")) for n in range(count)]


def test_photos_come_in_order_as_the_model_takes_them(
    tmp_path: Path, make_photos: MakePhotos
) -> None:
    count = 3 * CHUNK + 1
    make_photos(tmp_path, *(f"{number}.png" for number in range(count)))
    (tmp_path / "2.png").write_text("no photo")
    (tmp_path / "3.png").unlink()
    (tmp_path / "5.png").write_bytes((tmp_path / "4.png").read_bytes())
    with Opener(2) as opener:
        opened = list(opener.open(photos(tmp_path, count), SIZE))
    assert [found.photo for found in opened] == photos(tmp_path, count)
    assert str(opened[2].error) == "2.png is not a photo in any known format."
    assert str(opened[3].error) == "3.png does not exist."
    assert opened[4].digest == opened[5].digest
    assert len({found.digest for found in opened if found.digest}) == count - 3
    for found in opened:
        if not found.error:
            expected = to_pixels(open_image(found.photo.path, at_least=SIZE.detail), SIZE.size)
            assert found.pixels is not None
            assert np.array_equal(found.pixels, expected.permute(1, 2, 0).numpy())
            assert found.stamp == found.photo.stamp()


def test_no_more_is_opened_than_is_soon_needed(tmp_path: Path, make_photos: MakePhotos) -> None:
    make_photos(tmp_path, "0.png")
    taken = 0

    def endless() -> Iterator[Photo]:
        nonlocal taken
        while True:
            taken += 1
            yield Photo("0.png", str(tmp_path / "0.png"))

    with Opener(1) as opener:
        for ahead, most in ((0, 8 * CHUNK), (9 * CHUNK, 14 * CHUNK)):
            taken = 0
            opened = opener.open(endless(), SIZE, ahead)
            for _ in range(3 * CHUNK):
                next(opened)
            assert max(3 * CHUNK, ahead) < taken <= most


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the crash is handed down by forking")
def test_a_photo_that_crashes_the_decoder_costs_only_itself(
    tmp_path: Path, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 5 * CHUNK
    make_photos(tmp_path, *(f"{number}.png" for number in range(count)))
    crashing = {f"{number}.png" for number in (1, 3 * CHUNK, 3 * CHUNK + 2)}
    real = Photo.open

    def crash(photo: Photo, *options: int) -> object:
        if photo.name in crashing:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(photo, *options)

    monkeypatch.setattr(Photo, "open", crash)
    with Opener(2) as opener:
        opened = list(opener.open(photos(tmp_path, count), SIZE))
    assert [found.photo for found in opened] == photos(tmp_path, count)
    assert {found.photo.name for found in opened if found.error} == crashing
    assert "1.png makes the image decoder crash" in str(opened[1].error)
