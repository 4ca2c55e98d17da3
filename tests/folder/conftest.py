"""What the tests of captioning a folder share."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from captioner import pipeline
from captioner.loading import load_model
from captioner.model import CaptioningModel, save_model
from captioner.pipeline import Captioner
from captioner.text import Vocabulary

MakePhotos = Callable[..., None]


@pytest.fixture(scope="session")
def model(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    """The folder of a tiny model with random weights, called "tiny"."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, tiny_model, vocabulary, "")
    return folder


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a caption does not depend on the batch that the photo was in."""
    monkeypatch.setattr("captioner.pipeline.has_bfloat16", lambda device: False)


@pytest.fixture(scope="session")
def make_photos() -> MakePhotos:
    """Writes a small photo of noise under each name below a folder; the name decides the noise."""

    def make(folder: Path, *names: str) -> None:
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(list(name.encode()))
            coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((40, 32), Image.Resampling.NEAREST).save(path)

    return make


@pytest.fixture(autouse=True)
def _models_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captioner.loading.load_model", _load_once)


def _load_once(name: str | None, device: str | None, language: str | None = None) -> Captioner:
    """Building a model takes seconds on a busy machine, and these tests start many runs."""
    bfloat16 = pipeline.has_bfloat16(torch.device("cpu"))
    return _loaded(name, device, language, bfloat16)


@lru_cache(maxsize=4)
def _loaded(name: str | None, device: str | None, language: str | None, _: bool) -> Captioner:
    return load_model(name, device, language)
