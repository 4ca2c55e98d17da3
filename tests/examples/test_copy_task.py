"""The copy task: its sequences, its budget, its count of what was right, and a tiny run."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

PATH = Path(__file__).parents[2] / "examples" / "copy_task.py"


@pytest.fixture
def task() -> ModuleType:
    spec = importlib.util.spec_from_file_location("copy_task", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("gap", [0, 1, 7])
def test_symbols_then_a_gap_then_the_sign_to_write_them(task: ModuleType, gap: int) -> None:
    read, symbols = task.sequences(gap, 5, torch.Generator().manual_seed(1))
    n, nothing, begin = task.LENGTH, task.NOTHING, task.BEGIN
    for row, own in zip(read.tolist(), symbols.tolist(), strict=True):
        assert row == [*own, *[nothing] * gap, begin, *[nothing] * (n - 1)]
        assert set(own) <= set(range(task.SYMBOLS))
    assert len({tuple(own) for own in symbols.tolist()}) == 5


@pytest.mark.parametrize("name", ["rnn", "grid_lstm"])
def test_a_network_is_as_wide_as_its_budget_allows(task: ModuleType, name: str) -> None:
    def size(network: nn.Module) -> int:
        return sum(p.numel() for p in network.parameters())

    network = task.widest(name, 3000)
    assert size(network) <= 3000
    assert size(task.Copier(name, network.cell.hidden_size + 1)) > 3000


class Knowing(nn.Module):
    """Writes the symbols that it has read, but the last one wrongly."""

    def __init__(self, task: ModuleType) -> None:
        super().__init__()
        self.task = task

    def forward(self, read: Tensor) -> Tensor:
        n, symbols = self.task.LENGTH, self.task.SYMBOLS
        written = read.roll(read.shape[1] - n, dims=1).clamp(max=symbols - 1)
        written[:, -1] = (written[:, -1] + 1) % symbols
        return nn.functional.one_hot(written, symbols).float()


def test_accuracy_is_the_share_of_right_symbols(task: ModuleType) -> None:
    for gap in (0, 3):
        found = task.accuracy(Knowing(task), gap, seed=2)
        assert found == pytest.approx(1 - 1 / task.LENGTH)


def test_a_short_memory_is_learned_in_a_few_steps(
    task: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "LENGTH", 1)
    torch.manual_seed(1)
    network = task.widest("gru", 2000)
    assert task.accuracy(network, 2, seed=3) < 0.5
    task.train(network, steps=120, longest=2, seed=1)
    assert task.accuracy(network, 2, seed=3) > 0.9


def test_a_run_writes_every_gap_and_a_picture(task: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "new" / "copy"
    call = ["--cells", "rnn", "lstm", "--steps", "2", "--longest", "4", "--parameters", "900"]
    assert task.main([*call, "--out", str(out)]) == 0
    document = json.loads(out.with_suffix(".json").read_text())
    assert (document["steps"], document["longest"]) == (2, 4)
    assert list(document["cells"]) == ["rnn", "lstm"]
    for own in document["cells"].values():
        assert list(own["accuracy"]) == [str(gap) for gap in task.GAPS]
        assert all(0 <= share <= 1 for share in own["accuracy"].values())
        assert own["parameters"] <= 900
    with Image.open(out.with_suffix(".png")) as image:
        assert len(image.getcolors(1 << 24) or ()) > 10


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["--cells", "abacus"], "There is no cell named 'abacus'; there is: rnn, lstm"),
        (["--parameters", "10"], "10 parameters are too few for the cell 'rnn'."),
    ],
)
def test_what_cannot_be_is_one_sentence(
    task: ModuleType, call: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert task.main(call) == 2
    assert said in capsys.readouterr().err
