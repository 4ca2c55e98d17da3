"""Captions to take home, read back by other readers."""

import base64
import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pandas
import pytest

from captioner.captions import Row
from captioner.datasets.layouts.tables import csv_rows
from captioner.ui.downloads import FORMS, as_coco, as_csv, as_jsonl, as_texts, download

GIVEN: list[dict[str, Any]] = [
    {
        "image": "000042.jpg", "language": "en", "caption": 'a "dog", running', "log_prob": -3.0,
        "score": -1.5, "model": "m",
    },
    {"image": "夏天/猫.png", "language": "zh", "caption": "一只猫\n在睡觉"},
    {"image": "<notes>.jpg", "error": "<notes>.jpg is not a photo in any known format."},
]  # fmt: skip
ROWS = [Row.from_dict(row) for row in GIVEN]


def test_the_table_is_read_by_others() -> None:
    table = pandas.read_csv(io.BytesIO(as_csv(ROWS)), keep_default_na=False)
    assert list(table.columns) == [
        "image", "language", "caption", "log_prob", "score", "model", "error",
    ]  # fmt: skip
    assert list(table["image"]) == [row.image for row in ROWS]
    assert list(table["caption"]) == ['a "dog", running', "一只猫\n在睡觉", ""]
    assert list(table["score"]) == ["-1.5", "", ""]


def test_no_cell_of_the_table_is_a_formula(tmp_path: Path) -> None:
    rows = [Row("=1+1.jpg", "@SUM(1)"), Row("a;-b.jpg", "'+1")]
    table = pandas.read_csv(io.BytesIO(as_csv(rows)), keep_default_na=False)
    assert list(table["image"]) == ["'=1+1.jpg", "a;'-b.jpg"]
    assert list(table["caption"]) == ["'@SUM(1)", "''+1"]
    path = tmp_path / "captions.csv"
    path.write_bytes(as_csv(rows))
    assert [Row(row.image, row.captions[0]) for row in csv_rows(path)] == rows


def test_the_table_tells_excel_that_it_is_unicode() -> None:
    assert as_csv(ROWS).startswith(b"\xef\xbb\xbf")


def test_json_lines_hold_what_a_photo_has() -> None:
    lines = as_jsonl(ROWS).decode().splitlines()
    assert [json.loads(line) for line in lines] == GIVEN
    assert "猫" in lines[1]


def test_coco_results_know_a_photo_by_its_number_or_name() -> None:
    assert json.loads(as_coco(ROWS)) == [
        {"image_id": 42, "caption": 'a "dog", running'},
        {"image_id": "夏天/猫.png", "caption": "一只猫\n在睡觉"},
    ]


def test_texts_are_named_after_their_photos() -> None:
    with zipfile.ZipFile(io.BytesIO(as_texts(ROWS))) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert texts == {"000042.txt": 'a "dog", running\n', "夏天/猫.txt": "一只猫\n在睡觉\n"}


@pytest.mark.parametrize("form", FORMS)
def test_the_browser_gets_a_name_and_the_bytes(form: str) -> None:
    suffix, spell = FORMS[form]
    file = download([GIVEN, form])
    assert file["name"].startswith("captions-")
    assert file["name"].endswith(suffix)
    if form != "TXT":  # which holds the time
        assert base64.b64decode(file["content"]) == spell(ROWS)


def test_nothing_at_all_is_still_a_table() -> None:
    assert next(csv.reader(io.StringIO(as_csv([]).decode("utf-8-sig"))))[0] == "image"
