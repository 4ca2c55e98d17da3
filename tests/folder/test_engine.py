"""From photos to rows, with a model that only counts."""

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import MakePhotos

from captioner.errors import FolderError
from captioner.folder.devices import Pixels
from captioner.folder.engine import LocalEngine
from captioner.folder.journal import Journal
from captioner.folder.opening import Opener
from captioner.folder.outputs import Done
from captioner.images import Photo, Preprocessing
from captioner.model import CaptioningModel, ModelConfig
from captioner.pipeline import Caption


class Brightness:
    """Captions a photo by the sum of its pixels, when asked for the result."""

    name = "brightness"
    languages = ("en", "zh")

    def __init__(self, config: ModelConfig, at_once: int) -> None:
        self.preprocessing, self.at_once = config.preprocessing, at_once
        self.batches: list[int] = []

    def caption(self, pixels: Pixels) -> Future[list[tuple[Caption, ...]]]:
        self.batches.append(len(pixels))
        future: Future[list[tuple[Caption, ...]]] = Future()
        future.set_result([tuple(self.describe(photo)) for photo in pixels])
        return future

    def describe(self, photo: Pixels) -> Iterator[Caption]:
        for language in self.languages:
            yield Caption(str(int(photo.sum())), (), 0.0, 0.0, language=language)

    def close(self) -> None:
        pass


@pytest.fixture
def config(tiny_model: CaptioningModel) -> ModelConfig:
    return replace(tiny_model.config, preprocessing=Preprocessing(size=8))


def run(devices: Brightness, folder: Path, names: list[str], journal: Journal) -> list[Done]:
    """Caption photos and write each row down at once, as a run does."""
    done = []
    with Opener(1) as opener:
        engine = LocalEngine(opener, devices, batch=4, trigger="sum")
        photos = [Photo(name, str(folder / name)) for name in names]
        for found in engine.caption(photos, journal.with_digest):
            journal.put(found.rows, found.stamp, found.digest)
            done.append(found)
    return done


@pytest.mark.parametrize("at_once", [1, 3])
def test_every_photo_gets_its_own_caption_and_copies_are_captioned_once(
    tmp_path: Path, make_photos: MakePhotos, config: ModelConfig, at_once: int
) -> None:
    names = [f"{number}.png" for number in range(30)]
    make_photos(tmp_path, *names)
    for number in (1, 2, 17, 29):  # one in the same batch, one in the same chunk, others later
        (tmp_path / f"{number}.png").write_bytes((tmp_path / "0.png").read_bytes())
    (tmp_path / "8.png").write_text("no photo")
    devices = Brightness(config, at_once)
    done = run(devices, tmp_path, names, Journal(None))
    assert sorted(found.rows[0].image for found in done) == sorted(names)
    assert sum(devices.batches) == 25
    assert set(devices.batches[:-1]) == {4}
    by_name = {found.rows[0].image: found.rows[0] for found in done}
    assert "8.png is not a photo" in str(by_name.pop("8.png").error)
    assert {row.model for row in by_name.values()} == {"brightness"}
    good = [found.rows for found in done if not found.error]
    assert {tuple(row.language for row in rows) for rows in good} == {("en", "zh")}
    with Opener(1) as opener:
        for opened in opener.open([found.photo for found in done], config.preprocessing):
            if opened.pixels is not None:
                expected = f"sum {int(np.sum(opened.pixels, dtype=np.int64))}"
                assert by_name[opened.photo.name].caption == expected


def test_copies_are_known_across_runs(
    tmp_path: Path, make_photos: MakePhotos, config: ModelConfig
) -> None:
    make_photos(tmp_path, "0.png", "1.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "1.png").read_bytes())
    journal = Journal(None)
    devices = Brightness(config, 1)
    run(devices, tmp_path, ["0.png", "1.png"], journal)
    (done,) = run(devices, tmp_path, ["copy.png"], journal)
    assert devices.batches == [2]
    assert [row.image for row in done.rows] == ["copy.png"] * 2
    assert [row.caption for row in done.rows] == [row.caption for row in journal.rows_of("1.png")]


def test_a_model_that_was_ended_from_outside_is_one_sentence(
    tmp_path: Path, make_photos: MakePhotos, config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Brightness, pixels: Pixels) -> Future[list[tuple[Caption, ...]]]:
        future: Future[list[tuple[Caption, ...]]] = Future()
        future.set_exception(BrokenProcessPool())
        return future

    make_photos(tmp_path, "0.png")
    monkeypatch.setattr(Brightness, "caption", broken)
    with pytest.raises(FolderError, match="A process that captions was ended from outside"):
        run(Brightness(config, 1), tmp_path, ["0.png"], Journal(None))
