"""docs/datasets.md: what it shows is what is read."""

import re
from pathlib import Path

import pytest

from captioner.datasets import FORMATS
from captioner.training import read_recipe

PAGE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SOURCE = '[[data.sources]]\nformat = "csv"\npath = "x.csv"\n'
REST = '[encoder]\nname = "resnet18"\n[[phases]]\nname = "only"\nepochs = 1\nlearning_rate = 1\n'


@pytest.mark.parametrize("block", BLOCKS)
def test_every_recipe_line_is_understood(tmp_path: Path, block: str) -> None:
    source = block if "[[data.sources]]" in block else SOURCE + block
    (tmp_path / "x.toml").write_text(f'name = "x"\n{source}{REST}', encoding="utf-8")
    assert read_recipe(tmp_path / "x.toml").data.sources


def test_every_format_has_a_recipe() -> None:
    shown = set(re.findall(r'^format = "(.*)"$', "\n".join(BLOCKS), re.MULTILINE))
    assert shown == set(FORMATS)
    assert set(re.findall(r"^\| \[`([^`]+)`\]", PAGE, re.MULTILINE)) == set(FORMATS)


def test_every_link_within_the_page_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", PAGE)) <= anchors
