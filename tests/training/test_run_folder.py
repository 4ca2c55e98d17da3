"""Runs that were begun before recipes and weights had today's names."""

from pathlib import Path

from captioner.training import read_recipe
from captioner.training.run_folder import fingerprint

RECIPE = """
name = "x"
[data]
sources = [{format = "coco", path = "a.json", weight = 0.5}]
[encoder]
name = "resnet18"
[decoder]
hidden_size = 64
[[phases]]
name = "first"
epochs = 2
learning_rate = 1e-3
encoder_learning_rate = 1e-4
batch_size = 8
captions_per_photo = 3
gradient_accumulation_steps = 2
warmup_ratio = 0.1
clip_grad_norm = 0.5
ema_decay = 0.9
crop_size = 100
min_captions = 2
[[phases]]
name = "second"
objective = "self_critical"
epochs = 2
learning_rate = 1e-3
bleu_weight = 0.1
told_weight = 0.2
cross_entropy_weight = 0.3
"""


def test_a_run_is_known_by_the_fingerprint_that_it_had_under_the_old_keys(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(RECIPE)
    recipe = read_recipe(tmp_path / "x.toml")
    # As the release before computed them of the same recipe with its keys.
    assert [fingerprint(recipe, phase) for phase in (0, 1)] == [
        "04655d22f4a9a4eb", "e50f68469d40feaa",
    ]  # fmt: skip
