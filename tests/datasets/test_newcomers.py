"""Datasets as other tools write them: paths that lead outside, nulls, names without a suffix."""

import json
from pathlib import Path

import pytest
from command import captioner, folder
from PIL import Image

from captioner.datasets import Dataset, read_dataset
from captioner.errors import DatasetError
from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary


@pytest.fixture(scope="module")
def model(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, tiny_model, vocabulary, "")
    return folder


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (30, 20), "red").save(path)
    return path


def read(path: Path, **options: bool) -> Dataset:
    return read_dataset(path, split="train", **options)  # type: ignore[arg-type]


def found(dataset: Dataset) -> list[tuple[str, str]]:
    return [(record.photo.path, record.captions[0]) for record in dataset.records]


@pytest.mark.parametrize("form", ["{}/1.png", "{}/sub/../1.png", "../../photos/1.png"])
def test_paths_that_lead_out_of_the_folder_are_followed(tmp_path: Path, form: str) -> None:
    path = photo(tmp_path / "photos" / "1.png")
    photo(tmp_path / "elsewhere" / "1.png")
    name = form.format(path.parent)
    table = tmp_path / "captions" / "deep" / "c.csv"
    table.parent.mkdir(parents=True)
    table.write_text(f"image,caption\n{name},a dog\n")
    assert found(read(table)) == [(str(path), "a dog")]
    table.write_text(f"image,caption\n{name}.txt,a dog\n")
    assert read(table).records == ()
    lines = table.with_suffix(".jsonl")
    lines.write_text(json.dumps({"image": f"{tmp_path}/\0.png", "caption": "a cat"}))
    assert read(lines).records == ()


@pytest.mark.parametrize("name", ["1", "1.PNG", "sub/1", "./sub/1.Png"])
def test_a_suffix_may_be_left_out_or_have_other_capitals(tmp_path: Path, name: str) -> None:
    path = photo(tmp_path / "sub" / "1.png")
    photo(tmp_path / "sub" / "2.jpg")
    (tmp_path / "c.csv").write_text(f"image,caption\n{name},a dog\n")
    assert found(read(tmp_path / "c.csv")) == [(str(path), "a dog")]


def test_a_name_without_a_suffix_that_means_two_photos_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "1.png")
    photo(tmp_path / "1.jpg")
    (tmp_path / "c.csv").write_text("image,caption\n1,a dog\n")
    with pytest.raises(DatasetError, match="'1' could be"):
        read(tmp_path / "c.csv")


def test_columns_of_open_clip_are_known(tmp_path: Path) -> None:
    path = photo(tmp_path / "1.png")
    (tmp_path / "c.tsv").write_text("filepath\ttitle\n1.png\ta dog\n")
    assert found(read(tmp_path / "c.tsv")) == [(str(path), "a dog")]


def coco(annotations: list[tuple[int, str | None]]) -> str:
    images = [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png"}]
    return json.dumps(
        {
            "images": images,
            "annotations": [{"image_id": image, "caption": text} for image, text in annotations],
        }
    )


def karpathy(texts: list[str | None]) -> str:
    sentences = [{"raw": text} for text in texts]
    return json.dumps(
        {"images": [{"filename": "1.png", "split": "train", "sentences": sentences}]}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "content", "empty", "unlisted"),
    [
        ("c.jsonl", '{"image": "1.png", "captions": ["a dog", null]}\n', 1, 0),
        ("c.jsonl", '{"image": "1.png", "text": "a dog"}\n{"image": "2.png", "text": null}', 1, 0),
        ("c.json", coco([(1, "a dog"), (1, None), (2, None), (7, "a cat"), (8, "x")]), 2, 2),
        ("dataset_x.json", karpathy(["a dog", None]), 1, 0),
    ],
)  # fmt: skip
def test_nulls_and_captions_of_others_stop_or_are_left_out_and_counted(
    tmp_path: Path, file: str, content: str, empty: int, unlisted: int
) -> None:
    photo(tmp_path / "1.png")
    photo(tmp_path / "2.png")
    path = tmp_path / file
    path.write_text(content)
    with pytest.raises(DatasetError, match=r"skip = true|expected"):
        read_dataset(path)
    dataset = read_dataset(path, skip=True)
    assert found(dataset) == [(str(tmp_path / "1.png"), "a dog")]
    assert (len(dataset.empty), dataset.unlisted) == (empty, unlisted)


RECIPE = """
name = "x"
[[data.sources]]
format = "coco"
path = "c.json"
val_share = 0.5
{}
[encoder]
name = "resnet18"
[[phases]]
name = "only"
epochs = 1
learning_rate = 1e-3
"""


def test_what_is_skipped_is_counted_by_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        photo(Path(f"{number}.png"))
    Path("c.json").write_text(coco([(1, "a dog"), (2, "a cat"), (2, None), (7, "a cat")]))
    for skip, said in (("", "`skip = true`"), ("skip = true", "not listed: 1")):
        Path("r.toml").write_text(RECIPE.format(skip))
        result = captioner("train", "r.toml", "--check", "--set", "data.root=.")
        assert said in result.stdout + result.stderr
    assert "empty captions: 1" in result.stdout


@pytest.mark.parametrize(
    ("file", "content", "notes"),
    [
        ("c.jsonl", '{"image": "1.png", "split": "val", "captions": ["a dog", null]}\n', 1),
        ("c.json", coco([(1, "a dog"), (1, None), (7, "a cat")]), 2),
        ("dataset_x.json", karpathy(["a dog", None]).replace("train", "val"), 1),
    ],
)  # fmt: skip
def test_an_evaluation_skips_and_counts_them(
    tmp_path: Path, model: Path, file: str, content: str, notes: int
) -> None:
    photo(tmp_path / "1.png")
    (tmp_path / file).write_text(content)
    command = ("evaluate", "--data", tmp_path / file, "--model", model)
    stopped = captioner(*command)
    assert (stopped.code, stopped.stdout) == (2, "")
    assert "--skip" in stopped.stderr
    scored = captioner(*command, "--skip")
    assert scored.code == 0
    counted = [
        line for line in scored.stderr.splitlines()
        if "empty caption, which is left out: 1, as 1.png" in line
        or "does not list, left out: 1." in line
    ]  # fmt: skip
    assert len(counted) == notes


def test_references_and_training_captions_are_skipped_too(tmp_path: Path) -> None:
    references = tmp_path / "references.json"
    references.write_text(coco([(1, "a dog"), (1, None), (2, "a cat"), (7, "a cat")]))
    results = tmp_path / "results.json"
    results.write_text(json.dumps([{"image_id": n, "caption": "a dog"} for n in (1, 2)]))
    command = ("evaluate", "--results", results, "--references", references)
    assert "--skip" in captioner(*command).stderr
    scored = captioner(*command, "--training", references, "--skip")
    assert scored.code == 0
    assert "does not list, left out: 1." in scored.stderr


def test_many_copies_of_a_photo_are_five_names_and_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        photo(Path(f"{number}.png")).with_suffix(".caption").write_text("a dog")
    recipe = RECIPE.format("").replace('"coco"', '"sidecar"').replace("c.json", ".")
    Path("r.toml").write_text(recipe.replace("val_share = 0.5", 'split = "train"'))
    printed = captioner("train", "r.toml", "--check", "--set", "data.root=.").stdout
    (line,) = (line for line in printed.splitlines() if ".png (train, .)" in line)
    assert line.count(".png") == 5
    assert line.endswith(" = and 7 more")


def test_texts_of_kohyas_tools_are_read_and_written(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo(Path("set/1.png"))
    photo(Path("set/2.png"))
    written = folder("set", "--sidecar", "--sidecar-suffix", ".caption", "--model", model)
    assert written.code == 0
    assert sorted(path.name for path in Path("set").iterdir()) == [
        "1.caption", "1.png", "2.caption", "2.png",
    ]  # fmt: skip
    text = Path("set/1.caption").read_text().strip()
    assert [caption for _, caption in found(read(Path("set")))] == [text, text]
    Path("set/1.txt").write_text("by hand")  # where both are there, .txt counts
    assert [caption for _, caption in found(read(Path("set")))] == ["by hand", text]
    again = folder("set", "--sidecar", "--sidecar-suffix", ".caption", "--model", model)
    assert "0 captioned, 2 skipped" in again.stderr


@pytest.mark.parametrize("suffix", ["caption", ".jpg", "./x", "."])
def test_another_suffix_of_texts_is_refused(tmp_path: Path, suffix: str) -> None:
    result = captioner("folder", tmp_path, "--sidecar", "--sidecar-suffix", suffix)
    assert result.code == 2
    assert f"must be such as .txt or .caption, not '{suffix}'" in result.stderr


def test_where_all_photos_are_missing_the_evaluation_says_so(tmp_path: Path, model: Path) -> None:
    (tmp_path / "c.csv").write_text("image,caption\n1.png,a dog\n2.png,a cat\n")
    result = captioner("evaluate", "--data", tmp_path / "c.csv", "--model", model)
    assert result.code == 2
    assert result.stderr == (
        f"captioner: None of the 2 captioned photos of {tmp_path}/c.csv is there, as 1.png: "
        "--photos names their folder.\n"
    )
