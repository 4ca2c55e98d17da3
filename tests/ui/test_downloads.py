"""Captions to take home, read back by other readers."""

import base64
import csv
import io
import json
import zipfile
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.datasets.tables import csv_rows
from captioner.ui.downloads import FORMS, as_coco, as_csv, as_jsonl, as_texts, download, text_names

ROWS = [
    {"image": "000042.jpg", "caption": 'a "dog", running', "score": -1.5, "model": "m"},
    {"image": "夏天/猫.png", "caption": "一只猫\n在睡觉"},
    {"image": "<notes>.jpg", "error": "<notes>.jpg is not a photo in any known format."},
]


def test_the_table_is_read_by_others() -> None:
    table = pandas.read_csv(io.BytesIO(as_csv(ROWS)), keep_default_na=False)
    assert list(table.columns) == ["image", "caption", "score", "model", "error"]
    assert list(table["image"]) == [row["image"] for row in ROWS]
    assert list(table["caption"]) == ['a "dog", running', "一只猫\n在睡觉", ""]
    assert list(table["score"]) == ["-1.5", "", ""]


def test_no_cell_of_the_table_is_a_formula(tmp_path: Path) -> None:
    rows = [{"image": "=1+1.jpg", "caption": "@SUM(1)"}, {"image": "a;-b.jpg", "caption": "'+1"}]
    table = pandas.read_csv(io.BytesIO(as_csv(rows)), keep_default_na=False)
    assert list(table["image"]) == ["'=1+1.jpg", "a;'-b.jpg"]
    assert list(table["caption"]) == ["'@SUM(1)", "''+1"]
    path = tmp_path / "captions.csv"
    path.write_bytes(as_csv(rows))
    found = [{"image": row.image, "caption": row.captions[0]} for row in csv_rows(path)]
    assert found == rows


def test_the_table_tells_excel_that_it_is_unicode() -> None:
    assert as_csv(ROWS).startswith(b"\xef\xbb\xbf")


def test_json_lines_hold_what_a_photo_has() -> None:
    lines = as_jsonl(ROWS).decode().splitlines()
    assert [json.loads(line) for line in lines] == ROWS
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


def test_twins_have_texts_of_different_names() -> None:
    images = ["dog.jpg", "dog.png", "dog.png", "Dog.gif", "../dog.jpg"]
    assert text_names(images) == [
        *("dog.txt", "dog.png.txt", "dog.png (2).txt", "Dog.gif.txt", "dog.jpg.txt")
    ]


@given(st.lists(st.text(max_size=8), max_size=8))
def test_no_text_overwrites_another_or_climbs_out(images: list[str]) -> None:
    names = text_names(images)
    assert len({name.casefold() for name in names}) == len(images)
    assert not any(".." in name.split("/") or name.startswith("/") for name in names)


@pytest.mark.parametrize("form", FORMS)
def test_the_browser_gets_a_name_and_the_bytes(form: str) -> None:
    suffix, spell = FORMS[form]
    file = download([ROWS, form])
    assert file["name"].startswith("captions-")
    assert file["name"].endswith(suffix)
    if form != "TXT":  # which holds the time
        assert base64.b64decode(file["content"]) == spell(ROWS)


def test_nothing_at_all_is_still_a_table() -> None:
    assert next(csv.reader(io.StringIO(as_csv([]).decode("utf-8-sig"))))[0] == "image"
