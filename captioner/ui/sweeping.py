"""What visitors leave behind is forgotten within the hour."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

# gradio deletes the uploads that it knows of; a broken-off one, say, is left to us. Together these
# are an hour, too, but later than gradio's, which must find its files to forget their names.
INTERVAL_SECONDS, AGE_SECONDS = 240, 3360


class Sweeper:
    """Deletes old files, and has gradio forget visitors: it keeps what it has shown them.

    uploads: the folder of the files. page: gradio's Blocks, which are being served.
    """

    def __init__(self, uploads: Path, page: Any) -> None:
        self._uploads = uploads
        self._sessions = page.state_holder
        self._known_since: dict[str, float] = {}

    def sweep(self, now: float | None = None) -> None:
        """Forget what is too old at this time (seconds since the epoch), by default now."""
        now = time.time() if now is None else now
        delete_old(self._uploads, now - AGE_SECONDS)
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
