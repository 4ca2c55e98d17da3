"""What visitors leave behind is forgotten within the hour, and what a killed server does, too."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from captioner.ui.captioning import Memory

# gradio deletes the uploads that it knows of; a broken-off one, say, is left to us. Together these
# are an hour, too, but later than gradio's, which must find its files to forget their names.
INTERVAL_SECONDS, AGE_SECONDS = 240, 3360


_PREFIX, _LOCK = "captioner-", "running.lock"


@contextmanager
def upload_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder for uploads, which goes with all that is in it, so that nobody's photo outlives
    the server. What servers left there that were killed goes first.

    parent: by default where this computer keeps what is temporary.
    """
    parent = parent or Path(tempfile.gettempdir())
    delete_leftovers(parent)
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True) as own,
        Path(own, "new.lock").open("w") as lock,
    ):
        _locked(lock)
        # Only now has it the name that another server, which starts meanwhile, would look for.
        os.replace(lock.name, Path(own, _LOCK))
        uploads = Path(own, "uploads")
        uploads.mkdir(mode=0o700)
        yield uploads


def delete_leftovers(parent: Path) -> None:
    """Delete folders of ours whose server is dead: only a living one holds the lock in it."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            status = folder.lstat()
            own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            is_lock = stat.S_ISREG((folder / _LOCK).lstat().st_mode)
            if not (own and stat.S_ISDIR(status.st_mode) and is_lock):
                continue
            with (folder / _LOCK).open("r+") as lock:
                if _locked(lock):
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # somebody else's, or gone already
            continue


def _locked(lock: IO[str]) -> bool:
    """Whether a file is now locked by us; where there are no such locks, it is not."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Cleanup:
    """Deletes old files, and has gradio forget visitors: it keeps what it has shown them.

    uploads: the folder of the files. page: gradio's Blocks, which are being served. memory: what
    the page itself keeps of photos.
    """

    def __init__(self, uploads: Path, page: Any, memory: Memory) -> None:
        self._uploads = uploads
        self._sessions = page.state_holder
        self._memory = memory
        self._known_since: dict[str, float] = {}

    def sweep(self, now: float | None = None) -> None:
        """Forget what is too old at this time (seconds since the epoch), by default now."""
        now = time.time() if now is None else now
        delete_old(self._uploads, now - AGE_SECONDS)
        self._memory.forget_old()
        present = list(self._sessions.session_data)
        self._known_since = {name: self._known_since.get(name, now) for name in present}
        for name, since in self._known_since.items():
            if since <= now - AGE_SECONDS + INTERVAL_SECONDS:  # it may be older than we know
                self._sessions.session_data.pop(name, None)
                self._sessions.time_last_used.pop(name, None)


def delete_old(folder: Path, limit: float) -> None:
    """Delete files from before the limit below a folder, and the folders that are empty then."""
    for path in sorted(folder.rglob("*"), reverse=True):
        try:
            if path.lstat().st_ctime >= limit:
                continue
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
        except OSError:  # gone already, or not empty
            continue
