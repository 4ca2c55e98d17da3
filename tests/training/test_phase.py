"""What a phase tells: the line of an epoch, and how long it will take."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from captioner.metrics import Scores
from captioner.metrics.sense import sense
from captioner.model import CaptioningModel, ModelConfig
from captioner.training import phase as module
from captioner.training import read_recipe
from captioner.training.checkpoint import SoFar
from captioner.training.data import TrainingData
from captioner.training.distributed import Workers
from captioner.training.evaluation import Evaluation
from captioner.training.phase import PhaseRun, Scored

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "test"
[data]
min_count = 1
sources = [{format = "flickr8k", path = "toy"}]
[decoder]
hidden_size = 16
heads = 2
[[phases]]
name = "all layers"
epochs = 2
learning_rate = 1e-3
encoder_learning_rate = 1e-3
batch_size = 2
"""


@pytest.fixture(scope="module")
def home(make_home: Callable[[str, int], Path]) -> Path:
    return make_home(RECIPE, 30)


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> PhaseRun:
    """A phase of two epochs of twelve steps, whose scores are all 50."""
    recipe = read_recipe(home / "test.toml", [f"data.root={home}"])
    data = TrainingData(recipe, home / "cache")
    config = ModelConfig(
        recipe.encoder.config, recipe.decoder, recipe.preprocessing, "en", len(data.vocabulary)
    )
    evaluation = Evaluation((), Scores(*[50.0] * 6), 9.0, sense(["a dog"], "en"))
    scored = Scored(evaluation, None)
    monkeypatch.setattr(module, "score", lambda *_: scored)
    workers = Workers(torch.device("cpu"))
    return PhaseRun(
        recipe.phases[0], CaptioningModel(config), data, None, workers=workers, seed=1, index=0
    )


def test_an_epochs_line_has_the_mean_over_all_its_steps(run: PhaseRun) -> None:
    for number in range(2):
        stood, values = zip(*run.epoch(number, SoFar()), strict=True)
        row = run.row(number, stood[-1], run.score())
        assert [so_far.steps for so_far in stood] == [*range(1, 13)]
        assert row["loss"] == pytest.approx(sum(values) / 12, abs=1e-4)
        assert row["photos_per_second"] == pytest.approx(24 / stood[-1].seconds, rel=0.01)
        assert (row["phase"], row["epoch"], row["cider"]) == ("all layers", number + 1, 50.0)


def test_an_epoch_that_goes_on_counts_what_was_done_before(run: PhaseRun) -> None:
    before = SoFar(steps=9, shown=90.0, seconds=1000.0)
    stood, values = zip(*run.epoch(0, before), strict=True)
    assert len(values) == 3
    assert run.row(0, stood[-1], run.score())["loss"] == pytest.approx(
        (90 + sum(values)) / 12, abs=1e-4
    )
    assert 1000 < stood[-1].seconds < 1100


def test_after_twenty_steps_it_says_how_long_the_rest_will_take(
    run: PhaseRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        list(run.epoch(number, SoFar()))
        said = re.findall(
            "all layers: (.*) of training left, evaluation apart", capsys.readouterr().err
        )
        assert len(said) == number  # the twentieth step is in the second epoch
