"""Recipes: what is read, what is changed from the command line, what is refused."""

from pathlib import Path

import pytest

from captioner.errors import RecipeError
from captioner.training import read_recipe

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("**/*.toml"))

MINIMAL = """
name = "x"
[data]
sources = [{format = "coco", path = "a.json"}]
[encoder]
name = "resnet18"
[[phases]]
name = "only"
epochs = 2
rate = 1
"""


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    (tmp_path / "x.toml").write_text(MINIMAL)
    return tmp_path / "x.toml"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_recipe_in_the_project_can_be_read(path: Path) -> None:
    assert read_recipe(path).name == path.stem


def test_defaults_fill_what_is_not_said(minimal: Path) -> None:
    recipe = read_recipe(minimal)
    assert recipe.phases[0].rate == 1.0
    assert recipe.phases[0].encoder_rate == 0
    assert recipe.encoder.stages == (-1,)
    assert recipe.data.root == "data"


def test_changes_reach_tables_lists_and_types(minimal: Path) -> None:
    changes = ["data.root=elsewhere/x", "phases.0.epochs=7", "encoder.stages=[1, 2]", "seed = 5"]
    recipe = read_recipe(minimal, changes)
    assert recipe.data.root == "elsewhere/x"
    assert recipe.phases[0].epochs == 7
    assert recipe.encoder.stages == (1, 2)
    assert recipe.seed == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("decoder.hiden=3", "unknown key 'hiden'"),
        ("phases.0.epochs=many", "epochs: expected int, found 'many'"),
        (
            "phases.0.objective=magic",
            "objective 'magic' of phase 'only' is unknown; there is: cross",
        ),
        (
            "phases.0={name='x', epochs=1, rate=1, objective='self_critical', captions=1}",
            "at least 2",
        ),
        ("phases.0.epochs=0", "epochs of phase 'only' must be at least 1"),
        ("phases.9.epochs=1", r"no key 'phases\.9\.epochs'"),
        ("seed", "not of the form key=value"),
        ("encoder.stages=3", "stages: expected list, found 3"),
        ("phases=[]", "no .*phases"),
        ("phases.0.accumulate=0", "accumulate of phase 'only' must be at least 1"),
        ("phases.0.word_dropout=1.5", "word_dropout of phase 'only' must be from 0 to 1"),
        ("phases.0.scheduled_sampling=-1", "scheduled_sampling of phase 'only' must be from 0"),
        ("phases.0.doubly_stochastic=-1", "doubly_stochastic of phase 'only' must be 0 or more"),
        (
            "phases.0={name='x', epochs=1, rate=1, objective='self_critical', word_dropout=0.1}",
            "word_dropout of phase 'x' is for the objective cross_entropy only",
        ),
        (
            "decoder={attention='none', hidden=8} ; phases.0.doubly_stochastic=1",
            "needs an attention other than 'none'",
        ),
        ("phases.0.encoder_weight_decay=a", "encoder_weight_decay: expected float, found 'a'"),
        ("average_best=0", "average_best must be at least 1"),
        ("checkpoint_minutes=-1", "checkpoint_minutes must be 0 or more"),
        ("data.sources=[{format='xml', path='x'}]", "format 'xml' is unknown"),
        ("data.sources.0.split=dev", "split 'dev' is unknown; there is: train, val, test"),
        ("data.sources.0.val_share=1", r"val_share of a\.json must be at least 0 and below 1"),
        ("data.sources.0.weight=0", r"weight of a\.json must be above 0"),
        ("data.sources.0.weight=nan", r"weight of a\.json must be above 0"),
    ],
)
def test_a_wrong_change_is_explained(minimal: Path, change: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read_recipe(minimal, change.split(" ; "))


def test_missing_damaged_and_incomplete_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no recipe .*none\.toml"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(RecipeError, match=r"bad\.toml is not a readable TOML"):
        read_recipe(tmp_path / "bad.toml")
    (tmp_path / "part.toml").write_text('name = "x"')
    with pytest.raises(RecipeError, match=r"part\.toml: 'data' is missing"):
        read_recipe(tmp_path / "part.toml")
