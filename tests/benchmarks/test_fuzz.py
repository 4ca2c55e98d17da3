"""The fuzzer: it finds nothing in a few seconds, and would find what there is."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from captioner.errors import DatasetError

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


def test_a_few_seconds_of_each_target_find_nothing() -> None:
    command = [sys.executable, SCRIPT, "all", "1", "--seed", "1"]
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout
    for name in ("readers", "opener", "model", "beam", "sampling"):
        assert f"{name}: seed 1, " in result.stdout
    assert result.stdout.count("no failure") == 5


def test_an_input_is_made_from_its_seed_and_number_alone(fuzz: ModuleType, tmp_path: Path) -> None:
    target = fuzz.readers(None)
    outcomes = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        outcomes.append([fuzz.run_case(target, 5, case, folder).outcome for case in range(30)])
    assert outcomes[0] == outcomes[1]
    assert len(set(outcomes[0])) > 3


def test_exceptions_hangs_and_ends_are_found_and_gone_on_after(
    fuzz: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def target(chance: object, folder: Path) -> str:
        tried = tmp_path / "tried"  # inputs may run in several processes, one after another
        number = len(tried.read_bytes()) if tried.exists() else 0
        with tried.open("ab") as file:
            file.write(b".")
        if number == 1:
            raise DatasetError("It is known.")
        if number == 2:
            raise UnicodeError("nobody caught it")
        if number == 3:
            time.sleep(60)
        if number == 4:
            os._exit(7)
        return "fine"

    report = fuzz.fuzz("stub", target, 8.0, 3, 0.2)
    assert report.outcomes["error: It is known."] == 1
    assert report.outcomes["failure: UnicodeError"] == 1
    assert report.outcomes["fine"] > 1
    assert [what.partition(" at ")[0] for what in report.failures] == [
        "UnicodeError: 'nobody caught it'",
        "did not end; it spent 0 s of processor time",
        "the process ended with exit code 7",
    ]
    assert "case 2: UnicodeError" in capsys.readouterr().out
