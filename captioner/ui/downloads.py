"""Captions of many photos as a file to take home."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from captioner.folder.rows import image_id
from captioner.images.names import safe_path
from captioner.text import spreadsheet

COLUMNS = ("image", "caption", "score", "model", "error")
Row = Mapping[str, Any]  # of COLUMNS, those that the photo has; an edited caption has no score


def as_csv(rows: Iterable[Row]) -> bytes:
    """A table with all columns, in which no cell is a formula; it begins with the mark by which
    Excel knows Unicode."""
    lines = (spreadsheet.line([row.get(name, "") for name in COLUMNS]) for row in rows)
    return "".join([spreadsheet.header(COLUMNS), *lines]).encode("utf-8-sig")


def as_jsonl(rows: Iterable[Row]) -> bytes:
    """One JSON object a line, with what the photo has."""
    objects = ({name: row[name] for name in COLUMNS if name in row} for row in rows)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in objects)
    return "".join(lines).encode()


def as_coco(rows: Iterable[Row]) -> bytes:
    """COCO's results format; photos without a caption are left out."""
    results = [
        {"image_id": image_id(row["image"]), "caption": row["caption"]}
        for row in rows
        if "caption" in row
    ]
    return json.dumps(results, ensure_ascii=False, indent=1).encode()


def as_texts(rows: Iterable[Row]) -> bytes:
    """A zip file with photo.txt for photo.jpg; photos without a caption are left out."""
    captions = [(row["image"], row["caption"]) for row in rows if "caption" in row]
    names = text_names([name for name, _ in captions])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (_, caption) in zip(names, captions, strict=True):
            archive.writestr(name, caption + "\n")
    return file.getvalue()


def text_names(images: Sequence[str]) -> list[str]:
    """Names of text files, all different: dog.png beside dog.jpg has dog.png.txt."""
    taken: set[str] = set()
    names = []
    for image in map(safe_path, images):
        whole = PurePosixPath(image)
        candidates = [str(whole.with_suffix(".txt")), f"{image}.txt"]
        candidates += [f"{image} ({number}).txt" for number in range(2, len(images) + 2)]
        # Where a computer takes Dog and dog for the same name, one would overwrite the other.
        name = next(name for name in candidates if name.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names


FORMS: dict[str, tuple[str, Callable[[Iterable[Row]], bytes]]] = {
    "CSV": (".csv", as_csv),
    "JSONL": (".jsonl", as_jsonl),
    "COCO": (".json", as_coco),
    "TXT": (".zip", as_texts),
}


def download(request: Sequence[Any]) -> dict[str, str]:
    """What the browser saves, for `[rows, form]`: the file's name and its bytes in base64."""
    rows, form = request
    suffix, spell = FORMS[form]
    name = f"captions-{datetime.now():%Y%m%d-%H%M}{suffix}"
    return {"name": name, "content": base64.b64encode(spell(rows)).decode()}
