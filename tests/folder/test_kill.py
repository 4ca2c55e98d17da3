"""A run that is killed at any moment, for real, and started again."""

import csv
import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from command import folder, names
from conftest import MakePhotos

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")

ROUNDS = int(os.environ.get("CAPTIONER_KILL_ROUNDS", "3"))
PHOTOS = [f"{number // 10}/{number}.png" for number in range(60)]
SERVER = multiprocessing.get_context("forkserver") if hasattr(os, "fork") else None


def caption(arguments: list[str]) -> None:
    """Runs in a process of its own, which saves after every photo."""
    import torch

    from captioner.folder import run

    torch.set_num_threads(1)
    run.SAVE_SECONDS = 0.0
    folder(*arguments)


@contextmanager
def started(arguments: list[str]) -> Iterator[BaseProcess]:
    assert SERVER is not None
    SERVER.set_forkserver_preload(["captioner.folder", "command"])
    process = SERVER.Process(target=caption, args=(arguments,))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def wait_for(happened: Callable[[], bool], process: BaseProcess) -> None:
    deadline = time.monotonic() + 120
    while process.is_alive() and not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)  # a look takes time from the run that is looked at


@pytest.fixture
def photos(tmp_path: Path, make_photos: MakePhotos) -> Path:
    make_photos(tmp_path / "photos", *PHOTOS)
    return tmp_path / "photos"


def in_jsonl(out: Path) -> list[str]:
    return names(out)


def in_csv(out: Path) -> list[str]:
    with out.open(encoding="utf-8", newline="") as file:
        return [row["image"] for row in csv.DictReader(file)]


def in_coco(out: Path) -> list[str]:
    return [row["image_id"] for row in json.loads(out.read_bytes())]


@pytest.mark.parametrize(
    ("suffix", "images"), [(".jsonl", in_jsonl), (".csv", in_csv), (".json", in_coco)]
)
def test_a_killed_run_goes_on_and_each_photo_has_one_whole_row(
    photos: Path, tmp_path: Path, model: Path, suffix: str, images: Callable[[Path], list[str]]
) -> None:
    out = tmp_path / f"out{suffix}"
    arguments = [str(photos), "-o", str(out), "--model", str(model), "--batch", "2"]
    dice = random.Random(suffix)
    size = 0
    for _ in range(ROUNDS):
        target = size + dice.randrange(1 + 6000 // ROUNDS)
        with started(arguments) as process:
            wait_for(lambda: out.exists() and out.stat().st_size > target, process)  # noqa: B023
            time.sleep(dice.uniform(0, 0.02))
        size = out.stat().st_size if out.exists() else 0
    result = folder(*arguments)
    assert result.code == 0
    assert sorted(images(out)) == sorted(PHOTOS)
    left = {path.name for path in tmp_path.iterdir()} - {"photos"}
    assert left == {out.name, f"{out.name}.journal"}


def test_texts_that_are_added_to_are_added_to_once(photos: Path, model: Path) -> None:
    for name in PHOTOS:
        (photos / name).with_suffix(".txt").write_text("mine\n")
    arguments = [str(photos), "--sidecar", "--existing", "append", "--model", str(model)]
    arguments += ["--batch", "2"]
    dice = random.Random(0)
    for number in range(ROUNDS):
        target = (number + 1) * 60 // (ROUNDS + 2)

        def appended() -> int:
            return sum(len(text.read_bytes()) > 5 for text in photos.rglob("*.txt"))

        with started(arguments) as process:
            wait_for(lambda: appended() > target, process)  # noqa: B023
            time.sleep(dice.uniform(0, 0.02))
    assert folder(*arguments).code == 0
    texts = [(photos / name).with_suffix(".txt").read_text() for name in PHOTOS]
    assert {len(text.splitlines()) for text in texts} == {2}
    assert not list(photos.rglob(".*"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_no_process_outlives_a_killed_run(photos: Path, tmp_path: Path, model: Path) -> None:
    def children(parent: int | None) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(entry.parent.name))
        return found

    out = tmp_path / "out.jsonl"
    arguments = [str(photos), "-o", str(out), "--model", str(model), "--batch", "2"]
    with started([*arguments, "--workers", "3"]) as process:
        wait_for(lambda: out.exists() and out.stat().st_size > 100, process)
        workers = children(process.pid)
    assert len(workers) == 3
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
