"""The toy dataset and the small network that training is tried on."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOY = Path(__file__).parents[2] / "data" / "toy.py"

NETWORK = """
[encoder]
name = "resnet18"
stages = [1]
weights = "random"
[preprocessing]
size = 32
"""


@pytest.fixture(scope="module")
def make_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """Makes a folder with so many toy photos and `test.toml`: a recipe but for its network."""

    def make(recipe: str, photos: int) -> Path:
        folder = tmp_path_factory.mktemp("home")
        command = [sys.executable, TOY, folder / "toy", "--photos", str(photos), "--size", "32"]
        subprocess.run(command, check=True)
        (folder / "test.toml").write_text(recipe + NETWORK, encoding="utf-8")
        return folder

    return make
