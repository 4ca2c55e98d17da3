"""Whatever lies in a folder: what can be read is captioned, of the rest it is said why not."""

import csv
import json
import os
from pathlib import Path

import pytest
from bad_files import generate
from command import folder, rows

pytestmark = pytest.mark.skipif(os.name == "nt", reason="most of it cannot exist on Windows")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str], dict[str, str]]:
    root = tmp_path_factory.mktemp("bad") / "photos"
    return root, *generate(root)


def state(root: Path) -> dict[str, tuple[int, int, int]]:
    """Name, size, dates and mode of everything below a folder."""
    found = {}
    for path in root.rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_size, status.st_mtime_ns, status.st_mode)
    return found


def test_every_photo_is_captioned_or_has_a_reason(
    collection: tuple[Path, set[str], dict[str, str]], tmp_path: Path, model: Path
) -> None:
    root, good, bad = collection
    before = state(root)
    result = folder(root, "-o", tmp_path / "out.jsonl", "--model", model)
    found = {row["image"]: row for row in rows(tmp_path / "out.jsonl")}
    assert result.code == 1
    assert set(found) == good | set(bad)
    assert {name for name, row in found.items() if "error" in row} == set(bad)
    for name, reason in bad.items():
        assert found[name]["error"].startswith(name)
        assert reason in found[name]["error"]
        assert found[name]["error"].endswith(".")
        assert set(found[name]) == {"image", "error"}
    assert all(found[name]["caption"] for name in good)
    assert state(root) == before
    said = [line for line in result.stderr.splitlines() if line.startswith("captioner: ")]
    assert len(said) == len(result.stderr.splitlines()) == len(bad) + 1
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_every_form_takes_every_name(
    collection: tuple[Path, set[str], dict[str, str]], tmp_path: Path, model: Path, suffix: str
) -> None:
    root, good, bad = collection
    out = tmp_path / f"out{suffix}"
    assert folder(root, "-o", out, "--model", model).code == 1
    if suffix == ".json":
        assert {row["image_id"] for row in json.loads(out.read_text("utf-8"))} == good
        assert {row["image"] for row in rows(tmp_path / "out.failed.jsonl")} == set(bad)
        return
    with out.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(good) + len(bad)
    assert len([row for row in table if row["error"]]) == len(bad)


def test_every_photo_that_can_be_read_has_a_text(
    collection: tuple[Path, set[str], dict[str, str]], tmp_path: Path, model: Path
) -> None:
    root, good, _ = collection
    assert folder(root, "--sidecar", "-o", tmp_path / "texts", "--model", model).code == 1
    assert len(list((tmp_path / "texts").rglob("*.txt"))) == len(good)
    assert not list((tmp_path / "texts").rglob(".*"))
