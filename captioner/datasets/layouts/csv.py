"""A table of captions as CSV or TSV, with names of columns in line 1."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from captioner.datasets.finding import images_below
from captioner.datasets.layouts import Layout
from captioner.datasets.records import Dataset
from captioner.datasets.splits import VAL_SHARE
from captioner.datasets.tables import csv_rows, is_csv, match_rows


def read_csv(
    path: Path,
    images: Iterable[Path] | None = None,
    split: str = "",
    val_share: float = VAL_SHARE,
) -> Dataset:
    """Read a table with comma, tab, semicolon or vertical bar between columns named in line 1.

    images: folders or archives with the photos; found beside the file where not given.
    split, val_share: as for `share_out`, where the table has no column `split`.

    Raises DatasetError, naming the file and the line, where it is missing or malformed.
    """
    return match_rows(csv_rows(path), path, images or images_below(path.parent), split, val_share)


CSV = Layout(
    "csv",
    lambda path, options: read_csv(path, options.images, options.split, options.val_share),
    suffixes=(".csv", ".tsv", ".txt"),
    is_file=lambda suffix, head: is_csv(head),
)
