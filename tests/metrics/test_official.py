"""pycocoevalcap as a whole, beside our own metrics and METEOR's command, and where it is broken."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from captioner.errors import MissingError, OptionError
from captioner.metrics import score
from captioner.metrics.official import official_scores, why_no_official_scores
from captioner.text.english import tokenize

pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")

CANDIDATES = ["A man riding a bicycle.", "a dog\nruns", "", "Two children's toys!"]
REFERENCES = [
    ["A man rides his bike down the street.", "A cyclist on a road"],
    ["A brown dog is running", "the dog runs on grass", "A dog."],
    ["Nobody is here"],
    ["Two toys of children", "Toys, on the floor."],
]


def meteor_module() -> ModuleType:
    from pycocoevalcap.meteor import meteor

    return meteor


@needs_java
def test_scores_are_those_of_our_own_metrics_and_of_meteors_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scores = official_scores(CANDIDATES, REFERENCES)
    assert capfd.readouterr() == ("", "")

    ours = score(CANDIDATES, REFERENCES, tokenize).as_dict()
    assert {name: scores.corpus[name] for name in ours} == pytest.approx(ours, abs=1e-7)
    final, segments = meteor_from_files(tmp_path)
    assert scores.corpus["meteor"] == pytest.approx(100 * final)
    assert scores.sentences["meteor"] == pytest.approx([100 * value for value in segments])
    for name in ["rouge_l", "cider"]:
        assert sum(scores.sentences[name]) / len(CANDIDATES) == pytest.approx(scores.corpus[name])
    assert scores.sentences["bleu_1"][1] == pytest.approx(100)


def meteor_from_files(folder: Path) -> tuple[float, list[float]]:
    """METEOR of CANDIDATES by its command line, which wants as many references for each."""
    most = max(len(group) for group in REFERENCES)
    padded = [[*group, *[group[-1]] * (most - len(group))] for group in REFERENCES]

    def lines(name: str, texts: list[str]) -> str:
        path = folder / name
        path.write_text("".join(" ".join(tokenize(text)) + "\n" for text in texts))
        return str(path)

    results = lines("results", CANDIDATES)
    truths = lines("truths", [text for group in padded for text in group])
    jar = Path(meteor_module().__file__).parent / "meteor-1.5.jar"
    command = ["java", "-Xmx2G", "-jar", str(jar), results, truths, "-l", "en", "-norm"]
    output = subprocess.run(
        [*command, "-r", str(most)], capture_output=True, text=True, check=True
    ).stdout
    segments = re.findall(r"^Segment \d+ score:\s+(\S+)", output, re.MULTILINE)
    (final,) = re.findall(r"^Final score:\s+(\S+)", output, re.MULTILINE)
    return float(final), [float(value) for value in segments]


@needs_java
def test_spice_is_never_started_without_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    from pycocoevalcap.spice import spice

    def download() -> None:
        raise AssertionError("SPICE began to download its models")

    monkeypatch.setattr(spice, "__file__", "nowhere/spice.py")
    monkeypatch.setattr(spice, "get_stanford_models", download)
    monkeypatch.setattr(meteor_module(), "Meteor", FakeMeteor)
    scores = official_scores(["a dog"], [["a dog"]])
    assert "spice" not in scores.corpus
    (note,) = scores.notes
    assert re.fullmatch(r"SPICE is left out: .*-models\.jar in spice/lib\.", str(note))


class FakeMeteor:
    def compute_score(
        self, truths: dict[int, list[str]], results: dict[int, list[str]]
    ) -> tuple[float, list[float]]:
        return 0.5, [0.5] * len(results)


class FakeSpice:
    """Gives what SPICE gives, and prints as its Java program does."""

    def compute_score(
        self, truths: dict[int, list[str]], results: dict[int, list[str]]
    ) -> tuple[float, list[dict[str, dict[str, float]]]]:
        subprocess.run(["echo", "Parsing captions"], check=True)
        if results[0] == ["fails"]:
            raise subprocess.CalledProcessError(1, ["java", "spice.jar"])
        details = [{"All": {"f": len(text) / 10}} for (text,) in results.values()]
        return 0.25, details


@pytest.fixture
def spice_with_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pycocoevalcap.spice import spice

    library = tmp_path / "lib"
    library.mkdir()
    for name in ["stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar"]:
        (library / name).touch()
    monkeypatch.setattr(spice, "__file__", str(tmp_path / "spice.py"))
    monkeypatch.setattr(spice, "Spice", FakeSpice)
    monkeypatch.setattr(meteor_module(), "Meteor", FakeMeteor)


@needs_java
@pytest.mark.usefixtures("spice_with_models")
def test_spice_counts_where_it_has_its_models(capfd: pytest.CaptureFixture[str]) -> None:
    scores = official_scores(["dog", "two"], [["a dog"], ["two"]])
    assert scores.notes == ()
    assert scores.sentences["spice"] == pytest.approx([30, 30])
    assert scores.corpus["spice"] == pytest.approx(30)
    assert scores.corpus["meteor"] == 50
    assert capfd.readouterr() == ("", "")


@needs_java
@pytest.mark.usefixtures("spice_with_models")
def test_failing_spice_is_a_note() -> None:
    scores = official_scores(["fails"], [["a dog"]])
    assert "spice" not in scores.corpus
    assert re.fullmatch(r"SPICE is left out: .* failed \(.*\)\.", str(scores.notes[0]))


def test_missing_java_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match=r"run on Java.*\.$"):
        official_scores(["a dog"], [["a dog"]])


def test_missing_pycocoevalcap_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocoevalcap.tokenizer", None)
    assert "not installed" in str(why_no_official_scores())
    with pytest.raises(MissingError, match=r"pycocoevalcap is not installed.*\.$"):
        official_scores(["a dog"], [["a dog"]])


def put_java(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a shell script the java command."""
    java = folder / "java"
    java.write_text("#!/bin/sh\n" + script)
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_java_that_does_not_run_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_java(tmp_path, "exit 1\n", monkeypatch)
    with pytest.raises(MissingError, match=r"java does not run\.$"):
        official_scores(["a dog"], [["a dog"]])


@needs_java
def test_tokenizer_that_does_not_run_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'case "$*" in *PTBTokenizer*) exit 1;; esac\nexec {shutil.which("java")} "$@"\n'
    put_java(tmp_path, script, monkeypatch)
    with pytest.raises(MissingError, match=r"tokenizer gave no result\.$"):
        official_scores(["a dog", "a cat"], [["a dog"], ["a cat"]])


@needs_java
def test_meteor_that_does_not_run_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'case "$*" in *meteor*) exit 1;; esac\nexec {shutil.which("java")} "$@"\n'
    put_java(tmp_path, script, monkeypatch)
    with pytest.raises(MissingError, match=r"METEOR's Java program failed\.$"):
        official_scores(["a dog"], [["a dog"]])


@needs_java
def test_unwritable_installation_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from pycocoevalcap.tokenizer import ptbtokenizer

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "/install/tmp1")

    monkeypatch.setattr(ptbtokenizer.tempfile, "NamedTemporaryFile", refuse)
    with pytest.raises(MissingError, match=r"tokenizer cannot run \(.*/install/tmp1'\)\.$"):
        official_scores(["a dog"], [["a dog"]])


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ([], [], "no candidate"),
        (["a dog"], ["a dog"], "one text, not a list"),
        (["a dog"], [[]], "index 0 has no reference"),
        (["a dog"], [["a"], ["b"]], "index 1 has no partner"),
    ],
)
def test_wrong_input_is_one_sentence(
    candidates: list[str], references: list[list[str]], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        official_scores(candidates, references)


@needs_java
def test_references_without_a_word_are_an_error() -> None:
    with pytest.raises(OptionError, match="No reference holds a word"):
        official_scores(["a dog"], [["."]])
