"""Captions in a Python program: how they print, and what may be given for a photo."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from captioner import Captioner
from captioner.errors import ImageError
from captioner.model import CaptioningModel
from captioner.text import Vocabulary


@pytest.fixture
def model(tiny_model: CaptioningModel, vocabulary: Vocabulary) -> Captioner:
    import copy

    return Captioner(copy.deepcopy(tiny_model), vocabulary, "tiny", "cpu")


def test_a_caption_prints_as_its_text_and_never_as_tensors(model: Captioner) -> None:
    photo = Image.new("RGB", (40, 30), "red")
    caption = model.caption(photo, top=2, attention=True, trace=True)
    assert str(caption) == f"{caption}" == caption.text
    assert caption.attention is not None
    told = repr(caption)
    assert told.startswith(f"Caption({caption.text!r}, log_prob=-")
    assert f"attention={list(caption.attention.shape)}" in told
    assert f"trace=Trace({len(caption.tokens)} words, 1 layers, 32 units)" in told
    assert f"alternatives=[{caption.alternatives[0].text!r}]" in told
    assert "tensor" not in told
    assert "\n" not in told
    assert repr([caption]) == f"[{told}]"


def test_photos_are_tensors_and_lists_too(model: Captioner, tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (2, 30, 40, 3), dtype=np.uint8)
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2)
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    for path, pixels in zip(paths, array, strict=True):
        Image.fromarray(pixels).save(path)
    expected = [caption.text for caption in model.caption_batch(list(array))]
    for photos in (paths, tuple(paths), list(tensor), list(array)):
        assert [str(caption) for caption in model.caption(photos)] == expected
    assert [str(caption) for caption in model.caption_batch(tensor)] == expected
    assert str(model.caption(tensor[0])) == expected[0]
    assert model.caption([]) == []
    with pytest.raises(ImageError, match="a path, bytes or array was expected, not int"):
        model.caption([1, 2])  # type: ignore[list-item]
