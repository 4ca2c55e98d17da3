"""No cell of a table is a formula, however a spreadsheet splits it, and it reads back as it was."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.captions import Csv, Row
from captioner.datasets.layouts.tables import csv_rows
from captioner.text.spreadsheet import harmless, header, is_guarded, line, restored

BEGINS = "=+-@\t\r\n＝＋－＠"
texts = st.text(st.sampled_from([*BEGINS, *",;|'\"ab 看"]))


@given(texts | st.text())
def test_what_was_made_harmless_comes_back(text: str) -> None:
    assert restored(harmless(text)) == text


@given(st.lists(texts, min_size=1, max_size=4))
def test_no_cell_is_a_formula_whichever_the_separator(cells: list[str]) -> None:
    written = line(cells)
    assert all(not cell or cell[0] not in BEGINS for cell in next(csv.reader([written])))
    for by in ",;\t|":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            rows = csv.reader(io.StringIO(written, newline=""), delimiter=by, quoting=quoting)
            for cell in (cell.strip('"') for row in rows for cell in row):
                assert not cell or cell[0] not in BEGINS.replace("\t\r\n", "")


@pytest.mark.parametrize("text", ["a dog runs", "holidays/a-b.jpg", "it's 3 + 4", "一只狗，在跑"])
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_numbers_stay_numbers() -> None:
    assert line(["-1.5", -1.5]) == "'-1.5,-1.5\r\n"


IMAGES = ["-rf.jpg", "=cmd|'!A1.jpg", "'=x.jpg", "a,@b.jpg", "'plain.jpg", "＝x.jpg"]


def test_the_projects_reader_undoes_it(tmp_path: Path) -> None:
    form = Csv()
    rows = [Row(image, f"+{image}", "en", -1.5, -0.5, "m") for image in IMAGES]
    path = tmp_path / "captions.csv"
    path.write_bytes(form.header + b"".join(form.spell(row, first=False) for row in rows))
    assert [(row.image, row.captions) for row in csv_rows(path)] == [
        (image, [f"+{image}"]) for image in IMAGES
    ]
    assert "'-rf.jpg" in path.read_text()


@pytest.mark.parametrize(
    "first",
    [
        "image,caption,score,model,error",
        '"image","caption"',
        '"image_name","caption"',
        "image;caption",
    ],
)
def test_tables_of_others_and_of_before_read_as_ever(first: str, tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    by = ";" if ";" in first else ","
    more = ",1,m," if "error" in first else ""
    path.write_text(f"{first}\n'=x.jpg{by}'- he said{more}\n", encoding="utf-8")
    assert not is_guarded(path.read_text())
    assert [(row.image, row.captions) for row in csv_rows(path)] == [("'=x.jpg", ["'- he said"])]


def test_the_header_has_the_names_that_it_was_given() -> None:
    first = header(["image", "caption"])
    assert is_guarded(first)
    assert next(csv.reader([first])) == ["image", "caption"]
