"""docs/export.md against the code."""

import re
from dataclasses import fields
from pathlib import Path

from captioner.onnx.folder import DecoderFiles, OnnxConfig

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")


def test_the_page_has_every_field_of_the_configuration() -> None:
    table = PAGE.partition("| `config.json` | |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", table))
    for kind in (OnnxConfig, DecoderFiles):
        assert {field.name for field in fields(kind)} <= told


def test_every_file_that_it_names_is_there() -> None:
    root = Path(__file__).parents[2]
    named = re.findall(r"`((?:captioner|packages)/[\w./-]+)`", PAGE)
    assert len(named) >= 4
    assert all((root / path).exists() for path in named)
