"""Photos with their captions on one web page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from captioner.captions import Row
from captioner.errors import FolderError, ImageError
from captioner.files import write_whole
from captioner.folder.journal import Journal
from captioner.images import Photo, thumbnail
from captioner.messages import printable
from captioner.templates import read_template

MOST_PHOTOS = 1000  # on a page, so that a browser can still show it
_MOST_FAILURES = 200
_SIDE = 320  # pixels on the longer side of a photo on the page


@dataclass(frozen=True)
class _Card:
    """A photo on the page. name: printable. photo: its data URI, None where it is gone."""

    name: str
    rows: tuple[Row, ...]
    photo: str | None


def write_gallery(path: Path, photos: Iterable[Photo], journal: Journal) -> None:
    """Write small copies of photos with their captions, in the photos' order.

    Of more than a thousand, a thousand evenly spread over the collection.

    Raises MissingError where jinja2 is not installed, FolderError where the page cannot be written.
    """
    done, failed = journal.count()
    cards = _cards(photos, journal, step=max(1, -(-(done - failed) // MOST_PHOTOS)))
    parts = load_template().generate(
        captioned=done - failed,
        failed=failed,
        cards=cards,
        failures=[printable(str(row.error)) for row in islice(journal.failures(), _MOST_FAILURES)],
        most=MOST_PHOTOS,
    )
    write_whole(path, (part.encode("utf-8", "backslashreplace") for part in parts), FolderError)


def load_template() -> Any:
    """The page's template. Raises MissingError where jinja2 is not installed."""
    return read_template(Path(__file__).with_name("gallery.html"))


def _cards(photos: Iterable[Photo], journal: Journal, step: int) -> Iterator[_Card]:
    done = ((photo, journal.rows_of(photo.name)) for photo in photos)
    captioned = ((photo, rows) for photo, rows in done if rows and not rows[0].error)
    for photo, rows in islice(captioned, 0, None, step):
        yield _Card(printable(photo.name), rows, _data_uri(photo))


def _data_uri(photo: Photo) -> str | None:
    try:
        return thumbnail(photo.open(_SIDE), _SIDE)
    except ImageError:
        return None
