"""What is forgotten, and when."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from captioner.ui.captioning import Memory
from captioner.ui.cleanup import (
    AGE_SECONDS,
    INTERVAL_SECONDS,
    Cleanup,
    delete_old,
    upload_folder,
)


def test_old_files_and_empty_folders_go_and_new_files_stay(tmp_path: Path) -> None:
    for name in ("old/deep/a.png", "b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    written = (tmp_path / "b.png").stat().st_ctime

    delete_old(tmp_path, written - 1)
    assert len(list(tmp_path.rglob("*"))) == 4
    delete_old(tmp_path, written + 1)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_deleted_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept.png"
    kept.write_bytes(b"x")
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "link.png").symlink_to(kept)
    delete_old(folder, time.time() + 1)
    assert list(folder.iterdir()) == []
    assert kept.exists()


def test_no_visitor_is_known_for_more_than_an_hour(tmp_path: Path) -> None:
    holder = SimpleNamespace(session_data={}, time_last_used={})
    cleanup = Cleanup(tmp_path, SimpleNamespace(state_holder=holder), Memory())
    came = 7.0  # seconds after a sweep
    holder.session_data["ann"] = holder.time_last_used["ann"] = "state"
    now = float(INTERVAL_SECONDS)
    while "ann" in holder.session_data:
        cleanup.sweep(now)
        now += INTERVAL_SECONDS
    stayed = now - INTERVAL_SECONDS - came
    assert AGE_SECONDS - 2 * INTERVAL_SECONDS <= stayed <= 3600
    assert holder.time_last_used == {}


def test_what_a_dead_server_left_goes_and_all_else_stays(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from captioner.ui.cleanup import upload_folder\n"
        "with upload_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'photo.png').touch(); print(folder, flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    left = Path(killed.stdout.strip())
    assert (left / "photo.png").exists()
    (tmp_path / "captioner-no-lock").mkdir()
    (tmp_path / "captioner-file").touch()
    (tmp_path / "captioner-link").symlink_to(left.parent)

    with upload_folder(tmp_path) as first:
        assert not left.exists()
        with upload_folder(tmp_path) as second:
            assert first.is_dir()
            assert second.is_dir()
            assert first.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(own.name for own in tmp_path.iterdir()) == [
        "captioner-file", "captioner-link", "captioner-no-lock",
    ]  # fmt: skip
