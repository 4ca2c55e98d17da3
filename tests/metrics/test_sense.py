"""How captions read: a hand-worked set, and the figures of the tool that others count with."""

import importlib.util
import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.cli import main
from captioner.errors import MissingError
from captioner.metrics.report import Captions, Entry, make_report
from captioner.metrics.sense import _stem, beside_a_person, content_words, sense

pytest.importorskip("nltk")

PEOPLE = (
    "A brown dog runs on grass.",
    "the dog is running",
    "Dogs run through a field",
    "an animal in a grassy field",
    "A dog outside.",
)


def test_a_hand_worked_set() -> None:
    captions = ["A dog-dog runs on the beach", "two people sit and sit", ""]
    found = sense(captions, "en", [PEOPLE, ["people sit"] * 4, PEOPLE])
    assert (found.photos, found.different_captions) == (3, 3)
    assert found.different_words == 10  # a dog runs on the beach two people sit and
    assert found.words_a_caption == pytest.approx((7 + 5 + 0) / 3)
    assert found.stutters == pytest.approx(100 * 2 / 3)
    assert found.wrong == pytest.approx(100 * 1 / 4)  # beach, of dog run beach sit
    # Three of the first four say "dog" and "run", of the second all "sit", of the third as before.
    assert found.told == pytest.approx(100 * (2 + 1 + 0) / 5)


@pytest.mark.parametrize(
    ("caption", "stutters"),
    [
        ("a white and white dog", True),
        ("a street street", True),
        ("a dog on a red dog", False),
        ("on and on and on", False),  # function words may
        ("a dog and dogs", False),  # by the word, not by its stem
    ],
)
def test_a_stutter_is_a_content_word_twice_within_three_words(caption: str, stutters: bool) -> None:
    assert sense([caption], "en").stutters == 100 * stutters


def test_without_references_nothing_is_wrong_or_told() -> None:
    assert sense(["a dog"], "en").as_dict().keys().isdisjoint({"wrong", "told"})


def test_a_person_is_the_fifth_reference_and_photos_with_fewer_take_no_part() -> None:
    captions = ["a dog", "", "a cat cat"]
    found = beside_a_person(captions, [PEOPLE, PEOPLE, PEOPLE[:4]], "en")
    assert found["captions"] == sense(["a dog"], "en", [PEOPLE])
    assert found["human"] == sense(["A dog outside."], "en", [PEOPLE])
    assert found["human"].wrong == 50
    assert beside_a_person(captions[2:], [PEOPLE[:4]], "en") == {}


def test_chinese_words_are_those_of_the_tokenizer() -> None:
    pytest.importorskip("jieba")
    people = ["一只狗在草地上奔跑", "狗在奔跑", "狗在草地上奔跑", "草地", "一只狗"]
    found = beside_a_person(["一只狗在沙滩上奔跑"], [people], "zh")
    assert content_words("一只狗在沙滩上奔跑", "zh") == {"狗", "沙滩", "奔跑"}
    assert found["captions"].wrong == pytest.approx(100 / 3)
    assert found["captions"].told == pytest.approx(100 * 2 / 3)  # not 草地
    assert sense(["白色和白色的狗"], "zh").stutters == 100
    report = make_report(Captions("ours", "zh", (Entry("a.jpg", "狗", tuple(people)),)))
    person = report.table().split("\n\n")[-1].split("\n")[2]
    assert person.split()[:5] == ["a", "person", "1", "1", "2"]
    assert "Chinese words are compared as they stand" in " ".join(map(str, report.notes))


def test_without_nltk_what_needs_no_stems_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = beside_a_person(["a dog dog"], [PEOPLE], "en")["captions"]
    monkeypatch.setitem(sys.modules, "nltk.stem", None)
    found = beside_a_person(["a dog dog"], [PEOPLE], "en")["captions"]
    assert (found.stutters, found.different_words) == (whole.stutters, whole.different_words)
    assert whole.told == 50
    assert (found.wrong, found.told) == (None, None)
    report = make_report(Captions("ours", "en", (Entry("a.jpg", "a dog dog", PEOPLE),)))
    said = "Wrong and told words are left out: nltk is not installed; it comes with"
    assert any(str(note).startswith(said) for note in report.notes)
    _stem.cache_clear()
    with pytest.raises(MissingError, match="nltk is not installed"):
        content_words("a dog", "en")


def tool(shared: Path) -> Path:
    path = shared / "tools" / "sense.py"
    if not path.is_file():
        pytest.skip("no tools/sense.py beside the data")
    return path


@pytest.fixture(scope="module")
def theirs(shared: Path) -> ModuleType:
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location("their_sense", tool(shared))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WORDS = ["a", "dog", "dogs", "Running", "run", "white-and", "the", "people", "man's", "3", "é", "t"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
PHOTOS = st.lists(
    st.tuples(SENTENCES, st.lists(SENTENCES, min_size=5, max_size=6)), min_size=1, max_size=5
)


@given(PHOTOS)
def test_any_captions_have_the_tools_figures(
    theirs: ModuleType, photos: list[tuple[str, list[str]]]
) -> None:
    captions = {str(n): caption for n, (caption, _) in enumerate(photos)}
    references = {str(n): group for n, (_, group) in enumerate(photos)}
    ours = beside_a_person(list(captions.values()), list(references.values()), "en")["captions"]
    if ours.wrong is None or ours.told is None:
        return  # the tool divides by nothing
    assert as_the_tool_says(ours.as_dict()) == theirs.figures(captions, references)


def test_evaluate_prints_and_writes_the_tools_figures(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((shared / "flickr8k" / "references_dev_en.json").read_text("utf-8"))
    images = document["images"][:60]
    groups = defaultdict(list)
    for row in document["annotations"]:
        groups[row["image_id"]].append(row)
    few = images[7]["id"]
    groups[few] = groups[few][:4]
    kept = {"images": images, "annotations": [r for i in images for r in groups[i["id"]]]}
    draw = random.Random(0)
    rows = [{"image_id": i["id"], "caption": odd(groups[i["id"]], draw)} for i in images]
    rows[3]["caption"] = ""
    references, results = tmp_path / "references.json", tmp_path / "results.json"
    references.write_text(json.dumps(kept), encoding="utf-8")
    results.write_text(json.dumps(rows), encoding="utf-8")
    names = {i["id"]: i["file_name"] for i in images}
    lines = [json.dumps({"image": names[r["image_id"]], "caption": r["caption"]}) for r in rows]
    captions = tmp_path / "captions.jsonl"
    captions.write_text("\n".join(lines), encoding="utf-8")

    said = subprocess.run(
        [sys.executable, tool(shared), captions, references],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    theirs, person = map(json.loads, said.splitlines())
    report, html = tmp_path / "report.json", tmp_path / "report.html"
    files = ["--results", results, "--references", references, "--json", report, "--html", html]
    assert main(["evaluate", *map(str, files)]) == 0
    out, err = capsys.readouterr()
    heading, ours, human = out.split("\n\n")[-1].strip().split("\n")
    cells = [theirs[name] for name in ("photos", "distinct words", "stutters", "wrong", "told")]
    assert heading.split()[-2:] == ["per", "caption"]
    assert ours.split()[1:2] + ours.split()[3:7] == list(map(str, cells))
    assert human.split()[-1] == f"{person['words a caption']:.2f}"
    written = json.loads(report.read_text("utf-8"))["sense"]
    assert as_the_tool_says(written["captions"]) | {"who": "these captions"} == theirs
    assert as_the_tool_says(written["human"]) | {"who": "a person"} == person
    assert theirs["photos"] == 58
    assert "left out of the table of stutters: 2." in err
    assert f"<td>{theirs['told']:.1f}</td>" in html.read_text("utf-8")


def odd(group: Sequence[dict], draw: random.Random) -> str:
    """A reference with a word said twice now and then, as models do."""
    words = draw.choice(group)["caption"].split()
    if draw.random() < 0.3:
        at = draw.randrange(len(words))
        words[at:at] = [words[at], "and"]
    return " ".join(words[: draw.randint(3, 12)])


def as_the_tool_says(figures: dict[str, float]) -> dict[str, float]:
    """Our figures under the tool's names, rounded as there."""
    names = {"different_words": "distinct words", "words_a_caption": "words a caption"}
    return {
        names.get(name, name): round(value, 2 if name == "words_a_caption" else 1)
        for name, value in figures.items()
        if name != "different_captions"
    }
