"""CSV, TSV and JSON Lines, as people and programs write them, and damaged."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from captioner.datasets import Dataset, read_dataset
from captioner.datasets.layouts.tables import csv_rows, json_rows
from captioner.errors import DatasetError
from captioner.images import Photo


def photos(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def captions(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    return {record.name: record.captions for record in dataset.records}


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        'image,caption\na.jpg,A dog.\nb.jpg,"Two, ""big"" cats."\na.jpg,Dogs.\n',
        "\ufeffimage,caption\r\na.jpg,A dog.\r\nb.jpg,\"Two, \"\"big\"\" cats.\"\r\na.jpg,Dogs.",
        'Image;Caption\na.jpg;A dog.\nb.jpg;"Two, ""big"" cats."\n\na.jpg;Dogs.\n',
        'id\tfile_name\ttext\n1\ta.jpg\tA dog.\n2\tb.jpg\tTwo, "big" cats.\n3\ta.jpg\tDogs.\n',
        'image_name| comment_number| comment\na.jpg| 0| A dog.\nb.jpg| 0| Two, "big" cats.\n'
        "a.jpg| 1| Dogs.\n",
        'image,caption_0,caption_1\na.jpg,A dog.,Dogs.\nb.jpg,"Two, ""big"" cats.",\n',
    ],
)  # fmt: skip
def test_csv_comes_with_any_usual_delimiter_and_columns(tmp_path: Path, text: str) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    dataset = read_dataset(write(tmp_path / "captions.csv", text), "csv", split="val")
    assert captions(dataset) == {"a.jpg": ("A dog.", "Dogs."), "b.jpg": ('Two, "big" cats.',)}
    assert {record.split for record in dataset.records} == {"val"}


@pytest.mark.parametrize(
    "text",
    [
        '{"image": "a.jpg", "caption": "A dog."}\n{"image": "b.jpg", "caption": "A\\u2028cat."}\n'
        '\n{"image": "a.jpg", "caption": "Dogs."}\n',
        '{"file_name": "a.jpg", "image": 1, "captions": ["A dog.", "Dogs."]}\r\n'
        '{"file_name": "b.jpg", "image": 2, "captions": ["A\u2028cat."]}',
        '\ufeff[{"image": "a.jpg", "caption": ["A dog.", "Dogs."]},\n'
        ' {"image": "b.jpg", "caption": "A\\u2028cat.", "text": "STOP"}]',
    ],
)
def test_json_comes_by_line_or_as_a_list(tmp_path: Path, text: str) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    dataset = read_dataset(write(tmp_path / "captions.jsonl", text), "jsonl")
    assert captions(dataset) == {"a.jpg": ("A dog.", "Dogs."), "b.jpg": ("A\u2028cat.",)}


words = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
tables = st.lists(st.tuples(words, words, st.sampled_from(["train", "val", "test"])), min_size=1)


@given(tables, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_comes_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]], by: str, end: str
) -> None:
    assume(sys.version_info >= (3, 11) or "\0" not in "".join(map("".join, table)))
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=by, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("image", "caption", "split"), *table])
    path = write(tmp_path_factory.getbasetemp() / "table.csv", buffer.getvalue())
    found = [(row.image, row.captions, row.split) for row in csv_rows(path)]
    assert found == [(image.strip(), [text], split) for image, text, split in table]


@given(tables)
def test_what_a_json_writer_wrote_comes_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]]
) -> None:
    lines = [json.dumps({"image": i, "caption": c, "split": s}, ensure_ascii=False) + "\n"
             for i, c, s in table]  # fmt: skip
    path = write(tmp_path_factory.getbasetemp() / "table.jsonl", "".join(lines))
    found = [(row.image, row.captions, row.split) for row in json_rows(path)]
    assert found == [(image.strip(), [text], split) for image, text, split in table]


def test_a_split_column_decides(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    text = "image,caption,split\na.jpg,x,train\nb.jpg,y,validation\nc.jpg,z,test\n"
    path = write(tmp_path / "captions.csv", text)
    assert [record.split for record in read_dataset(path, "csv").records] == [
        "train",
        "val",
        "test",
    ]
    with pytest.raises(DatasetError, match=r"captions\.csv says each photo's split itself"):
        read_dataset(path, "csv", split="train")


def test_without_a_split_column_a_share_evaluates(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(40)]
    photos(tmp_path, *names)
    rows = "".join(f"{name},a dog\n" for name in names)
    path = write(tmp_path / "captions.csv", "image,caption\n" + rows)
    val = read_dataset(path, "csv", val_share=0.5).split("val").records
    assert 0 < len(val) < 40
    assert read_dataset(path, "csv", val_share=0).split("val").records == ()


def test_photos_may_lie_elsewhere_and_be_missing(tmp_path: Path) -> None:
    photos(tmp_path, "store/a/1.jpg", "store/b/1.jpg")
    text = "image,caption\na/1.jpg,A dog.\nb/1.jpg,A cat.\nc/2.jpg,A bird.\n"
    path = write(tmp_path / "captions.csv", text)
    dataset = read_dataset(path, "csv", [tmp_path / "store"])
    assert {r.name: r.photo for r in dataset.records} == {
        "a/1.jpg": Photo.at(tmp_path / "store/a/1.jpg"),
        "b/1.jpg": Photo.at(tmp_path / "store/b/1.jpg"),
    }  # fmt: skip
    assert dataset.missing == ("c/2.jpg",)


def test_empty_captions_are_counted(tmp_path: Path) -> None:
    photos(tmp_path, "a.jpg", "b.jpg")
    dataset = read_dataset(
        write(tmp_path / "c.csv", "image,caption\na.jpg,A dog.\na.jpg,\nb.jpg, \n"), "csv"
    )
    assert captions(dataset) == {"a.jpg": ("A dog.",)}
    assert dataset.empty == ("a.jpg", "b.jpg")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: expected the columns"),
        ("picture,words\na.jpg,x\n", "line 1: expected the columns"),
        ("image,caption\n", "holds no captions"),
        ("image,caption\na.jpg,A dog, running\n", "line 2: expected 2 fields, found 3"),
        ("image,caption\na.jpg,x\n\nb.jpg\n", "line 4: expected 2 fields, found 1"),
        ('image,caption\na.jpg,"two\nlines"\nb.jpg\n', "line 4: expected 2 fields, found 1"),
        ('image,caption\na.jpg,x\nb.jpg,"open\nc.jpg,y\n', "line 3: not a valid table"),
        ("image,caption\n ,x\n", "line 2: expected a photo's name"),
        ("image,caption,split\na.jpg,x,hold\n", "line 2: 'hold' is no split"),
        ("image,caption,split\na.jpg,x,val\na.jpg,y,test\n", r"line 3: a\.jpg is in two splits"),
    ],
)
def test_a_malformed_csv_names_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DatasetError, match=rf"table\.csv.*{said}"):
        read_dataset(write(tmp_path / "table.csv", text), "csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n", "holds no captions"),
        ('{"image": "a.jpg", "caption": "x"}\n{"image": \n', "line 2: not valid JSON"),
        ('{"image": "a.jpg", "caption": "x"}\n"b.jpg"\n', "line 2: expected a JSON object"),
        ('{"image": "a.jpg"}\n', "line 1: expected a photo's name"),
        ('{"image": 1, "caption": "x"}\n', "line 1: expected a photo's name"),
        ('{"image": "a.jpg", "caption": null}\n', "line 1: a caption is null"),
        ('{"image": "a.jpg", "captions": ["x", 2]}\n', "line 1: a caption must be text"),
        ('[{"image": "a.jpg", "caption": "x"},\n 3]', r"entry 1: expected a JSON object"),
        ('[{"image": "a.jpg",\n]', r"line 2: not valid JSON"),
        ("[" * 100_000, "nested too deeply|not valid JSON"),
        ('{"image": ' + "[" * 100_000, "nested too deeply|not valid JSON"),
    ],
)
def test_malformed_json_names_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DatasetError, match=rf"table\.jsonl.*({said})"):
        read_dataset(write(tmp_path / "table.jsonl", text), "jsonl")


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes("image,caption\na.jpg,caf\u00e9\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"table\.csv cannot be read as UTF-8"):
        read_dataset(tmp_path / "table.csv", "csv")
