"""Tables of captions: CSV, TSV and JSON Lines.

A row holds a photo's name in a column `image` or `file_name`, and one caption in `caption` or
`text`, or several in `captions` (a list; JSON only) or `caption_0`, `caption_1`, ... A column
`split` is optional, any other is passed over. A photo may have several rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captioner.datasets.files import json_values, read_text
from captioner.datasets.layouts import Layout, Options
from captioner.datasets.records import Dataset, match_photos, without_nulls
from captioner.datasets.splits import split_called
from captioner.errors import DatasetError
from captioner.fields import shown
from captioner.messages import Message
from captioner.text import spreadsheet

# Names of columns in the wild, the surest first: `image` beside `file_name` is mostly a number, and
# `text` beside `caption` what is written in the photo.
_IMAGE = tuple(map(re.compile, ("file_?name", "image", "image_name", "(file|image)_?path")))
_CAPTION = tuple(map(re.compile, (r"captions?(_?\d+)?", "text", "comment", "title")))
_DELIMITERS = ",\t;|"


@dataclass(frozen=True)
class Row:
    """A photo's name, its captions, its split if the row says it, and where the row stands."""

    image: str
    captions: list[str]
    split: str | None
    where: Message


def read_csv(path: Path, options: Options) -> Dataset:
    """Read a table with comma, tab, semicolon or vertical bar between columns named in line 1."""
    return match_rows(csv_rows(path), path, path.parent, options)


def read_jsonl(path: Path, options: Options) -> Dataset:
    """Read a file with a JSON object a line, or with one JSON list of them."""
    return match_rows(json_rows(path, options.skip), path, path.parent, options)


def match_rows(rows: Iterable[Row], path: Path, folder: Path, options: Options) -> Dataset:
    """The records of the rows of `path`, with the photos of that folder."""
    captions: dict[str, list[str]] = {}
    splits: dict[str, str | None] = {}
    for row in rows:
        captions.setdefault(row.image, []).extend(row.captions)
        if splits.setdefault(row.image, row.split) != row.split:
            raise DatasetError("{}: {} is in two splits.", row.where, row.image)
    if not captions:
        raise DatasetError("{} holds no captions.", path)
    known = {name: stated for name, stated in splits.items() if stated}
    if options.split and known:
        raise DatasetError("{} says each photo's split itself: leave `split` out.", path)
    unstated = (name for name in captions if name not in known)
    return match_photos(captions, known | options.splits(unstated), options.photos(folder))


def csv_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV file, in its order."""
    text = read_text(path)
    number = 1
    try:
        header = _header(text)
        if not header:
            raise DatasetError("{}, line 1: expected the columns `image` and `caption`.", path)
        names, delimiter = header
        restored = spreadsheet.restored if spreadsheet.is_guarded(text) else str
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for fields in reader:
            where = Message("{}, line {}", path, number)
            if fields and number > 1:
                yield _row(_named(names, list(map(restored, fields)), where), where)
            number = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(
            "{}, line {}: not a valid table ({}); is a quotation mark left open?",
            path,
            number,
            error,
        ) from None


def json_rows(path: Path, skip: bool = False) -> Iterator[Row]:
    """The rows of a JSON file, in its order. skip: whether a null stands for an empty caption."""
    for where, raw in json_values(path):
        if not isinstance(raw, dict):
            raise DatasetError("{}: expected a JSON object with `image` and `caption`.", where)
        yield _row({key.strip().lower(): value for key, value in raw.items()}, where, skip)


def _is_csv(suffix: str, head: str) -> bool:
    try:
        return _header(head) is not None
    except csv.Error:
        return False


def captions_in(raw: Mapping[str, Any], where: Message | str, skip: bool = False) -> list[str]:
    """The captions of an object with columns' names in small letters; it may have none.

    skip: whether a null stands for an empty caption.

    Raises DatasetError, which says where, if one is no text.
    """
    captions = [text for c in _columns(raw, _CAPTION) for text in _texts(raw[c])]
    captions = without_nulls(captions, where, skip)
    if not all(isinstance(text, str) for text in captions):
        raise DatasetError("{}: a caption must be text.", where)
    return captions


def _row(raw: Mapping[str, Any], where: Message, skip: bool = False) -> Row:
    images = [raw[column] for column in _columns(raw, _IMAGE)]
    captions = captions_in(raw, where, skip)
    if not (images and isinstance(images[0], str) and images[0].strip() and captions):
        raise DatasetError("{}: expected a photo's name as `image`, and a `caption`.", where)
    return Row(images[0].strip(), captions, _split(raw, where), where)


def _columns(names: Iterable[str], meanings: Iterable[re.Pattern[str]]) -> list[str]:
    """Those columns whose names have the first of the meanings that any has."""
    columns = list(names)
    found = ([c for c in columns if meaning.fullmatch(c)] for meaning in meanings)
    return next(filter(None, found), [])


def _texts(value: Any) -> list[Any]:
    return (value or [""]) if isinstance(value, list) else [value]


def _split(raw: Mapping[str, Any], where: Message) -> str | None:
    if "split" not in raw:
        return None
    word = raw["split"]
    split = split_called(word) if isinstance(word, str) else None
    if split is None:
        raise DatasetError("{}: {} is no split; there is: train, val, test.", where, shown(word))
    return split


def _header(text: str) -> tuple[list[str], str] | None:
    """The columns' names and the delimiter, which is the one that makes sense of the first line."""
    first = text.splitlines()[:1]
    for delimiter in _DELIMITERS:
        names = [name.strip().lower() for name in next(csv.reader(first, delimiter=delimiter), [])]
        if _columns(names, _IMAGE) and _columns(names, _CAPTION):
            return names, delimiter
    return None


def _named(names: list[str], fields: list[str], where: Message) -> dict[str, str]:
    if len(fields) != len(names):
        raise DatasetError(
            "{}: expected {} fields, found {}; a caption that holds the delimiter needs quotation "
            "marks.",
            where,
            len(names),
            len(fields),
        )
    return dict(zip(names, fields, strict=True))


CSV = Layout("csv", read_csv, suffixes=(".csv", ".tsv", ".txt"), is_file=_is_csv)
JSONL = Layout(
    "jsonl",
    read_jsonl,
    suffixes=(".jsonl", ".ndjson", ".json"),
    is_file=lambda suffix, head: suffix != ".json" or head.startswith("["),
)
