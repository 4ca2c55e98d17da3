"""What a GPU must do; without one the same in small, so that it can be started at any time."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
PARTS = (
    "same_sentences", "resumes", "folder_speed", "training_speed", "step_of_every_layer",
    "too_little_memory",
)  # fmt: skip


def measured(*options: str) -> str:
    """What the script prints; it must succeed."""
    command = [sys.executable, SCRIPT, "--small", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    return done.stdout


def test_every_part_runs_without_a_gpu() -> None:
    lines = measured("--device", "cpu")
    assert "4 of 4 the same" in lines
    assert " tensors equal" in lines
    for name in set(PARTS) - {"training_speed"}:
        assert f"| {name.replace('_', ' ')} |" in lines
    for phase in ("encoder frozen", "every layer", "self-critical"):
        assert f"| training, {phase} |" in lines
    assert "not tried: no GPU" in lines


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("part", PARTS)
def test_a_gpu_does_what_it_must(part: str) -> None:
    assert "FAILED" not in measured("--device", "cuda", part)
