"""The report as a whole: its table, its notes, its JSON and the way back."""

import json
from pathlib import Path

import pytest

from captioner.errors import DatasetError, OptionError
from captioner.messages import Message
from captioner.metrics import score
from captioner.metrics.official import OfficialScores
from captioner.metrics.report import Captions, Entry, make_report, read_report
from captioner.text.english import tokenize

ENTRIES = (
    Entry("a.jpg", "a dog runs on the grass", ("A dog runs on grass.", "A brown dog running")),
    Entry("b.jpg", "two cats", ("Two cats sleep on a bed.", "cats on a bed", "Cats.")),
    Entry("c.jpg", "", ("A red bus.", "A red bus drives.")),
)
CAPTIONS = Captions("ours", "en", ENTRIES, "three photos")
TRAINING = ["a dog", "a dog runs on the grass", "a bus", "two cats"]


def test_the_corpus_line_is_what_score_says_and_each_caption_has_its_own() -> None:
    report = make_report(CAPTIONS)
    texts, references = [e.caption for e in ENTRIES], [e.references for e in ENTRIES]
    expected = score(texts, references, tokenize).as_dict()
    found = report.scores.as_dict()
    assert {name: found[name] for name in expected} == expected
    for entry, own in zip(ENTRIES[:2], report.each, strict=False):
        alone = score([entry.caption], [entry.references], tokenize)
        assert (own.bleu_3, own.rouge_l) == pytest.approx((alone.bleu_3, alone.rouge_l))
    assert report.each[2].cider == report.each[2].rouge_l == 0
    assert report.scores.cider == pytest.approx(sum(own.cider for own in report.each) / 3)


def test_the_table_names_each_line_and_its_photos() -> None:
    report = make_report(CAPTIONS, TRAINING, vocabulary=["a", "dog", "horse", "pony"])
    scores, content = report.table().split("\n\n")
    lines = scores.split("\n")
    assert lines[0].split()[:7] == [
        "photos", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr",
    ]  # fmt: skip
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "ours", "a person", "rare subjects", "medium subjects", "common subjects",
    ]  # fmt: skip
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split()[1] == "3"
    assert lines[1].endswith(f"{report.scores.cider:.1f}")
    figures = dict(line.rsplit(maxsplit=1) for line in content.split("\n"))
    assert figures["never seen in training, %"] == "33.3"
    assert figures["of the model's vocabulary, %"] == "50.0"


def test_names_in_chinese_line_up_as_a_terminal_shows_them() -> None:
    pytest.importorskip("jieba")
    entries = (Entry("a.jpg", "一只狗在草地上", ("一只狗", "草地上的狗")),)
    report = make_report(Captions("模型", "zh", entries))
    assert list(report.lines) == [
        "captions", "human", "captions_character", "human_character",
    ]  # fmt: skip
    title, ours, person, *_ = report.table().split("\n")
    assert ours.startswith("模型, by word")
    assert len(title) == len(person) == len(ours) + 2  # two characters, each twice as wide
    characters = [" ".join(e.caption) for e in entries]
    references = [[" ".join(text) for text in e.references] for e in entries]
    expected = score(characters, references, str.split)
    assert report.lines["captions_character"].scores.rouge_l == expected.rouge_l
    assert report.scores.rouge_l != expected.rouge_l


def test_notes_count_what_is_left_out() -> None:
    def notes(captions: Captions, training: list[str] | None = None) -> str:
        return " ".join(
            map(str, make_report(captions, training, notes=[Message("The first.")]).notes)
        )

    assert notes(CAPTIONS).startswith("The first. A person is each reference scored against")
    assert "No training captions are known" in notes(CAPTIONS)
    assert "Empty captions, which all metrics score as zero: 1." in notes(CAPTIONS)
    assert "No training" not in notes(CAPTIONS, TRAINING)
    assert "Too few photos" not in notes(CAPTIONS, TRAINING)
    alone = Entry("d.jpg", "a tree", ("A tree.",))
    more = Captions("ours", "en", (*ENTRIES[:2], alone, ENTRIES[2]))
    assert "Photos with one reference, left out of a person's scores: 1." in notes(more)
    assert "share no word, left out of the groups: 1." in notes(more, TRAINING)
    assert make_report(more).lines["human"].photos == 3
    only = Captions("ours", "en", (alone,))
    assert "human" not in make_report(only).lines
    assert "A person" not in notes(only)
    assert "Too few photos have a word that two references share" in notes(only, TRAINING)


def test_subject_groups_are_scored_apart() -> None:
    report = make_report(CAPTIONS, TRAINING)
    assert [report.lines[name].photos for name in ("rare", "medium", "common")] == [1, 1, 1]
    # "cats" and "bus" are in one training caption each, "dog" in two.
    assert report.lines["common"].scores.rouge_l == report.each[0].rouge_l
    assert report.lines["rare"].scores.cider == pytest.approx(report.each[1].cider)


def test_nltks_meteor_is_a_column_where_it_can_be_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = "captioner.metrics"
    for module in ("report.report", "scores"):
        monkeypatch.setattr(f"{home}.{module}.why_no_nltk_meteor", lambda: Message("nltk is ill."))
    report = make_report(CAPTIONS)
    assert "METEOR" not in report.table()
    assert "nltk's METEOR is left out: nltk is ill." in map(str, report.notes)
    for module in ("report.report", "scores"):
        monkeypatch.setattr(f"{home}.{module}.why_no_nltk_meteor", lambda: None)
    lengths = lambda candidates, references: [len(c) / 100 for c in candidates]  # noqa: E731
    monkeypatch.setattr(f"{home}.scores.nltk_meteor", lengths)
    report = make_report(CAPTIONS)
    assert "METEOR (nltk)" in report.table()
    assert [own.nltk_meteor for own in report.each] == pytest.approx([6, 2, 0])
    assert report.scores.nltk_meteor == pytest.approx(8 / 3)
    assert report.lines["human"].scores.nltk_meteor is not None


def test_the_official_scores_are_a_line_and_their_meteor_each_captions() -> None:
    corpus = {"bleu_1": 1.0, "bleu_2": 2.0, "bleu_3": 3.0, "bleu_4": 4.0}
    corpus |= {"rouge_l": 5.0, "cider": 6.0, "meteor": 7.0}
    official = OfficialScores(
        corpus, {"meteor": [8.0, 9.0, 10.0]}, (Message("SPICE is left out."),)
    )
    report = make_report(CAPTIONS, official=official)
    assert list(report.lines)[:2] == ["captions", "official"]
    assert report.lines["official"].scores.meteor == 7
    assert [own.meteor for own in report.each] == [8, 9, 10]
    assert "SPICE is left out." in map(str, report.notes)
    title, ours, theirs, *_ = report.table().split("\n")
    assert title.split()[-1] == "METEOR"
    assert len(ours) < len(theirs) == len(title)


def test_json_holds_everything_and_the_captions_come_back(tmp_path: Path) -> None:
    report = make_report(CAPTIONS, TRAINING)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report.as_dict()), encoding="utf-8")
    content = json.loads(path.read_text("utf-8"))
    assert content["photos"] == 3
    assert content["scores"]["captions"]["cider"] == report.scores.cider
    assert content["scores"]["human"]["photos"] == 3
    assert content["content"]["different"] == 3
    row = content["captions"][1]
    assert (row["image"], row["caption"]) == ("b.jpg", "two cats")
    assert row["references"] == list(ENTRIES[1].references)
    assert row["scores"] == report.each[1].as_dict()
    assert read_report(path) == Captions("report.json", "en", ENTRIES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other"}, "is not a report"),
        ({"version": 99}, "is not a report"),
        ({"language": "xx"}, "is not a report"),
        ({"captions": [{"image": "a", "caption": "x"}]}, "is not a report"),
        ({"captions": [{"image": "a", "caption": 1, "references": ["x"]}]}, "is not a report"),
        ({"captions": [{"image": "a", "caption": "x", "references": []}]}, "is not a report"),
        (
            {"captions": [{"image": "a.jpg", "caption": "x", "references": ["x"]}] * 2},
            "has 2 captions for a.jpg",
        ),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, change: dict, said: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(make_report(CAPTIONS).as_dict() | change), encoding="utf-8")
    with pytest.raises(DatasetError, match=said):
        read_report(path)


@pytest.mark.parametrize("text", ["[]", "3", "no JSON", "[" * 100_000])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(DatasetError, match=r"report\.json is missing"):
        read_report(path)
    path.write_text(text)
    with pytest.raises(
        DatasetError, match=r"report\.json(, line 1|:)?.* (is not a|not valid JSON|JSON nested)"
    ):
        read_report(path)


def test_captions_that_are_none_are_refused() -> None:
    with pytest.raises(OptionError, match="no candidate"):
        make_report(Captions("ours", "en", ()))
    with pytest.raises(OptionError, match="language 'xx'"):
        make_report(Captions("ours", "xx", ENTRIES))
