"""What a person looks at: contact sheets pixel by pixel, curves, and TensorBoard's own reader."""

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captioner.datasets import Photos, Record
from captioner.images import Photo
from captioner.training import pictures
from captioner.training.pictures import (
    COUNT,
    Board,
    same_photos,
    save_contact_sheet,
    save_curves,
)

COLOURS = ["red", "green", "blue", "yellow", "purple"]


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    tiles = [np.asarray(Image.new("RGB", (8, 8), c)).transpose(2, 0, 1) for c in COLOURS]
    records = tuple(Record(Photo.at(tmp_path / f"{c}.png"), (c,), "val") for c in COLOURS)
    return Photos(records, np.stack(tiles), (), "key")


@given(st.sets(st.text(max_size=5), max_size=40), st.randoms())
def test_the_same_photos_are_shown_whatever_their_order(names: set[str], rng) -> None:  # type: ignore[no-untyped-def]
    one = sorted(names)
    other = one.copy()
    rng.shuffle(other)
    rows = same_photos(one)
    assert rows == sorted(rows)
    assert {one[row] for row in rows} == {other[row] for row in same_photos(other)}
    assert len(rows) == min(COUNT, len(names))


def test_a_photo_that_comes_to_the_dataset_takes_one_place_at_most() -> None:
    names = [f"{number}.jpg" for number in range(100)]
    before = {names[row] for row in same_photos(names)}
    after = {[*names, "new.jpg"][row] for row in same_photos([*names, "new.jpg"])}
    assert len(before - after) <= 1


def test_a_sheet_shows_each_photo_above_its_own_caption(photos: Photos, tmp_path: Path) -> None:
    captions = ["", "a dog", "", "a red ball on the grass beside a very long bench", ""]
    save_contact_sheet(tmp_path, "007-all layers/x-2", photos, captions, [4, 1, 3, 0, 2])
    sheet = Image.open(tmp_path / "007-all-layers-x-2.png")
    side, gap = 240, 8
    step = (side + gap, 0)
    for index, row in enumerate([4, 1, 3, 0, 2]):
        left = gap + index % 4 * step[0]
        top = gap + index // 4 * (sheet.height - gap) // 2
        centre = sheet.getpixel((left + side // 2, top + side // 2))
        assert centre == Image.new("RGB", (1, 1), COLOURS[row]).getpixel((0, 0))
        below = sheet.crop((left, top + side, left + side, top + side + 80)).convert("L")
        assert (below.getextrema()[0] < 128) == bool(captions[row])


def test_chinese_captions_are_drawn_or_written_beside(photos: Photos, tmp_path: Path) -> None:
    captions = ["一只狗", "两个人在跑步", "球", "草地", "红色的球"]
    save_contact_sheet(tmp_path, "here", photos, captions, [1, 2])
    if not (tmp_path / "here.txt").exists():  # then it has strokes, and not one box for each word
        sheet = Image.open(tmp_path / "here.png").convert("L")
        words = [sheet.crop((8 + 16 * i, 248, 24 + 16 * i, 272)).tobytes() for i in range(6)]
        assert len(set(words)) > 3


def test_captions_that_no_font_can_draw_lie_beside_in_a_text_file(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_CHINESE_FONTS", ("no such font.ttf",))
    captions = ["一只狗", "两个人在跑步", "球", "草地", "红色的球"]
    save_contact_sheet(tmp_path, "none", photos, captions, [1, 2])
    assert (tmp_path / "none.txt").read_text(encoding="utf-8") == "1 两个人在跑步\n2 球\n"
    assert (tmp_path / "none.png").exists()
    save_contact_sheet(tmp_path, "latin", photos, ["a dog"] * 5, [1, 2])
    assert not (tmp_path / "latin.txt").exists()


def test_a_sheet_that_cannot_be_written_is_only_a_warning(
    photos: Photos, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    save_contact_sheet(tmp_path / "file", "x", photos, COLOURS, [0])
    assert "cannot be written" in caplog.text


ROWS = [
    {"phase": "decoder", "epoch": 1, "loss": 4.0, "cider": 10.0, "bleu_4": 1.0, "rouge_l": 20.0},
    {"phase": "decoder", "epoch": 2, "loss": 3.0, "cider": 20.0, "bleu_4": 2.0, "rouge_l": 30.0},
    {"phase": "reward", "epoch": 1, "reward": 50.0, "cider": 30.0, "bleu_4": 3.0, "rouge_l": 40.0},
]


def test_curves_hold_every_number_and_mark_the_phases(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    above, below, right = pictures._curves(ROWS).axes
    curves = {
        name: [(int(x), float(y)) for x, y in line.get_xydata()]
        for axes, lines in ((above, ["loss"]), (right, ["reward"]), (below, ["cider", "bleu_4"]))
        for name, line in zip(lines, axes.get_lines(), strict=False)
    }
    assert curves == {
        "loss": [(1, 4.0), (2, 3.0)],
        "reward": [(3, 50.0)],
        "cider": [(1, 10.0), (2, 20.0), (3, 30.0)],
        "bleu_4": [(1, 1.0), (2, 2.0), (3, 3.0)],
    }
    assert {t.get_text(): t.get_position()[0] for t in above.texts} == {
        "decoder": 0.6,
        "reward": 2.6,
    }
    save_curves(ROWS, tmp_path / "curves.png")
    assert Image.open(tmp_path / "curves.png").width > 300


def test_curves_of_a_run_without_its_metrics_have_no_legend(
    recwarn: pytest.WarningsRecorder,
) -> None:
    pytest.importorskip("matplotlib")
    below = pictures._curves([]).axes[1]
    assert below.get_legend() is None
    assert not recwarn.list


def test_without_matplotlib_the_log_says_that_there_are_no_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with caplog.at_level(logging.INFO):
        save_curves(ROWS, tmp_path / "curves.png")
    assert "No curves.png, since matplotlib is not installed." in caplog.text
    assert not (tmp_path / "curves.png").exists()


def test_tensorboard_reads_what_was_kept_and_not_what_was_dropped(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    killed = Board(tmp_path, 0)
    for step in range(4):
        killed.add("train", {"loss": 4.0 - step}, step)
    killed.close()
    resumed = Board(tmp_path, 2)
    resumed.add("train", {"loss": 9.0}, 2)
    resumed.close()
    read = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in read.Scalars("train/loss")] == [(0, 4.0), (1, 3.0), (2, 9.0)]


def test_without_tensorboard_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    board = Board(tmp_path / "board", 0)
    board.add("train", {"loss": 1.0}, 0)
    board.close()
    assert not (tmp_path / "board").exists()


def test_a_disk_that_tensorboard_cannot_write_to_is_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "file").write_text("in the way")
    board = Board(tmp_path / "file", 0)
    board.add("train", {"loss": 1.0}, 0)
    board.close()
    assert caplog.text.count("file cannot be written (File exists).") == 1
