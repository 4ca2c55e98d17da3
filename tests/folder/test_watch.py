"""Photos that are added while a run goes on."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command import folder, names, rows
from conftest import MakePhotos

from captioner.folder.scan import Scan, Source
from captioner.folder.watch import Watch


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_photo_is_given_once_it_has_stopped_growing(tmp_path: Path) -> None:
    watch = Watch(Scan(Source(str(tmp_path))).__iter__, interval=100)

    def look() -> list[str]:
        return [photo.name for photo in watch.look()]

    for name in ("old.jpg", "new.jpg", "growing.jpg", "rewritten.jpg"):
        (tmp_path / name).write_bytes(b"x")
    age(tmp_path / "old.jpg", 1000)
    assert look() == ["old.jpg"]
    with (tmp_path / "growing.jpg").open("ab") as file:
        file.write(b"x")
    age(tmp_path / "rewritten.jpg", 50)
    (tmp_path / "late.jpg").symlink_to("nowhere.jpg")
    assert look() == ["late.jpg", "new.jpg", "old.jpg"]
    assert look() == ["growing.jpg", "late.jpg", "old.jpg", "rewritten.jpg"]
    age(tmp_path / "new.jpg", -1000)  # by the clock of another machine
    assert "new.jpg" not in look()
    assert "new.jpg" in look()


def in_turn(monkeypatch: pytest.MonkeyPatch, *events: Callable[[], object]) -> None:
    """Let each happen in place of a pause; Ctrl+C after the last."""
    waiting = iter(events)

    def pause(seconds: float) -> None:
        event = next(waiting, None)
        if event is None:
            raise KeyboardInterrupt
        event()

    monkeypatch.setattr("captioner.folder.run.time.sleep", pause)


def nothing() -> None:
    pass


def test_what_is_added_is_captioned_until_ctrl_c(
    tmp_path: Path, model: Path, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out.jsonl"
    make_photos(photos, "1.png", "2.png")
    half = (photos / "2.png").read_bytes()
    (photos / "2.png").write_bytes(half[:50])
    in_turn(
        monkeypatch,
        nothing,
        lambda: make_photos(photos, "sub/3.png"),
        lambda: (photos / "2.png").write_bytes(half),  # it had only paused
        nothing,
    )
    result = folder(photos, "-o", out, "--model", model, "--watch")
    assert result.code == 0
    assert "captioner: 3 captioned, 0 skipped, 0 failed" in result.stderr
    assert sorted(names(out)) == ["1.png", "2.png", "sub/3.png"]
    assert not [row for row in rows(out) if "error" in row]


def test_a_list_on_standard_input_cannot_be_watched(model: Path) -> None:
    result = folder("-", "-o", "-", "--model", model, "--watch")
    assert (result.code, result.stderr) == (
        2, "captioner: A list on standard input cannot be watched.\n",
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")
@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_ctrl_c_keeps_what_was_done(
    tmp_path: Path, model: Path, make_photos: MakePhotos, watch: list[str]
) -> None:
    from test_kill import started, wait_for

    photos, out = tmp_path / "photos", tmp_path / "out.jsonl"
    make_photos(photos, *(f"{number}.png" for number in range(200)))
    for path in photos.iterdir():
        age(path, 1000)
    arguments = [str(photos), "-o", str(out), "--model", str(model), "--batch", "1", *watch]
    with started(arguments) as process:
        wait_for(lambda: out.exists() and out.stat().st_size > 200, process)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)
        process.join(60)
        assert process.exitcode == 0
    found = names(out)
    assert 1 <= len(found) < 200
    assert found == [f"{number}.png" for number in range(len(found))]
