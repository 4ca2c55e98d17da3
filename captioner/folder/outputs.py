"""Where captions go: one file for all of them, or standard output."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from captioner.captions import Form, Row, to_json
from captioner.errors import FolderError
from captioner.files import write_whole, writing
from captioner.folder.journal import Journal
from captioner.images import Photo
from captioner.messages import Message
from captioner.options import CaptionOptions

_TAIL = 64  # bytes, by which a file is known again


@dataclass(frozen=True)
class Done:
    """A photo that was captioned or could not be read.

    rows: one for each language, or one that says why there is none. stamp: `Photo.stamp` before it
    was read. digest: of its bytes, None where they were not read.
    """

    photo: Photo
    rows: tuple[Row, ...]
    stamp: str
    digest: bytes | None

    @property
    def error(self) -> Message | None:
        """Why the photo has no caption, if it has none."""
        return self.rows[0].error


class Output(Protocol):
    """Takes rows; what was saved survives a kill, and what was not is captioned again.

    failures: the file that says which photos failed, None where nothing does.
    """

    journal: Journal
    failures: Path | None

    def wants(self, photo: Photo) -> bool:
        """Whether the photo is still to be captioned."""

    def write(self, done: Done) -> Message | None:
        """Take a photo's rows. Returns why there are none, or why they cannot be written."""

    def save(self) -> None:
        """Make safe what was taken."""

    def finish(self) -> None:
        """Save, and bring the files into their final state; the journal can still be read."""

    def close(self) -> None:
        """Let go of all files."""


@dataclass(frozen=True)
class Again:
    """Which photos are captioned again although they have a row: those that changed since.

    changed: all of them. failed: only those that could not be read then.
    """

    changed: bool = False
    failed: bool = False

    def wants(self, photo: Photo, journal: Journal) -> bool:
        """Whether the photo has no row or is to be captioned again."""
        known = journal.find(photo.name)
        if known is None:
            return True
        if not (self.changed or (self.failed and known.failed)):
            return False
        try:
            return photo.stamp() != known.stamp
        except OSError:  # it is gone, and what was said of it stays
            return False


class FileOutput:
    """All rows in one file, each once, whenever the run is killed.

    The journal knows how long the file was when it was last saved: a run that goes on cuts off what
    came after. After every save the file is whole.

    Raises FolderError where the file holds something else than the journal says, or cannot be
    written.
    """

    def __init__(
        self, path: Path, form: Form, journal: Journal, again: Again, settings: dict[str, Any]
    ) -> None:
        self.path, self.journal = path, journal
        self.failures: Path | None = path
        if not form.holds_failures:
            self.failures = path.with_suffix(".failed.jsonl")
        self._form, self._again = form, again
        if not os.path.exists(path):
            journal.clear()
        check_settings(journal, settings, str(path))
        self._check_file()
        self._length: int = journal.fact("length") or 0
        self._waiting = io.BytesIO()
        journal.commit(settings=settings, length=self._length, finished=False)
        with writing(path, FolderError):
            self._file = path.open("r+b" if path.exists() else "w+b")
        if journal.fact("replaced") or not self._has_header():
            self._rebuild()
        if self._length == 0:
            self._waiting.write(form.header)
        self.save()

    def wants(self, photo: Photo) -> bool:
        return self._again.wants(photo, self.journal)

    def write(self, done: Done) -> Message | None:
        if self.journal.put(done.rows, done.stamp, done.digest):
            self.journal.put_fact("replaced", True)
        for row in done.rows:
            first = self._length + self._waiting.tell() == len(self._form.header)
            self._waiting.write(self._form.spell(row, first))
        return done.error

    def save(self) -> None:
        text = self._waiting.getvalue()
        with writing(self.path, FolderError):
            self._file.seek(self._length)
            self._file.write(text + self._form.footer)
            self._file.truncate()
            self._file.flush()
            os.fsync(self._file.fileno())
        self._waiting = io.BytesIO()
        self._length += len(text)
        self.journal.commit(length=self._length, tail=self._tail())

    def finish(self) -> None:
        self.save()
        if self.journal.fact("replaced"):
            self._rebuild()
        if self.failures and self.failures != self.path:
            write_failures(self.failures, self.journal)
        self.journal.commit(finished=True)

    def close(self) -> None:
        # What could not be written when it was saved has been told, and is tried again here.
        with suppress(OSError):
            self._file.close()
        self.journal.close()

    def _has_header(self) -> bool:
        """Whether the file was begun as this version begins one, if it was begun."""
        with writing(self.path, FolderError):
            self._file.seek(0)
            header = self._form.header
            return self._length == 0 or self._file.read(len(header)) == header

    def _tail(self) -> str:
        """The last bytes that were saved, as text."""
        with writing(self.path, FolderError):
            self._file.seek(max(0, self._length - _TAIL))
            return self._file.read(min(_TAIL, self._length)).hex()

    def _check_file(self) -> None:
        """Make sure that the file is the one that the journal tells of."""
        length = self.journal.fact("length")
        if not self.path.exists() or self.journal.fact("replaced"):
            return
        with writing(self.path, FolderError), self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if length is None:
                if size:
                    raise FolderError(
                        "{} is there already and was not begun by this command: delete it, or name "
                        "another file.",
                        self.path,
                    )
                return
            file.seek(max(0, length - _TAIL))
            tail = file.read(min(_TAIL, length)).hex()
        added = self.journal.fact("finished") and size > length + len(self._form.footer)
        if tail != (self.journal.fact("tail") or "") or added:
            raise FolderError(
                "{} was changed since this command wrote it: move it away, or name another file.",
                self.path,
            )

    def _rebuild(self) -> None:
        """Write the file anew from the journal, without the rows that others have replaced."""
        write_whole(self.path, self._parts(), FolderError, synced=True)
        with writing(self.path, FolderError):
            self._file.close()
            self._file = self.path.open("r+b")
            self._length = self.path.stat().st_size - len(self._form.footer)
        self._waiting = io.BytesIO()
        self.journal.commit(length=self._length, tail=self._tail(), replaced=False)

    def _parts(self) -> Iterator[bytes]:
        yield self._form.header
        for number, row in enumerate(self.journal.rows()):
            yield self._form.spell(row, number == 0)
        yield self._form.footer


class StandardOutput:
    """All rows as JSON Lines on standard output; a run that was killed begins anew."""

    def __init__(self, again: Again) -> None:
        self.failures: Path | None = None
        self.journal = Journal(None)
        self._again = again
        self._is_terminal = sys.stdout.isatty()

    def wants(self, photo: Photo) -> bool:
        return self._again.wants(photo, self.journal)

    def write(self, done: Done) -> Message | None:
        self.journal.put(done.rows, done.stamp, done.digest)
        lines = to_json(done.rows)
        if self._is_terminal:
            sys.stdout.write(lines.decode())
        else:
            sys.stdout.buffer.write(lines)
        return done.error

    def save(self) -> None:
        sys.stdout.flush()

    def finish(self) -> None:
        self.save()

    def close(self) -> None:
        self.journal.close()


def check_settings(journal: Journal, settings: dict[str, Any], shown: str) -> None:
    """Make sure that captions begun with some settings are not gone on with by others.

    What an earlier version did not record was the usual.

    Raises FolderError, which names the first setting that differs.
    """
    begun = {**CaptionOptions().all(), **(journal.fact("settings") or settings)}
    for name, value in settings.items():
        before, now = _told(name, begun.get(name)), _told(name, value)
        if before != now:
            raise FolderError(
                "{} was begun {}, not {}: delete it to begin anew, or name another.",
                shown,
                before,
                now,
            )


def write_failures(path: Path, journal: Journal) -> None:
    """Write the photos that could not be read as JSON Lines; no file where there are none."""
    lines = (to_json([row]) for row in journal.failures())
    first = next(lines, None)
    if first is None:
        path.unlink(missing_ok=True)
        return
    write_whole(path, (first, *lines), FolderError)


def _told(name: str, value: Any) -> Message:
    if value is None:
        return Message("with sampling") if name == "beam" else Message("without {}", name)
    if isinstance(value, list | tuple):
        value = ", ".join(value)
    return Message("with {} {}", name, repr(value) if isinstance(value, str) else value)
