"""Captions of many photos as a file to take home."""

from __future__ import annotations

import base64
import codecs
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from captioner.captions import CocoResults, Csv, JsonLines, Row, spelt, text_names, text_of


def as_csv(rows: Sequence[Row]) -> bytes:
    """A table; it begins with the mark by which Excel knows Unicode."""
    return codecs.BOM_UTF8 + spelt(rows, Csv())


def as_jsonl(rows: Sequence[Row]) -> bytes:
    """One JSON object a line."""
    return spelt(rows, JsonLines())


def as_coco(rows: Sequence[Row]) -> bytes:
    """COCO's results format; photos without a caption are left out."""
    return spelt(rows, CocoResults())


def as_texts(rows: Sequence[Row]) -> bytes:
    """A zip file with photo.txt for photo.jpg; photos without a caption are left out."""
    captioned = [row for row in rows if not row.error]
    names = text_names([row.image for row in captioned])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, row in zip(names, captioned, strict=True):
            archive.writestr(name, text_of([row]).encode("utf-8", "backslashreplace"))
    return file.getvalue()


FORMS: dict[str, tuple[str, Callable[[Sequence[Row]], bytes]]] = {
    "CSV": (".csv", as_csv),
    "JSONL": (".jsonl", as_jsonl),
    "COCO": (".json", as_coco),
    "TXT": (".zip", as_texts),
}


def download(request: Sequence[Any]) -> dict[str, str]:
    """What the browser saves, for `[rows, form]`: the file's name and its bytes in base64.

    rows: as `Row.as_dict` gives them; a visitor may have corrected a caption.
    """
    rows, form = request
    suffix, spell = FORMS[form]
    name = f"captions-{datetime.now():%Y%m%d-%H%M}{suffix}"
    content = spell([Row.from_dict(row) for row in rows])
    return {"name": name, "content": base64.b64encode(content).decode()}
