"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

# Tests run side by side share the cores: before torch is imported, which asks for all of them.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))

import pytest
import torch
from hypothesis import settings

from captioner.images import Preprocessing
from captioner.model import CaptioningModel, DecoderConfig, EncoderConfig, ModelConfig
from captioner.text import Vocabulary

ROOT = Path(__file__).parent.parent

settings.register_profile("captioner", deadline=None)  # a busy machine takes its time
settings.load_profile("captioner")

os.environ["CAPTIONER_LANG"] = "en"  # what tests expect, on a Chinese computer too


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project; a test that needs it is skipped without it."""
    folder = Path(os.environ.get("CAPTIONER_SHARED", ROOT.parent / "shared"))
    if not (folder / "flickr8k").is_dir():
        pytest.skip("no real data: set CAPTIONER_SHARED to the folder that holds flickr8k/")
    return folder


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary.build([["a", "dog", "runs", "near", "grass"], ["a", "red", "ball"]])


@pytest.fixture(scope="session")
def tiny_model(vocabulary: Vocabulary) -> CaptioningModel:
    """A whole model with random weights, small enough for any test."""
    torch.manual_seed(0)
    config = ModelConfig(
        EncoderConfig("mobilenet_v3_small"),
        DecoderConfig(hidden_size=32, heads=4),
        Preprocessing(size=64),
        vocabulary_size=len(vocabulary),
    )
    return CaptioningModel(config).eval()
