"""A real Ray on this machine, with two copies of the model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import folder, rows
from conftest import MakePhotos

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'captioner[ray]'")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    yield
    ray.shutdown()


def test_a_cluster_goes_on_with_the_same_captions(
    cluster: None, tmp_path: Path, model: Path, make_photos: MakePhotos
) -> None:
    photos = tmp_path / "photos"
    make_photos(photos, *(f"{number % 3}/{number}.png" for number in range(20)))
    (photos / "bad.jpg").write_text("no photo")
    arguments = ("--model", model, "--batch", "4", "--trigger", "sks,", "--top", "2")
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    assert folder(photos, "-o", here, *arguments).code == 1
    folder(photos, "-o", there, *arguments, "--exclude", "0", "--exclude", "*.jpg")
    assert len(rows(there)) == 13
    result = folder(photos, "-o", there, *arguments, "--engine", "ray")
    assert result.code == 1
    assert "7 captioned, 13 skipped, 1 failed" in result.stderr

    def captions(path: Path) -> list[tuple[str, str, str]]:
        found = [(r["image"], r.get("caption", ""), r.get("error", "")) for r in rows(path)]
        return sorted(found)

    assert captions(there) == captions(here)


def test_a_cluster_cannot_watch(tmp_path: Path, model: Path) -> None:
    result = folder(tmp_path, "-o", "-", "--model", model, "--watch", "--engine", "ray")
    assert result.code == 2
    assert "A Ray cluster cannot watch" in result.stderr


def test_without_ray_it_is_said_what_to_install(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    result = folder(tmp_path, "-o", tmp_path / "o.jsonl", "--model", model, "--engine", "ray")
    assert result.code == 2
    assert "needs Ray Data: pip install 'captioner[ray]'." in result.stderr
