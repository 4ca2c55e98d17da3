"""Both directions of a bidirectional decoder, trained by one loss."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from captioner.decoding import Hypothesis
from captioner.images import Preprocessing
from captioner.model import (
    Bidirectional,
    CaptioningModel,
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    read_model,
)
from captioner.text import END, PAD, START
from captioner.training import read_recipe, train
from captioner.training import step as module
from captioner.training.data import Batch
from captioner.training.objectives import SelfCritical
from captioner.training.recipe import Phase
from captioner.training.step import Learner

CAPTIONS = [[4, 5, 6, 7], [8, 9], [10, 4, 4], [5]]  # two of each photo
COLOURS = ("red", "green", "blue", "yellow")
REFERENCES = [[(4, 5, 6, 7, END), (8, 9, END)], [(10, 4, 4, END), (5, END)]]
TURNED = [[(*words[-2::-1], END) for words in group] for group in REFERENCES]


def learner(**settings: object) -> Learner:
    torch.manual_seed(0)
    config = ModelConfig(
        EncoderConfig("resnet18", (1,)),
        DecoderConfig(hidden_size=16, heads=2, dropout=0.0, kind="bidirectional"),
        Preprocessing(size=32),
        vocabulary_size=12,
    )
    data = SimpleNamespace(
        train=SimpleNamespace(pixels=None),
        references=lambda *, backward: TURNED if backward else REFERENCES,
        function_words=frozenset,
        base_forms=dict,
        max_words=6,
    )
    model = CaptioningModel(config)
    features = np.random.default_rng(0).normal(size=(2, 9, model.encoder.width)).astype(np.float16)
    chosen = {
        "name": "p",
        "epochs": 1,
        "learning_rate": 1e-3,
        "label_smoothing": 0.0,
        "captions_per_photo": 2,
    }
    phase = Phase(**{**chosen, **settings})  # type: ignore[arg-type]
    return Learner(phase, model, data, [features])  # type: ignore[arg-type]


def test_the_loss_is_that_of_both_directions_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_bfloat16", lambda device: False)
    one = learner()
    rows = [[START, *words, END] + [PAD] * (4 - len(words)) for words in CAPTIONS]
    draws = torch.zeros(2, 8)
    batch = Batch(torch.arange(2), torch.tensor(rows), torch.zeros(2, dtype=torch.bool), draws)
    sums = one(batch, 0.0)
    decoder = one.model.decoder
    assert isinstance(decoder, Bidirectional)
    features = torch.from_numpy(one._features[0]).float()  # type: ignore[arg-type]
    expected = torch.zeros(())
    for own, step in ((decoder.ahead, 1), (decoder.back, -1)):
        for number, words in enumerate(CAPTIONS):
            read = [START, *words[::step], END]
            photo = features[number // 2 : number // 2 + 1]
            log_probs = own(photo, torch.tensor([read]))[0].log_softmax(1)
            expected = expected - log_probs[range(len(read) - 1), read[1:]].sum()
    torch.testing.assert_close(sums.loss, expected)
    assert sums.shown == pytest.approx(expected.item(), rel=1e-5)
    assert sums.words == sums.counted == 2 * (5 + 3 + 4 + 2)
    sums.loss.backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None, name


def test_a_backward_sample_is_scored_against_references_turned_round() -> None:
    ahead, back = learner(objective="self_critical")._objectives
    assert isinstance(ahead, SelfCritical)
    assert isinstance(back, SelfCritical)
    expected = SelfCritical(TURNED, 2, "mean", max_length=6)
    # Of the first photo a whole caption and one that was cut off, where its sentence begins.
    drawn = [(7, 6, 5, 4), (9, 8, 7, 6, 5, 4), (4, 4, 10), (5, 5)]
    samples = [Hypothesis(words, 0.0, 0.0) for words in drawn]
    straight = SelfCritical(REFERENCES, 2, "mean", max_length=6)
    torch.testing.assert_close(
        ahead._score(samples, torch.arange(2)), straight._score(samples, torch.arange(2))
    )
    rewards = back._score(samples, torch.arange(2))
    torch.testing.assert_close(rewards, expected._score(samples, torch.arange(2)))
    assert rewards[0, 0] > rewards[0, 1] > 0
    assert rewards[1, 0] > rewards[1, 1]


RECIPE = """
name = "test"
[data]
min_count = 1
sources = [{format = "flickr8k", path = "toy"}]
[decoder]
kind = "bidirectional"
hidden_size = 32
dropout = 0.0
heads = 2
[[phases]]
name = "decoder"
epochs = 6
learning_rate = 1e-2
batch_size = 2
ema_decay = 0.5
[[phases]]
name = "self-critical"
objective = "self_critical"
epochs = 1
learning_rate = 1e-3
batch_size = 8
captions_per_photo = 2
"""


def test_a_whole_run_trains_both_directions(make_home: Callable[[str, int], Path]) -> None:
    home = make_home(RECIPE, 30)
    recipe = read_recipe(home / "test.toml", [f"data.root={home}"])
    folder = train(recipe, home / "run", "cpu")
    model, vocabulary = read_model(folder)
    ahead, back = model.decoder.directions
    assert (ahead.backward, back.backward) == (False, True)
    # The toy's sentences begin with one of few words, and end with one of others.
    begins = {"a", "there", "one", "the"}
    ends = {"background", "ground", "circle", "square", "triangle", *COLOURS}
    for own, expected in ((ahead, begins), (back, ends)):
        logits = own(torch.zeros(1, 4, model.encoder.width), torch.tensor([[START, END]]))
        assert vocabulary.words[int(logits[0, 0].argmax())] in expected
    assert "kind bidirectional" in (folder / "README.md").read_text()
