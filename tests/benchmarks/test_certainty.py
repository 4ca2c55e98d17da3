"""What the marks of certainty mean: hand-worked tables, and the script on a tiny model."""

import copy
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captioner.captioning import Caption, Word
from captioner.model import CaptioningModel, read_config, save_model
from captioner.text import END, Vocabulary

pytest.importorskip("nltk")
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "certainty.py"
PEOPLE = ["a dog runs", "a red dog", "the dog on grass", "dogs run", "a ball"]


@pytest.fixture(scope="module")
def certainty() -> ModuleType:
    spec = importlib.util.spec_from_file_location("certainty", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["certainty"] = module  # where dataclasses look their types up
    spec.loader.exec_module(module)
    return module


def test_four_people_bear_a_caption_out(certainty: ModuleType) -> None:
    borne = certainty.Borne.of("a dog running on a ball", PEOPLE, "en")
    assert borne == certainty.Borne(3, 2)  # only the fifth says "ball"
    assert certainty.Borne.of("dogs on the grass", PEOPLE, "en").whole


def test_marks_have_the_captions_from_their_limit_on(certainty: ModuleType) -> None:
    def judged(probability: float, said: int, borne_out: int) -> object:
        words = (Word("dog", probability, ()), Word("", 1.0, ()))
        caption = Caption("dog", ("dog",), -1.0, 0.0, words=words, language="en")
        return certainty.Judged(caption, (), certainty.Borne(said, borne_out))

    found = [judged(0.1, 4, 1), judged(0.3, 2, 2), judged(0.5, 2, 1), judged(0.9, 3, 3)]
    rows = list(certainty.marks_table(found, [certainty.Borne(4, 3)], (0.2, 0.4, 0.95)))
    assert rows[2:] == [
        "| ●○○○ | 0 | 1 | 25.0 | 0.0 |",
        "| ●●○○ | 0.2 | 1 | 100.0 | 100.0 |",
        "| ●●●○ | 0.4 | 2 | 80.0 | 50.0 |",
        "| ●●●● | 0.95 | 0 | | |",
        "| all | | 4 | 63.6 | 50.0 |",
        "| a person | | 1 | 75.0 | 0.0 |",
    ]


def test_quarters_lie_between_the_captions_by_certainty(certainty: ModuleType) -> None:
    assert certainty.quarters((0.5, 0.1, 0.4, 0.2, 0.3)) == (0.2, 0.3, 0.4)
    assert certainty.quarters(()) == ()


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
def test_the_area_counts_pairs_in_order(
    certainty: ModuleType, pairs: list[tuple[int, bool]]
) -> None:
    better = [value for value, whole in pairs if whole]
    worse = [value for value, whole in pairs if not whole]
    found = certainty.area(*map(np.array, zip(*pairs, strict=True)))
    if better and worse:
        wins = sum((b > w) + (b == w) / 2 for b in better for w in worse)
        assert found == pytest.approx(wins / len(better) / len(worse))
    else:
        assert math.isnan(found)


def test_the_script_prints_both_tables_and_sets_the_limits(
    tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    model = copy.deepcopy(tiny_model)
    with torch.no_grad():  # its sentences have a word for what is there, and an end
        model.decoder.output_projection.bias[[vocabulary.row("dog"), END]] += 9
    save_model(tmp_path / "tiny", model, vocabulary, "")
    images, annotations = [], []
    for number in range(5):
        name = f"{number}.png"
        Image.new("RGB", (64, 64), (50 * number, 9, 99)).save(tmp_path / name)
        images.append({"id": number, "file_name": name})
        few = PEOPLE[: 4 if number == 3 else 5]  # which leaves that photo out
        annotations += [{"image_id": number, "caption": text} for text in few]
    data = tmp_path / "captions_val.json"
    data.write_text(json.dumps({"images": images, "annotations": annotations}))
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "tiny", data, "--write"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rows = done.stdout.splitlines()
    assert len([row for row in rows if row.startswith("|")]) == 2 + 6 + 2 + 5
    assert [row for row in rows if row.startswith("| all | | 4 |")]
    config = read_config(tmp_path / "tiny")
    limits = config.certainty
    assert len(limits) == 3
    assert len(config.borne_out) == 4
    marks = [row for row in rows if row.startswith(("| ●", "| ○"))]
    shown = [float(row.split("|")[4].strip() or 0) for row in marks]
    assert [100 * share for share in config.borne_out] == pytest.approx(shown, abs=0.06)
    assert sorted(limits) == list(limits)
    assert str(list(limits)) in done.stdout
