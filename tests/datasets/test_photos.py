"""Photos decoded once, and features computed once."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from captioner.datasets import Record, cache_features, check_room, decode_photos, processes
from captioner.datasets.photos import new_array
from captioner.errors import DatasetError
from captioner.images import Photo, Preprocessing, normalise, to_pixels
from captioner.model import Encoder, EncoderConfig


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    rng = np.random.default_rng(0)
    for index in range(3):
        noise = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{index}.png")
    (tmp_path / "bad.png").write_text("not a photo")
    names = ["0.png", "bad.png", "1.png", "2.png"]
    return [Record(Photo.at(tmp_path / name), (f"caption of {name}",), "train") for name in names]


@pytest.mark.parametrize("few", [0, 256], ids=["by processes", "by this one"])
def test_photos_are_decoded_in_order_and_unreadable_ones_left_out(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(processes, "_FEW", few)
    photos = decode_photos(records, 24, tmp_path / "cache")
    assert [r.name for r in photos.records] == ["0.png", "1.png", "2.png"]
    assert len(photos.unreadable) == 1
    assert "bad.png" in str(photos.unreadable[0])
    for record, pixels in zip(photos.records, photos.pixels, strict=True):
        assert np.array_equal(pixels, to_pixels(record.photo.open(), 24).numpy())


def test_the_second_call_reads_what_the_first_wrote(records: list[Record], tmp_path: Path) -> None:
    first = decode_photos(records, 24, tmp_path / "cache")
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()}
    second = decode_photos(records, 24, tmp_path / "cache")
    assert files == {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()}
    assert second.records == first.records
    assert np.array_equal(second.pixels, first.pixels)


def test_a_changed_photo_is_decoded_again(records: list[Record], tmp_path: Path) -> None:
    first = decode_photos(records, 24, tmp_path / "cache")
    before = first.pixels[0].copy()
    Image.new("RGB", (20, 30), "red").save(tmp_path / "0.png")
    assert not np.array_equal(decode_photos(records, 24, tmp_path / "cache").pixels[0], before)


def test_no_readable_photo_at_all_is_an_error(records: list[Record], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"None of the 1 photos can be read: .*bad\.png"):
        decode_photos(records[1:2], 24, tmp_path / "cache")


def test_an_unwritable_cache_is_named(records: list[Record], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"file.* cannot be written"):
        decode_photos(records, 24, tmp_path / "file" / "cache")


def test_cached_features_are_the_encoders(records: list[Record], tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("resnet18")).eval()
    preprocessing = Preprocessing(size=64)
    photos = decode_photos(records, 64, tmp_path / "cache")
    cpu = torch.device("cpu")
    features = cache_features(encoder, photos, preprocessing, tmp_path / "cache", cpu)
    pixels = torch.from_numpy(np.array(photos.pixels))
    with torch.no_grad():
        expected, _ = encoder(normalise(pixels, preprocessing))
    assert features.dtype == np.float16
    found = torch.from_numpy(np.array(features)).float()
    assert (found - expected).norm() < 0.05 * expected.norm()  # computed in bfloat16


def test_features_are_refused_where_the_disk_is_too_small(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    encoder, cache = Encoder(EncoderConfig("resnet18")).eval(), tmp_path / "cache"
    photos = decode_photos(records, 64, cache)
    given = encoder, [photos, photos.subset([0])], Preprocessing(size=64), cache
    caplog.set_level("INFO")
    check_room(*given, torch.device("cpu"))
    assert f"will take 0.0 GB in {cache}" in caplog.text
    pixels = torch.from_numpy(np.array(photos.pixels[:1]))
    one = 2 * encoder(normalise(pixels, given[2]))[0].numel()  # bytes a photo
    free = SimpleNamespace(free=(len(photos.records) + 1) * one - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(DatasetError, match="cache_features to false"):
        check_room(*given, torch.device("cpu"))
    free.free += 1
    check_room(*given, torch.device("cpu"))
    cache_features(encoder, photos, given[2], cache, torch.device("cpu"))
    free.free = one  # what is there already needs no more room
    check_room(*given, torch.device("cpu"))


def test_other_weights_get_another_cache(records: list[Record], tmp_path: Path) -> None:
    preprocessing = Preprocessing(size=64)
    photos = decode_photos(records, 64, tmp_path / "cache")
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        encoder = Encoder(EncoderConfig("resnet18")).eval()
        cpu = torch.device("cpu")
        found.append(cache_features(encoder, photos, preprocessing, tmp_path / "cache", cpu))
    assert not np.array_equal(found[0], found[1])


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve room")
def test_an_array_that_is_written_in_place_has_its_room_reserved(tmp_path: Path) -> None:
    """On a disk that fills up meanwhile, writing to memory would kill the process."""
    path = tmp_path / "new.npy"
    new_array(path, np.uint8, (1000, 1000))
    assert path.stat().st_blocks * 512 >= 1_000_000
    array = np.load(path, mmap_mode="r")
    assert array.shape == (1000, 1000)
    assert not array.any()


def test_an_array_that_there_is_no_room_for_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"File too large|No space left|Invalid argument"):
        new_array(tmp_path / "new.npy", np.uint8, (2**60,))
    assert list(tmp_path.iterdir()) == []
