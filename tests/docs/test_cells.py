"""docs/cells.md and its Chinese twin: what they show exists, and what they promise works."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import torch

from captioner.model import DecoderConfig, make_decoder
from captioner.model.parts import ATTENTIONS, CELLS
from captioner.training import read_recipe

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {name: (DOCS / name).read_text(encoding="utf-8") for name in ("cells.md", "cells.zh.md")}
EACH_PAGE = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))


def blocks(page: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def drawings() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cell_drawings", DOCS / "cell_drawings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_drawings_are_those_that_the_script_draws(drawings: ModuleType) -> None:
    assert {*CELLS, "bidirectional"} == set(drawings.DRAWINGS)
    for name, draw in drawings.DRAWINGS.items():
        text = (DOCS / "images" / f"cell-{name}.svg").read_text(encoding="utf-8")
        assert text == draw().svg()
        assert ElementTree.fromstring(text).tag.endswith("svg")


@EACH_PAGE
def test_every_cell_has_its_drawing_equations_code_and_recipe(page: str) -> None:
    sections = re.split("^## ", page, flags=re.MULTILINE)
    for name in CELLS:
        (section,) = (own for own in sections if own.startswith(f"`{name}`"))
        assert f"](images/cell-{name}.svg)" in section
        assert f"](../configs/cells/{name}.toml)" in section
        assert re.search(r"\]\(\.\./captioner/model/cells/\w+\.py\)", section)
        assert "h' = " in section or "h_l'" in section or "h' " in blocks(section)[0]


def test_both_pages_have_the_same_equations_commands_and_links() -> None:
    english, chinese = PAGES.values()

    def code(page: str) -> list[str]:
        """Without words, which differ: what follows two spaces or a #, and docstrings."""
        lines = "\n".join(re.findall(r"^```.*?^```$", page, re.DOTALL | re.MULTILINE)).splitlines()
        bare = [re.split(r" {2,}(?=\S)|#", line.strip())[0].strip() for line in lines]
        return [line for line in bare if not re.search('"""|[、与]|as in the LSTM', line)]

    assert code(english) == code(chinese)
    targets = [set(re.findall(r"\]\(([^)]*)\)", page)) for page in PAGES.values()]
    assert targets[0] ^ targets[1] == {"cells.md", "cells.zh.md"}


@EACH_PAGE
def test_every_link_and_command_leads_to_a_file(page: str) -> None:
    for target in re.findall(r"\]\(([^)]*)\)", page):
        assert (DOCS / target).exists(), target
    for script in re.findall(r"^python (\S+)", page, re.MULTILINE):
        assert (ROOT / script).exists(), script
    recipes = {path.name for path in (ROOT / "configs" / "cells").glob("*.toml")}
    assert set(re.findall(r"configs/cells/(\w+\.toml)\)", page)) == recipes


@EACH_PAGE
def test_the_tables_have_every_option_and_attention(page: str) -> None:
    rows = set(re.findall(r"^\| `(\w+)`", page.partition("<!-- results -->")[0], re.MULTILINE))
    options = rows - set(ATTENTIONS)
    assert rows >= set(ATTENTIONS)
    assert options == set(vars(DecoderConfig().cell_options))


@EACH_PAGE
def test_there_is_a_place_for_results(page: str) -> None:
    assert re.search("^<!-- results -->\n.*^<!-- end of results -->$", page, re.S | re.M)


@EACH_PAGE
def test_a_cell_of_ones_own_is_one_class_and_one_recipe(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = (block for block in blocks(page, "python") if "class Leaky" in block)
    (recipe,) = blocks(page, "toml")
    made = ModuleType("captioner.model.cells.leaky")
    exec(code, vars(made))
    monkeypatch.setitem(sys.modules, made.__name__, made)
    assert '"leaky": "cells.leaky:Leaky",' in page
    monkeypatch.setitem(CELLS, "leaky", "cells.leaky:Leaky")
    shutil.copy(ROOT / "configs" / "cells" / "lstm.toml", tmp_path)
    (tmp_path / "leaky.toml").write_text(recipe)
    read = read_recipe(tmp_path / "leaky.toml")
    assert (read.name, read.decoder.cell, read.decoder.dropout) == ("leaky", "leaky", 0.3)
    both = make_decoder(read.decoder, features=6, vocabulary=9).eval()
    features, captions = torch.randn(2, 4, 6), torch.randint(0, 9, (2, 5))
    (own,) = both.directions
    forced, state = own(features, captions), own.start(features)
    for t in range(4):
        logits, state = own.step(captions[:, t], state)
        torch.testing.assert_close(logits, forced[:, t], rtol=0, atol=1e-4)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) + 1 == 10  # with its line of CELLS
    assert len([line for line in recipe.splitlines() if line.strip()]) == 5
