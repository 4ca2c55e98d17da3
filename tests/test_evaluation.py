"""`captioner evaluate`: what it prints and writes, and how it names each mistake."""

import base64
import io
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import Result, captioner
from PIL import Image

from captioner import evaluation
from captioner.errors import MissingError
from captioner.messages import Message
from captioner.metrics import report as metrics_report
from captioner.metrics import score
from captioner.metrics.official import OfficialScores
from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary
from captioner.text.english import tokenize

REFERENCES = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [
        {"image_id": 1, "caption": "A dog runs on the grass."},
        {"image_id": 2, "caption": "Two cats sleep on a bed."},
        {"image_id": 1, "caption": "A brown dog running."},
        {"image_id": 2, "caption": "Cats on a bed."},
    ],
}
RESULTS = [
    {"image_id": 1, "caption": "a dog runs on the grass"},
    {"image_id": 2, "caption": "two cats sleep on a bed"},
]


def table(result: Result) -> dict[str, list[str]]:
    """The cells of the first table's lines by their names."""
    _, *lines = result.stdout.split("\n\n")[0].split("\n")
    return {re.split(r"\s{2,}", line)[0]: re.split(r"\s{2,}", line)[1:] for line in lines}


def evaluate(*arguments: object) -> Result:
    result = captioner("evaluate", *arguments)
    logging.getLogger().handlers.clear()  # they hold this call's standard error
    return result


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[object]:
    """The options that name a small, right pair of results and references."""
    results = written(tmp_path / "results.json", RESULTS)
    references = written(tmp_path / "references.json", REFERENCES)
    return ["--results", results, "--references", references]


@pytest.fixture(scope="module")
def model(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    folder = tmp_path_factory.mktemp("evaluation") / "tiny"
    save_model(folder, tiny_model, vocabulary, "")
    return folder


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photos in Flickr8k's layout, the first and the sixth of them for the dev split."""
    folder = tmp_path_factory.mktemp("toy")
    script = Path(__file__).parent.parent / "data" / "toy.py"
    subprocess.run([sys.executable, script, folder, "--photos", "10"], check=True)
    return folder


def assert_one_sentence(result: Result, *parts: str) -> None:
    assert result.code == 2
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("captioner: ")
    assert line.endswith(".")
    for part in parts:
        assert part in line


def test_results_are_scored_against_references(files: list[object]) -> None:
    done = evaluate(*files)
    assert done.code == 0
    assert done.stdout.split()[:7] == [
        "photos", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr",
    ]  # fmt: skip
    assert table(done)["results"][:6] == ["2", "100.0", "100.0", "100.0", "100.0", "100.0"]
    assert table(done)["a person"][0] == "2"
    assert "one reference fewer" in done.stderr
    assert "one reference fewer" not in done.stdout
    assert "No training captions are known" in done.stderr


def test_json_has_every_captions_own_scores(files: list[object], tmp_path: Path) -> None:
    evaluate(*files, "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["source"] == "results.json, references.json"
    first = report["captions"][0]
    assert (first["image"], first["caption"]) == ("a.jpg", "a dog runs on the grass")
    assert first["references"] == ["A dog runs on the grass.", "A brown dog running."]
    references = [c["references"] for c in report["captions"]]
    expected = score([c["caption"] for c in report["captions"]], references, tokenize)
    assert report["scores"]["captions"]["cider"] == pytest.approx(expected.cider)
    assert first["scores"]["bleu_4"] == pytest.approx(100)


def test_training_captions_and_photos_complete_the_report(
    files: list[object], tmp_path: Path
) -> None:
    """The photos of the captions that were trained on need not be there."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (900, 600), "red").save(photos / "a.jpg")
    page, training = tmp_path / "report.html", written(tmp_path / "training.json", REFERENCES)
    done = evaluate(*files, "--training", training, "--photos", photos, "--html", page)
    assert re.search(r"^never seen in training, % +0\.0$", done.stdout, re.MULTILINE)
    assert f"Photos that are not in {photos}, shown without a picture: 1, as b.jpg." in done.stderr
    html = page.read_text("utf-8")
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', html)
    assert {name for _, name in found} == {"a.jpg"}
    picture = Image.open(io.BytesIO(base64.b64decode(found[0][0])))
    assert (picture.format, picture.size) == ("JPEG", (400, 267))
    assert picture.getpixel((200, 100))[0] > 200


def test_a_photo_that_cannot_be_read_is_named_and_left_off_the_page(
    files: list[object], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    written(tmp_path / "photos" / "a.jpg", "no photo")
    done = evaluate(*files, "--photos", tmp_path / "photos", "--html", tmp_path / "report.html")
    assert done.code == 0
    assert "a.jpg is not a photo" in done.stderr
    assert "<img" not in (tmp_path / "report.html").read_text("utf-8")


def test_two_reports_are_compared(files: list[object], tmp_path: Path) -> None:
    evaluate(*files, "--json", tmp_path / "first.json")
    worse = [{"image_id": 1, "caption": "a dog"}, {"image_id": 2, "caption": "a dog"}]
    second = ["--results", written(tmp_path / "worse.json", worse), *files[2:]]
    done = evaluate(
        *second, "--compare", tmp_path / "first.json",
        "--json", tmp_path / "second.json", "--html", tmp_path / "second.html",
    )  # fmt: skip
    assert done.code == 0
    lines = done.stdout.split("\n\n")[2].split("\n")
    assert [line.split()[0] for line in lines[1:5]] == [
        "worse",
        "first.json",
        "difference",
        "interval",
    ]
    comparison = json.loads((tmp_path / "second.json").read_text("utf-8"))["comparison"]
    assert comparison["photos"] == 2
    assert comparison["differences"]["bleu_1"]["theirs"] == pytest.approx(100)
    assert comparison["differences"]["bleu_1"]["high"] < 0
    assert "Compared with first.json" in (tmp_path / "second.html").read_text("utf-8")


def test_chinese_is_scored_by_word_and_by_character(tmp_path: Path) -> None:
    pytest.importorskip("jieba")
    references = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 1, "caption": "一只狗在草地上奔跑。"}],
    }
    done = evaluate(
        "--results", written(tmp_path / "r.json", [{"image_id": 1, "caption": "一只狗在草地上"}]),
        "--references", written(tmp_path / "references.json", references), "--language", "zh",
    )  # fmt: skip
    assert set(table(done)) == {"r, by word", "r, by character"}
    # All seven characters match; the reference has nine.
    assert float(table(done)["r, by character"][1]) == pytest.approx(75.1, abs=0.1)


def test_official_scores_are_a_line_of_their_own(
    files: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def official(candidates: tuple[str, ...], references: tuple[Any, ...]) -> OfficialScores:
        assert candidates == ("a dog runs on the grass", "two cats sleep on a bed")
        assert references[1] == ("Two cats sleep on a bed.", "Cats on a bed.")
        corpus = dict.fromkeys(["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"], 1.0)
        return OfficialScores(
            {**corpus, "meteor": 43.0}, {"meteor": [44.0, 42.0]}, (Message("No SPICE."),)
        )

    monkeypatch.setattr(evaluation, "why_no_official_scores", lambda: None)
    monkeypatch.setattr(evaluation, "official_scores", official)
    done = evaluate(*files, "--official")
    assert table(done)["results, by pycocoevalcap"][-1] == "43.0"
    assert "No SPICE." in done.stderr

    def broken(candidates: Any, references: Any) -> OfficialScores:
        raise MissingError("METEOR's Java program failed.")

    monkeypatch.setattr(evaluation, "official_scores", broken)
    done = evaluate(*files, "--official")
    assert table(done)["results"][0] == "2"
    assert "The official scores are left out: METEOR's Java program failed." in done.stderr
    monkeypatch.setattr(evaluation, "why_no_official_scores", lambda: Message("There is no Java."))
    assert_one_sentence(evaluate(*files, "--official"), "There is no Java.")
    assert_one_sentence(evaluate(*files, "--official", "--language", "zh"), "English only")


def changed(key: str, **values: Any) -> dict[str, Any]:
    """REFERENCES with the first entry of a list changed."""
    first, *others = REFERENCES[key]
    return {**REFERENCES, key: [{**first, **values}, *others]}


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([*RESULTS, {"image_id": 3, "caption": "x"}], "entry 2: no image of"),
        ([{**RESULTS[0], "image_id": "0001"}], "but they are written differently"),
        ([*RESULTS, RESULTS[0]], "a second caption for a.jpg"),
        (RESULTS[:1], "no caption for 1 photos"),
        ([{"image_id": 1}], "expected an image_id and a caption"),
        ({"captions": RESULTS}, "not in COCO results format"),
        ("{", "results.json, line 1: not valid JSON"),
    ],
)
def test_wrong_results_give_one_sentence(
    files: list[object], tmp_path: Path, results: Any, said: str
) -> None:
    written(tmp_path / "results.json", results)
    assert_one_sentence(evaluate(*files), "results.json", said)


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ({**REFERENCES, "annotations": REFERENCES["annotations"][1::2]}, "a.jpg has no reference"),
        ({**REFERENCES, "annotations": []}, "holds no captions"),
        (changed("images", id=None), "images[0]: expected id and file_name"),
        (changed("annotations", image_id=9), "annotations[0]: expected the image_id of a listed"),
        (changed("annotations", caption=None), "annotations[0]: expected"),
        ([], "no list 'images'"),
        ("[", "references.json, line 1: not valid JSON"),
    ],
)
def test_wrong_references_give_one_sentence(
    files: list[object], tmp_path: Path, references: Any, said: str
) -> None:
    written(tmp_path / "references.json", references)
    assert_one_sentence(evaluate(*files), "references.json", said)


@pytest.mark.parametrize(
    "option", ["--results", "--references", "--compare", "--training", "--photos"]
)
def test_missing_files_are_named(files: list[object], tmp_path: Path, option: str) -> None:
    done = evaluate(*files, option, tmp_path / "nowhere.json")
    assert_one_sentence(done, "nowhere.json")


def test_an_empty_caption_and_an_empty_reference_are_counted(
    files: list[object], tmp_path: Path
) -> None:
    written(tmp_path / "results.json", [RESULTS[0], {"image_id": 2, "caption": " "}])
    images = [*REFERENCES["images"], {"id": 3, "file_name": "c.jpg"}]
    annotations = [*REFERENCES["annotations"], {"image_id": 1, "caption": ""}]
    written(tmp_path / "references.json", {"images": images, "annotations": annotations})
    done = evaluate(*files, "--json", tmp_path / "report.json")
    assert done.code == 0
    assert "Empty captions, which all metrics score as zero: 1." in done.stderr
    assert "Photos with an empty reference, which is left out: 1, as a.jpg." in done.stderr
    assert "Photos without a reference, left out: 1, as c.jpg." in done.stderr
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["captions"][1]["scores"]["rouge_l"] == 0
    assert all(all(row["references"]) for row in report["captions"])
    assert report["photos"] == 2


def test_half_an_emoji_is_written_and_read_again(files: list[object], tmp_path: Path) -> None:
    """As JSON holds it after a caption was cut in the middle."""
    written(tmp_path / "results.json", [{**RESULTS[0], "caption": "a dog \ud83d"}, RESULTS[1]])
    report = tmp_path / "report.json"
    done = evaluate(*files, "--json", report, "--html", tmp_path / "report.html")
    assert done.code == 0
    assert json.loads(report.read_text("utf-8"))["captions"][0]["caption"] == "a dog \ud83d"
    assert r"a dog \ud83d" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("option", ["--json", "--html", "--save"])
def test_outputs_that_cannot_be_written_are_named_before_anything_is_done(
    model: Path, toy: Path, tmp_path: Path, option: str
) -> None:
    data = ["--data", toy, "--model", tmp_path / "no model, as nothing got that far"]
    for path in (tmp_path, tmp_path / "nowhere" / "x", toy / "Flickr8k.token.txt" / "x"):
        assert_one_sentence(evaluate(*data, option, path), f"{path} cannot be written")


def test_no_output_overwrites_an_input_or_another_output(
    files: list[object], tmp_path: Path
) -> None:
    twice = evaluate(*files, "--json", tmp_path / "x", "--html", tmp_path / "x")
    assert_one_sentence(twice, "is read or written already")
    assert_one_sentence(evaluate(*files, "--json", files[1]), "is read or written already")
    assert json.loads((tmp_path / "results.json").read_text()) == RESULTS
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give --data, or --results together with --references."),
        (["--results", "r.json"], "Give --data, or --results together"),
        (["--data", "d", "--results", "r.json"], "--results does not go with --data"),
        (["--results", "r", "--references", "s", "--names", "n"], "--names does not go with --res"),
        (["--results", "r", "--references", "s", "--model", "m"], "--model does not go with --res"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], said: str) -> None:
    assert_one_sentence(evaluate(*options), said)


def test_a_tiny_model_is_evaluated_on_a_split(model: Path, toy: Path, tmp_path: Path) -> None:
    report, kept = tmp_path / "report.json", tmp_path / "kept.jsonl"
    done = evaluate("--model", model, "--data", toy, "--save", kept, "--json", report)
    assert done.code == 0
    assert table(done)["tiny"][0] == "2"
    assert "of the model's vocabulary, %" in done.stdout
    assert "never seen in training, %" in done.stdout  # the toy's own train split is known
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [row["image"] for row in rows] == ["toy_00000.png", "toy_00005.png"]
    content = json.loads(report.read_text())
    assert [c["caption"] for c in content["captions"]] == [row["caption"] for row in rows]
    assert content["source"] == f"{toy.name}, val split"


def test_a_page_shows_the_datasets_own_photos(model: Path, toy: Path, tmp_path: Path) -> None:
    evaluate("--model", model, "--data", toy, "--html", tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert set(re.findall(r'alt="([^"]+)"', html)) == {"toy_00000.png", "toy_00005.png"}


def test_only_named_photos_are_scored(
    model: Path, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the train split stay what the model was trained on."""
    known: list[list[str]] = []

    def make_report(captions: Any, training: list[str], *others: Any) -> Any:
        known.append(training)
        return metrics_report.make_report(captions, training, *others)

    monkeypatch.setattr(evaluation, "make_report", make_report)
    names = written(tmp_path / "names.txt", "toy_00001.png\ntoy_00003.png\ntoy_00000.png\n")
    kept = tmp_path / "kept.jsonl"
    done = evaluate(
        "--model", model, "--data", toy, "--split", "train", "--names", names, "--save", kept
    )
    assert done.code == 0
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [row["image"] for row in rows] == ["toy_00001.png", "toy_00003.png"]
    assert f"Names in {names} without a photo in the train split of {toy}: 1, as toy_00000.png" in (
        done.stderr
    )
    assert len(known[0]) == 6 * 5  # eight photos to train on, of which two are held out
    strangers = written(tmp_path / "names.txt", "toy_00000.png\n")
    done = evaluate("--model", model, "--data", toy, "--split", "train", "--names", strangers)
    assert_one_sentence(done, "has no photo that", "names.txt names in its train split")


def test_unreadable_photos_are_left_out_and_named(model: Path, toy: Path, tmp_path: Path) -> None:
    for file in toy.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    written(tmp_path / "toy_00005.png", "no photo")
    done = evaluate("--model", model, "--data", tmp_path)
    assert done.code == 1
    assert table(done)["tiny"][0] == "1"
    assert "toy_00005.png is not a photo" in done.stderr
    assert "Photos that cannot be read, left out: 1, as toy_00005.png." in done.stderr
    written(tmp_path / "toy_00000.png", "no photo either")
    done = evaluate("--model", model, "--data", tmp_path)
    assert done.code == 2
    assert "None of the 2 photos" in done.stderr


def test_a_caption_file_without_captions_gives_one_sentence(model: Path, tmp_path: Path) -> None:
    data = written(tmp_path / "captions.json", {"images": [], "annotations": []})
    assert_one_sentence(evaluate("--model", model, "--data", data), "captions.json holds no cap")


def test_an_earlier_report_of_other_photos_is_refused_before_captioning(
    files: list[object], model: Path, toy: Path, tmp_path: Path
) -> None:
    evaluate(*files, "--json", tmp_path / "first.json")
    kept = tmp_path / "kept.jsonl"
    done = evaluate(
        "--model", model, "--data", toy, "--compare", tmp_path / "first.json", "--save", kept
    )
    assert_one_sentence(done, "first.json cannot be compared: it has none of these photos")
    assert not kept.exists()
