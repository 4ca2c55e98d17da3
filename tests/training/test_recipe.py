"""Recipes: what is read, what is changed from the command line, what is refused."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from captioner.cli import main
from captioner.errors import ModelError, RecipeError
from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary
from captioner.training import read_recipe
from captioner.training.recipe import Phase, Source
from captioner.training.recipe_file import RENAMED

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("**/*.toml"))
TOY = next(path for path in CONFIGS if path.name == "toy.toml")

MINIMAL = """
name = "x"
[data]
sources = [{format = "coco", path = "a.json"}]
[encoder]
name = "resnet18"
[[phases]]
name = "only"
epochs = 2
learning_rate = 1
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
    assert recipe.phases[0].learning_rate == 1.0
    assert recipe.phases[0].encoder_learning_rate == 0
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
            "objective of phase 'only' is unknown: 'magic'; there is: cross",
        ),
        (
            "phases.0={name='x', epochs=1, learning_rate=1, objective='self_critical', "
            "captions_per_photo=1}",
            "at least 2",
        ),
        ("phases.0.epochs=0", "epochs of phase 'only' must be at least 1"),
        ("phases.9.epochs=1", r"no key 'phases\.9\.epochs'"),
        ("seed", "not of the form key=value"),
        ("phases.0.views=0", "views of phase"),
        (
            "phases.0={name='x', epochs=1, learning_rate=1, encoder_learning_rate=1, views=2}",
            "are for a frozen encoder",
        ),
        ("encoder.stages=3", "stages: expected list, found 3"),
        ("phases=[]", "no .*phases"),
        (
            "phases.0.gradient_accumulation_steps=0",
            "gradient_accumulation_steps of phase 'only' must be at least 1",
        ),
        ("phases.0.word_dropout=1.5", "word_dropout of phase 'only' must be from 0 to 1"),
        ("phases.0.scheduled_sampling=-1", "scheduled_sampling of phase 'only' must be from 0"),
        ("phases.0.doubly_stochastic=-1", "doubly_stochastic of phase 'only' must be 0 or more"),
        (
            "phases.0={name='x', epochs=1, learning_rate=1, objective='self_critical', "
            "word_dropout=0.1}",
            "word_dropout of phase 'x' is for the objective cross_entropy only",
        ),
        (
            "decoder={attention='none', hidden_size=8} ; phases.0.doubly_stochastic=1",
            "needs an attention other than 'none'",
        ),
        ("phases.0.encoder_weight_decay=a", "encoder_weight_decay: expected float, found 'a'"),
        ("average_best=0", "average_best must be at least 1"),
        ("logit_adjustment=-0.1", "logit_adjustment must be from 0 to 1"),
        ("logit_adjustment=2", "logit_adjustment must be from 0 to 1"),
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


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_key_is_told_by_its_new_name(minimal: Path, old: str, new: str) -> None:
    table = "decoder" if old == "hidden" else "phases.0"
    with pytest.raises(RecipeError, match=rf": '{old}' is called '{new}' now\.$"):
        read_recipe(minimal, [f"{table}.{old}=1"])


def test_phases_and_sources_check_themselves() -> None:
    with pytest.raises(RecipeError, match=r"^batch_size of phase 'x' must be at least 1"):
        Phase("x", 1, 1e-3, batch_size=0)
    with pytest.raises(RecipeError, match=r"^weight of a must be above 0"):
        Source("coco", "a", weight=0)


def test_a_recipe_changes_its_base_and_keeps_the_rest(minimal: Path) -> None:
    middle, own = minimal.with_name("middle.toml"), minimal.with_name("own.toml")
    middle.write_text('base = "x.toml"\nseed = 7\n[decoder]\nhidden_size = 64\nheads = 4\n')
    own.write_text(
        'base = "middle.toml"\nname = "own"\n[decoder]\nhidden_size = 32\n[data]\nmin_count = 2\n'
        '[[phases]]\nname = "other"\nepochs = 1\nlearning_rate = 2\n'
    )
    recipe, base = read_recipe(own, ["decoder.dropout=0.1"]), read_recipe(minimal)
    decoder = replace(base.decoder, hidden_size=32, heads=4, dropout=0.1)
    phases = (
        replace(base.phases[0], name="other", epochs=1, learning_rate=2.0),
    )  # the list as a whole
    data = replace(base.data, min_count=2)
    expected = replace(base, name="own", seed=7, decoder=decoder, phases=phases, data=data)
    assert recipe == expected


def test_held_out_photos_of_a_base_are_found_beside_it(minimal: Path) -> None:
    minimal.write_text(MINIMAL.replace('a.json"}', 'a.json", held_out = "held.txt"}'))
    own = minimal.with_name("own.toml")
    own.write_text('base = "x.toml"\nname = "own"\n')
    assert read_recipe(own).data.sources[0].held_out == str(minimal.with_name("held.txt"))


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ('"none.toml"', r"There is no recipe .*none\.toml, the base of .*own\.toml\.$"),
        ('"own.toml"', r"own\.toml is its own base\.$"),
        ('"circle.toml"', r"own\.toml is its own base\.$"),
        ('"../x.toml"', r"own\.toml: base must be the name of a recipe file beside it: '\.\."),
        ("3", "base must be the name of a recipe file beside it: 3"),
    ],
)
def test_a_base_that_cannot_be_is_explained(tmp_path: Path, base: str, said: str) -> None:
    (tmp_path / "own.toml").write_text(f"base = {base}")
    (tmp_path / "circle.toml").write_text('base = "own.toml"')
    with pytest.raises(RecipeError, match=said):
        read_recipe(tmp_path / "own.toml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "decoder.cell=abacus",
            r"x\.toml: decoder: There is no cell named 'abacus'; there is: rnn, lstm, ",
        ),
        ("decoder.attention=psychic", "no attention named 'psychic'; there is: none, additive"),
        ("decoder.kind=sideways", "no kind of decoder named 'sideways'; there is: forward, bidir"),
        ("decoder.heads=7", r"x\.toml: decoder: 7 heads do not divide a hidden size of 512"),
        (
            "decoder.hidden_size=0",
            r"x\.toml: decoder: A decoder's hidden_size must be from 1 to 65536, not 0",
        ),
        ("decoder.hidden_size=-8", "hidden_size must be from 1 to 65536, not -8"),
        ("decoder.layers=0", r"x\.toml: decoder: A decoder's layers must be from 1 to 256, not 0"),
        ("decoder.residual=true", "residual needs 2 layers or more"),
        ("decoder.recurrent_dropout=1", "recurrent_dropout must be from 0 to less than 1"),
        ("preprocessing.size=0", "preprocessing's size must be from 1 to 2048 pixels, not 0"),
    ],
)
def test_a_model_that_cannot_be_is_noticed_before_any_data_are_read(
    minimal: Path, change: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RecipeError, match=said):
        read_recipe(minimal, [change])
    # The command has no data here, and does not come to miss them.
    assert main(["train", str(minimal), "--set", change, "--out", str(minimal.parent / "o")]) == 2
    error = capsys.readouterr().err.strip()
    assert re.search(said, error)
    assert len(error.splitlines()) == 1
    assert not (minimal.parent / "o").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_recipe_may_be_of_any_windows_editor(minimal: Path, encoding: str) -> None:
    """Nayjest/lm-proxy#79: Notepad's mark of byte order is no statement of TOML."""
    recipe = read_recipe(minimal)
    minimal.write_text(minimal.read_text(encoding="utf-8"), encoding=encoding)
    assert read_recipe(minimal) == recipe


def test_missing_damaged_and_incomplete_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no recipe .*none\.toml"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(RecipeError, match=r"bad\.toml is not a readable TOML"):
        read_recipe(tmp_path / "bad.toml")
    (tmp_path / "part.toml").write_text('name = "x"')
    with pytest.raises(RecipeError, match=r"part\.toml: 'data' is missing"):
        read_recipe(tmp_path / "part.toml")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("learning_rate", "-1.0", "must be above 0 and finite"),
        ("learning_rate", "nan", "must be above 0 and finite"),
        ("learning_rate", "inf", "must be above 0 and finite"),
        ("learning_rate", "0.0", "must be above 0 and finite"),
        ("encoder_learning_rate", "-1e-3", "must be 0 or more"),
        ("encoder_learning_rate", "nan", "must be 0 or more"),
        ("weight_decay", "-0.1", "must be 0 or more"),
        ("ema_decay", "1.5", "must be from 0 to 1"),
        ("label_smoothing", "nan", "must be from 0 to 1"),
        ("warmup_ratio", "2.0", "must be from 0 to 1"),
    ],
)
def test_a_rate_that_cannot_be_is_refused_when_the_recipe_is_read(
    key: str, value: str, said: str
) -> None:
    with pytest.raises(RecipeError, match=f"{key} of phase '.*' {said}"):
        read_recipe(TOY, [f"phases.0.{key}={value}"])


def test_a_recipe_may_start_from_a_model(
    tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    save_model(tmp_path / "model", tiny_model, vocabulary, "")
    model = str(tmp_path / "model")
    recipe = read_recipe(TOY, ["decoder.dropout=0.3"], model)
    theirs = tiny_model.config
    assert recipe.encoder.config == theirs.encoder
    assert recipe.decoder.config == replace(theirs.decoder, dropout=0.3)
    assert recipe.preprocessing == theirs.preprocessing
    assert {recipe.encoder.weights, recipe.decoder.weights, recipe.data.vocabulary} == {
        f"model:{model}"
    }
    with pytest.raises(RecipeError, match="writes 'en', and the recipe's language is 'zh'"):
        read_recipe(TOY, ["data.language=zh"], model)
    with pytest.raises(ModelError, match="no model named 'nobody'"):
        read_recipe(TOY, [], "nobody")
