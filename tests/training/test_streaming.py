"""Photos that are read anew in each epoch: in which order, by whom, and that they are the same."""

import io
import itertools
import os
import signal
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captioner.cli import main
from captioner.datasets import Undecoded
from captioner.datasets import photos as module
from captioner.datasets.photos import decode
from captioner.errors import DatasetError, ImageError
from captioner.images import Photo
from captioner.training import mixing, read_recipe
from captioner.training.data import Batch, TrainingData
from captioner.training.mixing import archive_by_archive
from captioner.training.streaming import stream

SIZE = 32
RECIPE = """
name = "shards"
checkpoint_minutes = 0
[data]
streaming = true
min_count = 1
sources = [{format = "webdataset", path = "shards"}]
[encoder]
name = "resnet18"
stages = [1]
weights = "random"
[decoder]
hidden_size = 16
heads = 2
[preprocessing]
size = 32
[[phases]]
name = "decoder"
epochs = 1
learning_rate = 1e-3
batch_size = 4
[[phases]]
name = "all"
epochs = 1
learning_rate = 1e-3
encoder_learning_rate = 1e-3
batch_size = 4
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three shards of five photos to train on, and one to evaluate on, each of its own noise."""
    rng = np.random.default_rng(0)
    (tmp_path / "shards").mkdir()
    for name in ("train-0", "train-1", "train-2", "val-0"):
        with tarfile.open(tmp_path / "shards" / f"{name}.tar", "w") as archive:
            for number in range(5):
                file = io.BytesIO()
                Image.fromarray(rng.integers(0, 256, (40, 30, 3), np.uint8)).save(file, "png")
                text = f"a photo of {number} dogs".encode()
                for ending, content in (("png", file.getvalue()), ("txt", text)):
                    member = tarfile.TarInfo(f"{9 - number}.{ending}")  # not as they are sorted
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    (tmp_path / "x.toml").write_text(RECIPE)
    return tmp_path


def data(home: Path) -> TrainingData:
    return TrainingData(read_recipe(home / "x.toml", [f"data.root={home}"]), home / "cache")


def batches(data: TrainingData, processes: int = 1, seed: int = 0) -> list[Batch]:
    generator = torch.Generator().manual_seed(seed)
    return list(data.batches(4, 1, generator, 0, processes))


def test_streamed_photos_are_those_of_their_rows_and_none_is_kept(home: Path) -> None:
    found = data(home)
    assert isinstance(found.train, Undecoded)
    assert len(list((home / "cache").glob("*.npy"))) == 1  # those to evaluate on
    drawn = batches(found)
    assert len(drawn) == 3
    for before, after in zip(drawn, stream(found.train, drawn, 2), strict=True):
        assert torch.equal(before.rows, after.rows)
        expected = [decode(found.train.records[row].photo, SIZE) for row in before.rows.tolist()]
        assert after.inputs is not None
        assert np.array_equal(after.inputs.numpy(), np.stack(expected))


def test_archives_are_read_from_beginning_to_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixing, "NEIGHBOURS", 8)
    opened: list[tuple[str, int]] = []

    def watched(photo: Photo, size: int) -> np.ndarray | ImageError:
        assert photo.member
        opened.append((photo.path, photo.member.offset))
        return decode(photo, size)

    found = data(home)
    assert found.streamed
    monkeypatch.setattr(module, "decode", watched)
    list(stream(found.streamed, batches(found), 0))
    assert len(opened) == len(set(opened)) == 12
    for run in (opened[:8], opened[8:]):  # neighbours, of at most two archives
        for _, group in itertools.groupby(run, key=lambda one: one[0]):
            offsets = [offset for _, offset in group]
            assert offsets == sorted(offsets)
        assert len({path for path, _ in run}) <= 3


def test_an_epoch_that_goes_on_reads_the_photos_that_would_have_come(home: Path) -> None:
    found = data(home)
    assert found.streamed
    whole = list(stream(found.streamed, batches(found), 1))
    rest = list(stream(found.streamed, batches(found)[1:], 1))
    for one, other in zip(whole[1:], rest, strict=True):
        assert one.inputs is not None
        assert other.inputs is not None
        assert torch.equal(one.inputs, other.inputs)


def test_another_photo_takes_the_place_of_one_that_cannot_be_read(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = data(home)
    assert found.streamed
    photo = found.streamed.records[0].photo
    assert photo.member
    with open(photo.path, "rb+") as file:
        file.seek(photo.member.offset)
        file.write(b"x" * photo.member.size)
    drawn = next(b for b in batches(found) if 0 in b.rows)
    (read,) = stream(found.streamed, [drawn], 1)
    assert len(read) == 4
    assert 0 not in read.rows
    assert set(read.rows.tolist()) < set(drawn.rows.tolist())
    assert read.inputs is not None
    for row, pixels in zip(read.rows.tolist(), read.inputs, strict=True):
        expected = decode(found.streamed.records[row].photo, SIZE)
        assert np.array_equal(pixels.numpy(), expected)
    assert "9.png" in caplog.text
    alone = drawn.part(drawn.rows == 0)
    with pytest.raises(DatasetError, match="None of the 1 photos of a batch can be read"):
        list(stream(found.streamed, [alone], 1))


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 4), st.integers(1, 5),
    st.integers(0, 10),
)  # fmt: skip
def test_each_process_goes_through_a_stretch_of_its_own(
    lengths: list[int], processes: int, each: int, seed: int
) -> None:
    archives = torch.cat([torch.full((n,), own) for own, n in enumerate(lengths)])
    places = torch.cat([torch.arange(n) for n in lengths])
    steps = len(archives) // (processes * each)
    order = archive_by_archive(
        archives, places, [each] * processes, steps, torch.Generator().manual_seed(seed)
    )
    assert order.shape == (steps, processes * each)
    assert len(order.unique()) == order.numel()
    parts = [order[:, n * each : (n + 1) * each] for n in range(processes)]
    shared = [
        set(archives[one.flatten()].tolist()) & set(archives[other.flatten()].tolist())
        for one, other in itertools.combinations(parts, 2)
    ]
    # No more than those that a stretch ends in.
    assert len(set().union(*shared)) <= processes - 1


def test_a_training_streams_its_photos(home: Path) -> None:
    arguments = ["train", str(home / "x.toml"), "--set", f"data.root={home}", "--device", "cpu"]
    assert main([*arguments, "--out", str(home / "run")]) == 0
    assert len((home / "run" / "metrics.jsonl").read_text().splitlines()) == 2
    assert not list((home / "cache").glob("features-*"))


def test_a_training_whose_photos_can_no_longer_be_opened_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = os.getpid()

    def ended(photo: Photo, size: int) -> np.ndarray | ImageError:
        if os.getpid() != ours and "train-1" in photo.path:
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(photo, size)

    monkeypatch.setattr(module, "decode", ended)
    arguments = ["train", str(home / "x.toml"), "--set", f"data.root={home}", "--device", "cpu"]
    assert main([*arguments, "--out", str(home / "run")]) == 2
    assert "A process that opened photos was ended from outside" in capsys.readouterr().err


def test_features_of_streamed_photos_are_not_kept(home: Path) -> None:
    arguments = ["--set", f"data.root={home}", "--set", "phases.0.cache_features=true"]
    assert main(["train", str(home / "x.toml"), *arguments, "--out", str(home / "run")]) == 2
