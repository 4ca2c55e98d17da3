"""The comparison of cells on the toy dataset: stopped, gone on with, drawn and written down."""

import importlib.util
import json
import statistics
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from captioner.model import read_model

ROOT = Path(__file__).parents[2]

LSTM = """
name = "lstm"
[data]
min_count = 1
sources = [{format = "flickr8k", path = "toy"}]
[encoder]
name = "resnet18"
stages = [1]
weights = "random"
[preprocessing]
size = 32
[decoder]
hidden_size = 16
heads = 2
[[phases]]
name = "decoder"
epochs = 2
learning_rate = 3e-3
batch_size = 8
captions_per_photo = 2
"""
GRU = 'base = "lstm.toml"\nname = "gru"\n[decoder]\ncell = "gru"\nhidden_size = 18\n'


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cells")
    toy = [sys.executable, ROOT / "data" / "toy.py", folder / "toy", "--photos", "30"]
    subprocess.run([*toy, "--size", "32"], check=True)
    (folder / "lstm.toml").write_text(LSTM)
    (folder / "gru.toml").write_text(GRU)
    return folder


def arguments(home: Path, *more: str) -> list[str]:
    recipes = [str(home / f"{name}.toml") for name in ("lstm", "gru")]
    places = ["--out", str(home / "runs"), "--results", str(home / "cells.json")]
    return [*recipes, *places, "--seeds", "1", "2", "--set", f"data.root={home}", *more]


@pytest.fixture(scope="module")
def results(home: Path) -> dict[str, Any]:
    """Of a comparison that was stopped in its third run and begun again."""
    cells = script("cells")
    begun: list[str] = []
    train = cells.train

    def counting(recipe: Any, out: Path, device: str | None) -> Path:
        begun.append(out.name)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return train(recipe, out, device)

    cells.train = counting
    assert cells.main(arguments(home, "--device", "cpu")) == 130
    assert not (home / "cells.json").exists()
    assert cells.main(arguments(home, "--device", "cpu")) == 0
    # What was done before is not done again.
    assert begun == ["lstm-1", "gru-1", "lstm-2", "lstm-2", "gru-2"]
    return json.loads((home / "cells.json").read_text())


def test_the_results_are_those_of_the_runs(home: Path, results: dict[str, Any]) -> None:
    assert list(results["cells"]) == ["lstm", "gru"]
    for name, own in results["cells"].items():
        model, _ = read_model(home / "runs" / f"{name}-1" / "model")
        assert own["parameters"] == sum(p.numel() for p in model.decoder.parameters())
        assert [run["seed"] for run in own["runs"]] == [1, 2]
        for run in own["runs"]:
            file = home / "runs" / f"{name}-{run['seed']}" / "metrics.jsonl"
            rows = [json.loads(line) for line in file.read_text().splitlines()]
            assert run["curve"] == [row["cider"] for row in rows]
            best = rows[0] if rows[0]["cider"] >= rows[1]["cider"] else rows[1]
            for score in ("cider", "bleu_4", "perplexity"):
                assert run[score] == best[score]
        for speed in ("captions_per_second", "milliseconds"):
            assert len(own[speed]) >= 3
            assert min(own[speed]) > 0


def test_scores_are_those_of_the_epoch_with_the_best_cider(tmp_path: Path) -> None:
    rows = [
        {"epoch": n, "cider": cider, "bleu_4": n, "perplexity": 10 * n}
        for n, cider in ((1, 5.0), (2, 7.0), (3, 6.0))
    ]
    mean = {"phase": "mean of 2 epochs", "cider": 9.0, "bleu_4": 0, "perplexity": 0}
    lines = "".join(json.dumps(row) + "\n" for row in (*rows, mean))
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert script("cells")._scores(tmp_path) == {
        "cider": 7.0, "bleu_4": 2, "perplexity": 20, "curve": [5.0, 7.0, 6.0],
    }  # fmt: skip


def test_all_cells_share_one_cache(home: Path, results: dict[str, Any]) -> None:
    cache = home / "runs" / "cache"
    assert len(list(cache.glob("photos-*.npy"))) == 2  # train and val
    # An encoder with random weights is another one with another seed; a pretrained one is not.
    assert len(list(cache.glob("features-*.npy"))) == 2 * 2


def test_a_changed_recipe_is_not_mistaken_for_the_old_one(
    home: Path, results: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    changed = arguments(home, "--device", "cpu", "--set", "decoder.dropout=0.1")
    assert script("cells").main(changed) == 2
    assert "holds a run of another recipe" in capsys.readouterr().err


PAGE = "Before.\n\n<!-- results -->\nNone yet.\n<!-- end of results -->\n\nAfter.\n"


def test_pictures_and_tables_show_mean_and_spread(home: Path, results: dict[str, Any]) -> None:
    docs = home / "docs"
    docs.mkdir()
    for name in ("cells.md", "cells.zh.md"):
        (docs / name).write_text(PAGE, encoding="utf-8")
    call = ["--results", str(home / "cells.json"), "--docs", str(docs)]
    for _ in range(2):  # the second time it replaces what the first has written
        assert script("draw_cells").main(call) == 0
    for name in ("scores", "curves", "speed"):
        with Image.open(docs / "images" / f"cells-{name}.png") as image:
            assert len(image.getcolors(1 << 24) or ()) > 10
    one, other = (run["perplexity"] for run in results["cells"]["gru"]["runs"])
    expected = f"{(one + other) / 2:.2f} ± {statistics.stdev((one, other)):.2f}"
    for name, head in (("cells.md", "perplexity"), ("cells.zh.md", "困惑度")):
        page = (docs / name).read_text(encoding="utf-8")
        assert page.startswith("Before.\n\n<!-- results -->\n\n| ")
        assert page.endswith("<!-- end of results -->\n\nAfter.\n")
        rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line[:1] == "|"]
        assert len(rows) == 4
        gru = dict(zip(rows[0], rows[3], strict=True))
        assert gru[head] == expected
        assert "`gru`" in gru.values()


def test_missing_results_and_marks_are_named(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = script("draw_cells")
    assert draw.main(["--results", str(tmp_path / "none.json")]) == 2
    assert "there are no results" in capsys.readouterr().err
    (tmp_path / "page.md").write_text("No lines to write between.")
    with pytest.raises(SystemExit, match=r"page\.md has no lines"):
        draw.fill_in(tmp_path / "page.md", "text")
