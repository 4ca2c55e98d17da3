"""What is computed between epochs, beside the scores that have tests of their own."""

import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from captioner import pipeline
from captioner.datasets import Photos, Record
from captioner.images import Photo
from captioner.metrics.sense import sense
from captioner.model import CaptioningModel
from captioner.text import Vocabulary
from captioner.training.distributed import Workers
from captioner.training.evaluation import evaluate

CAPTIONS = (
    ("A dog runs on grass.", "A zebra!"),  # of which one word is unknown
    ("a red ball", "...", "a ball on grass", "a dog"),  # of which one has no words
    ("a dog",),
)


@pytest.fixture
def photos() -> Photos:
    records = (Record(Photo.at(f"{n}.jpg"), own, "val") for n, own in enumerate(CAPTIONS))
    return Photos(tuple(records), np.zeros((3, 3, 64, 64), np.uint8), (), "")


@pytest.mark.parametrize("batch", [2, 50])
def test_perplexity_is_e_to_the_mean_surprise_of_a_word(
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    photos: Photos,
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "has_bfloat16", lambda device: False)
    features = torch.randn(3, 4, tiny_model.encoder.width).half()
    found = run(tiny_model, vocabulary, photos, features.numpy(), batch)
    surprises = []
    for own, group in zip(features, CAPTIONS, strict=True):
        for caption in group:
            words = caption.lower().strip(".!").split()
            known = vocabulary.encode(words)
            if words:
                with torch.no_grad():
                    logits = tiny_model.decoder(own[None].float(), torch.tensor([known]))[0]
                chosen = logits.log_softmax(1)[range(len(known) - 1), known[1:]]
                surprises += (-chosen).tolist()
    assert len(surprises) == 6 + 3 + 4 + 5 + 3 + 3  # words and ends
    assert found.perplexity == pytest.approx(math.exp(np.mean(surprises)), rel=1e-5)
    assert found.row()["perplexity"] == found.perplexity


def test_captions_without_a_word_have_no_surprise(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, photos: Photos
) -> None:
    silent = tuple(Record(record.photo, ("...",), "val") for record in photos.records)
    features = np.zeros((3, 4, tiny_model.encoder.width), np.float16)
    empty = Photos(silent, photos.pixels, (), "")
    assert run(tiny_model, vocabulary, empty, features, 50).perplexity == 1


def test_the_log_has_what_tells_poor_captions(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, photos: Photos
) -> None:
    features = torch.randn(3, 4, tiny_model.encoder.width).half()
    found = run(tiny_model, vocabulary, photos, features.numpy(), 50)
    row = found.row()
    assert row["different_words"] == len({w for text in found.captions for w in text.split()})
    assert 0 <= row["stutters"] <= 100
    stuttering = replace(found, sense=sense(["a red red ball", "a dog"], "en"))
    assert (stuttering.row()["different_words"], stuttering.row()["stutters"]) == (4, 50)
    assert {"wrong", "told"}.isdisjoint(row)


def test_the_log_needs_no_nltk() -> None:
    code = "import sys; from captioner.metrics.sense import sense; sense(['a dog'], 'en'); "
    code += "import captioner.training; assert not {'nltk', 'jieba'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def run(*arguments: Any) -> Any:
    *given, batch = arguments
    return evaluate(*given, workers=Workers(torch.device("cpu")), batch=batch)
