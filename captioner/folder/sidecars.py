"""A text file for each photo: photo.txt beside photo.jpg, or below another folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from captioner.captions import Row, text_name, text_of
from captioner.errors import FolderError, OptionError
from captioner.files import check_file, raising, write_whole, writing
from captioner.folder.journal import Journal
from captioner.folder.outputs import Again, Done, check_settings, write_failures
from captioner.images import Photo
from captioner.images.names import safe_path
from captioner.messages import Message

EXISTING = ("skip", "overwrite", "append")


class Sidecars:
    """Texts beside photos, or below `root` in the photos' folders.

    What a text is called, and what stands in it: see `captioner.captions.texts`.

    existing: what happens where a text is there already: "skip" the photo, "overwrite" the text, or
    "append" the lines that it lacks. journal: lasts until all is done, so that a run that was
    killed goes on. failures: the file that lists photos which could not be read.

    suffix: of the texts, such as ".caption".

    Raises OptionError where `existing` is none of these.
    """

    def __init__(
        self,
        journal: Journal,
        again: Again,
        *,
        root: Path | None,
        existing: str,
        suffix: str = ".txt",
        failures: Path | None,
        settings: dict[str, Any],
    ) -> None:
        if existing not in EXISTING:
            raise OptionError(
                "existing must be one of {}, not '{}'.", ", ".join(EXISTING), existing
            )
        self.journal = journal
        self.failures = failures
        self._root, self._again, self._existing = root, again, existing
        self._suffix = suffix
        self._is_finished = False
        check_settings(journal, settings, str(journal.path))
        journal.commit(settings=settings)

    def wants(self, photo: Photo) -> bool:
        if not self._again.wants(photo, self.journal):
            return False
        text = self.path_of(photo)
        if self._existing != "skip" or not os.path.exists(text):
            return True
        return self._again.changed and self.journal.find(photo.name) is None and _newer(photo, text)

    def write(self, done: Done) -> Message | None:
        if not done.error:
            try:
                self._write_text(self.path_of(done.photo), text_of(done.rows))
            except FolderError as error:
                done = replace(done, rows=(Row(done.photo.name, error=error),))
        self.journal.put(done.rows, done.stamp, done.digest)
        return done.error

    def save(self) -> None:
        self.journal.commit()

    def finish(self) -> None:
        self.save()
        if self.failures:
            write_failures(self.failures, self.journal)
        self._is_finished = True

    def close(self) -> None:
        if self._is_finished:
            self.journal.remove()
        else:
            self.journal.close()

    def path_of(self, photo: Photo) -> Path:
        """Where a photo's text lies; dog.jpg.txt, as other programs have it, where there is one."""
        whole = os.path.join(self._root, safe_path(photo.name)) if self._root else photo.path
        by_whole = text_name(whole, True, self._suffix)
        is_there = os.path.exists(by_whole)
        return Path(by_whole if is_there else text_name(whole, photo.twin, self._suffix))

    def _write_text(self, text: Path, lines: str) -> None:
        """A line that is there already is not appended: a killed run may have done so."""
        content = lines.encode("utf-8", "backslashreplace")
        with writing(text, FolderError):
            if self._root:
                text.parent.mkdir(parents=True, exist_ok=True)
            is_kept = self._existing == "append" and os.path.exists(text)
            if is_kept:
                with raising(FolderError):
                    check_file(text)
            before = text.read_bytes() if is_kept else None
        if before is not None:
            known = set(before.splitlines())
            gap = b"\n" if before and not before.endswith(b"\n") else b""
            added = [line + b"\n" for line in content.splitlines() if line not in known]
            content = b"".join((before, gap, *added)) if added else before
        write_whole(text, [content], FolderError)


def _newer(photo: Photo, text: Path) -> bool:
    try:
        return os.stat(photo.path).st_mtime_ns > text.stat().st_mtime_ns
    except OSError:
        return False
