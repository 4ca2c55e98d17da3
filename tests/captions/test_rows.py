"""What is written about a photo, and how it is spelt in JSON Lines, CSV and COCO results."""

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from captioner.captions import (
    Alternative,
    CocoResults,
    Csv,
    JsonLines,
    Row,
    form_of,
    from_json,
    image_id,
    spelt,
    to_json,
)
from captioner.errors import ImageError, OptionError
from captioner.messages import Message, printable
from captioner.pipeline import Caption
from captioner.text.spreadsheet import restored

# What os.fsdecode can return: any text, and bytes that are not UTF-8.
NAMES = st.one_of(
    st.text(min_size=1), st.binary(min_size=1).map(lambda b: b.decode("utf-8", "surrogateescape"))
)
NUMBERS = st.none() | st.floats(-9, 0)
ALTERNATIVES = st.lists(st.builds(Alternative, st.text(), NUMBERS, NUMBERS), max_size=3).map(tuple)
ROWS = st.one_of(
    st.builds(Row, NAMES, st.text(), st.text(), NUMBERS, NUMBERS, st.text(), ALTERNATIVES),
    st.builds(
        lambda image, error: Row(image, error=Message(printable(error))), NAMES, st.text(min_size=1)
    ),
)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=3))
def test_rows_survive_their_json(rows: list[Row]) -> None:
    lines = to_json(rows)
    assert from_json(lines) == tuple(rows)
    assert lines == spelt(rows, JsonLines())
    assert lines.count(b"\n") == len(rows)
    images = [json.loads(line)["image"] for line in lines.decode("utf-8").split("\n")[:-1]]
    assert images == [row.image for row in rows]


def test_json_holds_what_a_person_was_promised() -> None:
    best = Caption("a dog", ("a", "dog"), -2.0, -0.66666, language="en")
    other = Caption("a red dog", ("a", "red", "dog"), -3.00001, -0.75, language="en")
    assert list(best.row("x/1.jpg", "m").as_dict().items()) == [
        ("image", "x/1.jpg"), ("language", "en"), ("caption", "a dog"), ("log_prob", -2.0),
        ("score", -0.6667), ("model", "m"),
    ]  # fmt: skip
    row = replace(best, alternatives=(other,)).row("x/1.jpg", "m", "sks,")
    assert json.loads(to_json([row])) == {
        "image": "x/1.jpg", "language": "en", "caption": "sks, a dog", "log_prob": -2.0,
        "score": -0.6667, "model": "m",
        "alternatives": [{"caption": "sks, a red dog", "log_prob": -3.0, "score": -0.75}],
    }  # fmt: skip
    error = Row("a\nb.jpg", error=ImageError("{} is empty.", "a\nb.jpg"))
    assert json.loads(to_json([error])) == {"image": "a\nb.jpg", "error": r"a\nb.jpg is empty."}


def test_a_row_of_an_earlier_version_is_read() -> None:
    line = b'{"image": "1.jpg", "caption": "a", "score": -1.0, "model": "m", "alternatives": '
    line += b'[{"caption": "b", "score": -2.0}]}\n'
    others = (Alternative("b", None, -2.0),)
    assert from_json(line) == (Row("1.jpg", "a", score=-1.0, model="m", alternatives=others),)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_a_table_is_read_back_by_pythons_own_reader(table: list[Row]) -> None:
    text = spelt(table, Csv(top=4))
    assume(sys.version_info >= (3, 11) or b"\0" not in text)  # which the reader of 3.10 refuses
    read = list(csv.DictReader(io.StringIO(text.decode("utf-8"), newline="")))
    assert len(read) == len(table)
    for cells, row in zip(read, table, strict=True):
        shown = row.image.encode("utf-8", "backslashreplace").decode()
        expected = (shown, row.caption, str(row.error or ""))
        assert tuple(map(restored, (cells["image"], cells["caption"], cells["error"]))) == expected
        assert None not in cells.values()
        assert list(cells)[-2:] == ["caption_3", "caption_4"]
        if row.alternatives:
            assert restored(cells["caption_2"]) == row.alternatives[0].caption


@settings(deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_coco_results_are_one_list_without_the_failures(table: list[Row]) -> None:
    read = json.loads(spelt(table, CocoResults()).decode("utf-8"))
    good = [row for row in table if not row.error]
    assert read == [{"image_id": image_id(r.image), "caption": r.caption} for r in good]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("000000000042.jpg", 42),
        ("x/COCO_val2014_000000000042.jpg", 42),
        ("7.png", 7),
        ("x/7.png", "x/7.png"),
        ("x/000000000007.png", 7),
        ("dog_42.jpg", "dog_42.jpg"),
        ("x/dog.jpg", "x/dog.jpg"),
        ("٣.jpg", "٣.jpg"),
    ],
)
def test_an_image_id_is_cocos_number_or_the_path(name: str, expected: int | str) -> None:
    assert image_id(name) == expected


def test_a_files_suffix_says_its_form() -> None:
    assert isinstance(form_of(Path("a.JSONL")), JsonLines)
    assert isinstance(form_of(Path("a.csv"), 2), Csv)
    assert isinstance(form_of(Path("a.json")), CocoResults)
    with pytest.raises(OptionError, match=r"must be called .*, not 'a\.txt'"):
        form_of(Path("x/a.txt"))


def test_what_steers_a_terminal_is_escaped() -> None:
    assert printable("看\x1b[2J\n\u2028é\udcff") == r"看\x1b[2J\n\u2028é\udcff"
