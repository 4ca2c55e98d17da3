"""What needs no model answers without waiting for torch, and Ctrl+C is heard at any moment."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary

FINE = ["--help", "--version", "models", "caption --help", "folder --help", "serve --help"]
WRONG = [
    *("nothing", "caption", "caption photo.jpg --beam 100000"),
    *(f"caption photo.jpg --beam {'9' * 22}", f"caption photo.jpg --top {'9' * 5000}"),
    *("caption photo.jpg --model nobody", "caption photo.jpg --language xx", "folder nowhere"),
    *("folder . --shard 9/3", "folder . -o captions.doc", "folder . --model nobody"),
    *("evaluate", "evaluate --data x --results y", "train nowhere.toml", "join nobody no"),
    *("serve --port 99999999", "serve --max-upload much", "serve --model nobody"),
]
RUN_ALL = """
import sys
from captioner.cli import main
for call in sys.argv[1:]:
    try:
        code = main(call.split())
    except SystemExit as exit:
        code = exit.code
    assert not {"torch", "gradio"} & {*sys.modules}, call
    print("CODE", code, call)
"""


def test_help_models_and_wrong_calls_do_not_import_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN_ALL, *FINE, *WRONG]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    codes = re.findall(r"^CODE (\d+) (.*)$", result.stdout, re.MULTILINE)
    assert codes == [*(("0", call) for call in FINE), *(("2", call) for call in WRONG)], result
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("module", "too_much"),
    [
        ("captioner", {"numpy", "PIL"}),
        ("captioner.cli", {"numpy", "PIL"}),
        ("captioner.options", {"numpy", "PIL"}),
        ("captioner.messages", {"numpy", "PIL"}),
        *((f"captioner.{room}", set()) for room in ("images", "captions", "folder", "model", "ui")),
        *((f"captioner.{room}", set()) for room in ("datasets", "training", "training.check")),
    ],
)
def test_importing_imports_no_torch(module: str, too_much: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "torchvision", "gradio", *too_much} & {*result.stdout.split()}


def test_all_that_a_package_offers_is_there() -> None:
    import captioner
    from captioner import datasets, decoding, images, model, training

    for package in (captioner, datasets, decoding, images, model, training):
        assert {*package.__all__} <= {*dir(package)}
        assert all(getattr(package, name) is not None for name in package.__all__)
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = package.nothing


def test_serving_says_that_the_model_is_loaded_before_torch_is_imported(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = """
import sys
from captioner import cli, ui
told = []
cli._load = lambda options: told.append("torch" in sys.modules)
ui.serve = lambda model, serving: None
cli.main(["serve", "--port", "0", "--model", "model"])
assert told == [False]
"""
    subprocess.run([sys.executable, "-c", code], cwd=home, check=True)
    assert capfd.readouterr().err == "Loading the model 'model' …\n"


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    folder = tmp_path_factory.mktemp("quick")
    save_model(folder / "model", tiny_model, vocabulary, "")
    Image.new("RGB", (40, 30), "red").save(folder / "red.png")
    return folder


def test_what_is_half_imported_does_not_keep_ctrl_c_from_its_line() -> None:
    code = "import sys, types; sys.modules['logging'] = types.ModuleType('logging'); "
    code += "from captioner.__main__ import _stopped; sys.exit(_stopped())"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (130, "captioner: stopped.\n")


@pytest.mark.parametrize(
    ("module", "language"),
    [
        *(("traceback", "en"), ("string", "en")),  # which logging, not yet whole, imports
        *(("captioner.errors", "zh"), ("captioner.options", "en"), ("numpy", "en")),
        *(("torch._utils", "en"), ("torchvision.io", "zh"), ("captioner.pipeline", "en")),
    ],
)
def test_ctrl_c_during_imports_is_one_line_and_exit_130(
    home: Path, module: str, language: str
) -> None:
    """Python itself tells, on standard error, which module has just been imported."""
    command = [sys.executable, "-X", "importtime", "-m", "captioner", "caption", "red.png"]
    environment = {**os.environ, "CAPTIONER_LANG": language}
    with subprocess.Popen(
        [*command, "--model", "./model"], cwd=home, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stderr
        for line in process.stderr:
            if line.rpartition("|")[2].strip() == module:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read().splitlines()
        assert process.stdout
        assert process.stdout.read() == ""
    said = [line for line in rest if not line.startswith("import time:")]
    assert said == ["captioner: stopped." if language == "en" else "captioner: 已停止。"]
    assert process.returncode == 130
