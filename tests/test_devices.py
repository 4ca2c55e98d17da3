"""A device that there is not is one sentence, wherever it is named."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from command import captioner as command
from PIL import Image

import captioner
from captioner import Captioner
from captioner.devices import find_device
from captioner.errors import OptionError
from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary

NONE = {
    "gpu": "'gpu' is no device such as cpu or cuda:0.",
    "": "'' is no device such as cpu or cuda:0.",
    "cuda:99": "There is no device 'cuda:99': this machine has",
    "meta": "There is no device 'meta' that torch can use here.",
    "xpu:99": "There is no device 'xpu:99' that torch can use here.",
}
RECIPE = """
name = "x"
[[data.sources]]
format = "sidecar"
path = "."
[encoder]
name = "resnet18"
[[phases]]
name = "only"
epochs = 1
learning_rate = 1
"""


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    folder = tmp_path_factory.mktemp("devices")
    save_model(folder / "model", tiny_model, vocabulary, "")
    Image.new("RGB", (40, 30), "red").save(folder / "red.png")
    (folder / "red.txt").write_text("a dog")
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


@pytest.mark.parametrize(("name", "said"), NONE.items())
def test_a_device_that_there_is_not_is_one_sentence(name: str, said: str) -> None:
    with pytest.raises(OptionError) as raised:
        find_device(name)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "xpu:99"])
@pytest.mark.parametrize(
    "call",
    [
        "caption red.png --model ./model",
        "folder . -o - --model ./model",
        "evaluate --data . --model ./model",
        "serve --port 0 --model ./model",
        "train recipe.toml",
    ],
)
def test_every_command_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, call: str, name: str
) -> None:
    monkeypatch.chdir(home)
    result = command(*call.split(), "--device", name)
    assert result.code == 2
    assert result.stderr.splitlines()[-1].startswith(f"captioner: {NONE[name]}")
    assert "Traceback" not in result.stderr


def test_python_says_so(home: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary) -> None:
    calls: list[Callable[[], object]] = [
        lambda: captioner.load_model(home / "model", "gpu"),
        lambda: Captioner(tiny_model, vocabulary, device="gpu"),
    ]
    for call in calls:
        with pytest.raises(OptionError, match="'gpu' is no device"):
            call()


def test_the_devices_that_there_are_are_found() -> None:
    assert find_device("cpu") == find_device(torch.device("cpu")) == torch.device("cpu")
    usual = "cuda" if torch.cuda.is_available() else "cpu"
    assert find_device() == torch.device(usual)
    if torch.backends.mps.is_available():
        assert find_device("mps").type == "mps"
