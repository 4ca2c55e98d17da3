"""A service with a tiny model, for tests of the page where the sentences do not matter."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner import Captioner, pipeline
from captioner.model import CaptioningModel
from captioner.text import Vocabulary
from captioner.ui.batching import Batcher
from captioner.ui.models import Models
from captioner.ui.service import Service
from captioner.ui.uploads import Uploads


@pytest.fixture
def tiny(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> Captioner:
    """In float32, where batches can be compared closely."""
    monkeypatch.setattr(pipeline, "has_bfloat16", lambda device: False)
    return Captioner(copy.deepcopy(tiny_model), vocabulary, "tiny", "cpu")


@pytest.fixture(scope="session")
def batcher() -> Batcher:
    return Batcher()


@pytest.fixture
def service(tiny: Captioner, batcher: Batcher, tmp_path: Path) -> Service:
    return Service(Models(tiny, {}), Uploads(tmp_path), most_bytes=10**6, batcher=batcher)


@pytest.fixture
def draw(tmp_path: Path) -> Callable[[str], Path]:
    """Saves a photo of that name, a different one for each name."""

    def save(name: str) -> Path:
        rng = np.random.default_rng(list(name.encode()))
        path = tmp_path / name
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
        return path

    return save
