"""Whole training runs on the toy dataset, as commands of their own, some of them killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from captioner.model import read_folder

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "test"
[data]
min_count = 1
sources = [{format = "flickr8k", path = "toy"}]
[encoder]
name = "resnet18"
stages = [1]
weights = "random"
[preprocessing]
size = 32
[decoder]
hidden = 32
heads = 2
dropout = 0.1
[[phases]]
name = "decoder"
epochs = 2
rate = 3e-3
batch = 8
average = 0.5
[[phases]]
name = "all layers"
epochs = 2
rate = 3e-3
encoder_rate = 1e-3
batch = 8
average = 0.5
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    command = [sys.executable, ROOT / "data" / "toy.py", folder / "toy", "--photos", "40"]
    subprocess.run([*command, "--size", "32"], check=True)
    (folder / "test.toml").write_text(RECIPE)
    return folder


def command(home: Path, out: str, *changes: str) -> list[str]:
    sets = [word for change in (f"data.root={home}", *changes) for word in ("--set", change)]
    return [
        sys.executable, "-m", "captioner", "train", str(home / "test.toml"),
        "--out", str(home / out), "--device", "cpu", *sets,
    ]  # fmt: skip


def run(home: Path, out: str, *changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(home, out, *changes), check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def finished(home: Path) -> Path:
    result = run(home, "whole")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(home / "whole" / "model")
    return home / "whole"


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_ends_with_a_model_folder_and_a_line_an_epoch(finished: Path) -> None:
    model, vocabulary = read_folder(finished / "model")
    assert "triangle" in vocabulary.words
    assert model.config.preprocessing.size == 32
    assert [(row["phase"], row["epoch"]) for row in rows(finished)] == [
        ("decoder", 1), ("decoder", 2), ("all layers", 1), ("all layers", 2),
    ]  # fmt: skip
    losses = [float(str(row["loss"])) for row in rows(finished)]
    assert losses[-1] < losses[0]
    assert "| CIDEr |" in (finished / "model" / "README.md").read_text()


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(home: Path, finished: Path) -> None:
    for enough in (1, 3):  # once in each phase
        process = subprocess.Popen(command(home, "killed"), stderr=subprocess.DEVNULL)
        metrics = home / "killed" / "metrics.jsonl"
        while process.poll() is None:
            if metrics.exists() and len(metrics.read_text().splitlines()) >= enough:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    result = run(home, "killed")
    assert result.returncode == 0, result.stderr
    whole = load_file(finished / "best.safetensors")
    resumed = load_file(home / "killed" / "best.safetensors")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert [r["loss"] for r in rows(home / "killed")] == [r["loss"] for r in rows(finished)]


def test_ctrl_c_stops_without_a_traceback(home: Path) -> None:
    process = subprocess.Popen(
        command(home, "stopped", "phases.0.epochs=1000"),
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests themselves run in the background, Ctrl-C is ignored by inheritance.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    metrics = home / "stopped" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "captioner: stopped." in said
    assert "Traceback" not in said


def test_another_recipe_in_the_same_folder_is_refused(home: Path, finished: Path) -> None:
    result = run(home, "whole", "seed=2")
    assert result.returncode == 2
    assert "holds a run of another recipe" in result.stderr


def test_a_loss_that_is_no_number_stops_in_one_sentence(home: Path) -> None:
    result = run(home, "nan", "phases.0.rate=1e30", "phases.0.clip=1e30", "phases.0.warmup=0")
    assert result.returncode == 2
    assert "loss is no longer a number" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unwritable_output_folder_is_named(home: Path) -> None:
    (home / "file").write_text("in the way")
    result = run(home, "file/run")
    assert result.returncode == 2
    assert result.stderr.strip().endswith("cannot be written (Not a directory).")
