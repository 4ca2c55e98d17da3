"""The picture of an LSTM's gates: what it shows, and a word where there is nothing to show."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from captioner import Caption
from captioner.errors import OptionError
from captioner.model import CaptioningModel, DecoderConfig, save_model
from captioner.pipeline import Trace
from captioner.text import Vocabulary

PATH = Path(__file__).parents[2] / "examples" / "gates.py"


@pytest.fixture
def gates() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gates", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (80, 60), "green").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_units_are_ordered_by_their_forget_gate_in_every_panel(gates: ModuleType) -> None:
    forget = torch.tensor([[0.9, 0.1, 0.5], [0.7, 0.3, 0.5]])
    other = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    layers = [x[:, None].repeat(1, 2, 1) for x in (other, forget, other, 2 * other)]
    caption = Caption("a dog", ("a", "dog"), -1.0, -1.0, trace=Trace(*layers))
    panels = [panel for panel in gates.draw(caption, 1).axes if panel.get_title()]
    assert [panel.get_title()[:6] for panel in panels] == ["forget", "input ", "output", "tanh o"]
    shown = [np.asarray(panel.images[0].get_array()) for panel in panels]
    np.testing.assert_allclose(shown[0], [[0.1, 0.3], [0.5, 0.5], [0.9, 0.7]], rtol=1e-6)
    np.testing.assert_allclose(shown[1], [[0.2, 0.5], [0.3, 0.6], [0.1, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(shown[3], np.tanh(2 * shown[2]), rtol=1e-6)
    assert [text.get_text() for text in panels[0].get_xticklabels()] == ["a", "dog"]
    with pytest.raises(OptionError, match="--layer must be from 0 to 1"):
        gates.draw(caption, 2)


@pytest.mark.parametrize(("cell", "code"), [("lstm", 0), ("gru", 2)])
def test_a_photo_s_gates_where_the_cell_has_some(  # noqa: PLR0917
    cell: str,
    code: int,
    gates: ModuleType,
    photo: Path,
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    capsys: pytest.CaptureFixture[str],
) -> None:
    decoder = DecoderConfig(cell=cell, hidden_size=16, heads=2)
    model = CaptioningModel(replace(tiny_model.config, decoder=decoder)).eval()
    save_model(photo.parent / "model", model, vocabulary, "A model card.")
    out = photo.parent / "gates.png"
    call = [str(photo), "--model", str(photo.parent / "model"), "--out", str(out)]
    assert gates.main(call) == code
    assert out.exists() == (code == 0)
    if code:
        assert "no gates and cell state" in capsys.readouterr().err
