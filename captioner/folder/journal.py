"""What a run has done so far, on disk, so that a run killed at any moment can be taken up again.

A SQLite file beside the output: it holds each photo's rows and how far the output was written when
that was last made safe. Whatever the output holds beyond that is cut off before a run goes on.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from captioner.captions import Row, from_json, to_json
from captioner.errors import FolderError
from captioner.messages import reason

_TABLES = """
create table if not exists photos (
    image blob primary key, row blob not null, stamp text not null, digest blob, failed integer
);
create index if not exists digests on photos (digest) where digest is not null;
create index if not exists failures on photos (failed) where failed;
create table if not exists facts (name text primary key, value text);
"""


class Known(NamedTuple):
    """What the journal knows of a photo: `Photo.stamp` when it was read, whether that failed."""

    stamp: str
    failed: bool


class Journal:
    """The rows of all photos done, in the order in which they were done.

    Rows are kept on disk, so that memory does not grow with the photos. Without a path the journal
    lasts as long as the object.

    Raises FolderError where the file cannot be written, is damaged, or another run holds it.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        with self._in_words():
            self._base = sqlite3.connect(path or "", timeout=1)
            self._base.execute("pragma locking_mode = exclusive")
            self._base.executescript(_TABLES)
            self._base.execute("begin exclusive")

    def find(self, image: str) -> Known | None:
        """What is known of a photo, None where it was not done."""
        query = "select stamp, failed from photos where image = ?"
        found = self._first(query, os.fsencode(image))
        return Known(found[0], bool(found[1])) if found else None

    def rows_of(self, image: str) -> tuple[Row, ...]:
        """The rows of a photo, one for each language; none where it was not done."""
        found = self._first("select row from photos where image = ?", os.fsencode(image))
        return from_json(found[0]) if found else ()

    def with_digest(self, digest: bytes) -> tuple[Row, ...]:
        """The rows of a photo whose file had the same bytes, if there is one."""
        found = self._first("select row from photos where digest = ? limit 1", digest)
        return from_json(found[0]) if found else ()

    def put(self, rows: Sequence[Row], stamp: str, digest: bytes | None) -> bool:
        """Remember a photo by all its rows; returns whether earlier ones were replaced."""
        image, has_failed = rows[0].image, bool(rows[0].error)
        again = self.find(image) is not None
        with self._in_words():
            values = (os.fsencode(image), to_json(rows), stamp, digest, int(has_failed))
            self._base.execute("insert or replace into photos values (?, ?, ?, ?, ?)", values)
        return again

    def rows(self) -> Iterator[Row]:
        """All rows, in the order in which they were put."""
        with self._in_words():
            for (rows,) in self._base.execute("select row from photos order by rowid"):
                yield from from_json(rows)

    def failures(self) -> Iterator[Row]:
        """The rows of photos that could not be read."""
        with self._in_words():
            query = "select row from photos where failed order by rowid"
            for (rows,) in self._base.execute(query):
                yield from from_json(rows)

    def count(self) -> tuple[int, int]:
        """How many photos were done, and how many of them failed."""
        (done,) = self._first("select count(*) from photos")
        (failed,) = self._first("select count(*) from photos where failed")
        return done, failed

    def fact(self, name: str) -> Any:
        """What was remembered under a name, None where nothing was."""
        found = self._first("select value from facts where name = ?", name)
        return json.loads(found[0]) if found else None

    def put_fact(self, name: str, value: Any) -> None:
        """Remember something else than a photo."""
        with self._in_words():
            query = "insert or replace into facts values (?, ?)"
            self._base.execute(query, (name, json.dumps(value)))

    def commit(self, **facts: Any) -> None:
        """Make safe all that was put, together with these facts."""
        for name, value in facts.items():
            self.put_fact(name, value)
        with self._in_words():
            self._base.commit()

    def clear(self) -> None:
        """Forget everything."""
        with self._in_words():
            self._base.execute("delete from photos")
            self._base.execute("delete from facts")

    def close(self) -> None:
        """Let go of the file; what was not committed is forgotten."""
        self._base.close()

    def remove(self) -> None:
        """Close, and delete the file."""
        self.close()
        if self.path:
            self.path.unlink(missing_ok=True)

    def _first(self, query: str, *values: object) -> Any:
        """The first row of an answer, None where there is none."""
        with self._in_words():
            return self._base.execute(query, values).fetchone()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise FolderError(
                    "Another run is writing the same captions: it holds {}.", self.path
                ) from None
            raise FolderError("{} cannot be written ({}).", self.path, reason(error)) from None
        except sqlite3.DatabaseError:
            raise FolderError(
                "{} is damaged: delete it together with the captions to begin anew.", self.path
            ) from None
