"""nltk's METEOR with a WordNet of four words, small enough to work the scores out by hand."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from captioner.errors import MissingError, OptionError
from captioner.metrics.meteor import nltk_meteor, why_no_nltk_meteor

nltk_data = pytest.importorskip("nltk.data")

# nltk looks stems up in WordNet: these four are their own stems.
SYNONYMS = [["cab", "taxi"], ["boat", "ship"]]


def words(text: str) -> list[str]:
    return text.split()


def write_wordnet(folder: Path) -> None:
    """The SYNONYMS as nouns in WordNet's database format, see its manual page wndb(5)."""
    folder.mkdir(parents=True)
    for kind in ["noun", "verb", "adj", "adv"]:
        for name in [f"data.{kind}", f"index.{kind}", f"{kind}.exc"]:
            (folder / name).touch()
    for name in ["cntlist.rev", "index.sense", "lexnames"]:
        (folder / name).touch()
    (folder / "lexnames").write_text("".join(f"{i:02}\tnoun.{i}\t1\n" for i in range(3)))
    data, index = "", []
    for lemmas in SYNONYMS:
        offset = f"{len(data):08}"
        listed = " ".join(f"{lemma} 0" for lemma in lemmas)
        data += f"{offset} 02 n {len(lemmas):02x} {listed} 000 | a thing\n"
        index += [f"{lemma} n 1 0 1 0 {offset}\n" for lemma in lemmas]
    (folder / "data.noun").write_text(data)
    (folder / "index.noun").write_text("".join(sorted(index)))


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only place where nltk looks for WordNet, still empty."""
    from nltk.corpus import wordnet

    monkeypatch.setattr(nltk_data, "path", [str(tmp_path)])
    wordnet._unload()
    yield tmp_path / "corpora"
    wordnet._unload()


@pytest.fixture
def wordnet(corpora: Path) -> None:
    write_wordnet(corpora / "wordnet")


@pytest.mark.usefixtures("wordnet")
def test_words_match_exactly_by_stem_or_as_synonyms() -> None:
    assert why_no_nltk_meteor() is None
    candidates = [words("a man rides the cab")] * 3
    references = [
        [words("a man rides the taxi")],
        [words("a man riding the taxi")],
        [words("a man riding the ship")],
    ]
    scores = nltk_meteor(candidates, references)
    # One run of five matched words; in the last pair four of five words in one run.
    complete = 1 - 0.5 * (1 / 5) ** 3
    partly = (1 - 0.5 * (1 / 4) ** 3) * 4 / 5
    assert scores == pytest.approx([complete, complete, partly])


@pytest.mark.usefixtures("wordnet")
def test_best_reference_counts_and_nothing_in_common_is_zero() -> None:
    references = [[words("two cats"), words("a cat")], [words("two cats")], [words("a dog")]]
    scores = nltk_meteor([words("a dog"), words("a dog"), []], references)
    assert scores == pytest.approx([0.5 * 0.5, 0, 0])


@pytest.mark.usefixtures("wordnet")
def test_recall_weighs_nine_times_precision() -> None:
    (score,) = nltk_meteor([words("a dog runs by")], [[words("a dog")]])
    precision, recall, matches = 2 / 4, 2 / 2, 2
    expected = precision * recall / (0.9 * precision + 0.1 * recall)
    assert score == pytest.approx(expected * (1 - 0.5 * (1 / matches) ** 3))


@pytest.mark.usefixtures("corpora")
def test_missing_wordnet_is_one_sentence() -> None:
    reason = why_no_nltk_meteor()
    assert reason is not None
    assert "WordNet" in str(reason)
    assert "\n" not in str(reason)
    with pytest.raises(MissingError, match="WordNet"):
        nltk_meteor([["a"]], [[["a"]]])


def test_damaged_wordnet_is_one_sentence(corpora: Path) -> None:
    write_wordnet(corpora / "wordnet")
    (corpora / "wordnet" / "index.noun").write_text("cab n 1\n")
    with pytest.raises(MissingError, match=r"cannot read .*\.$"):
        nltk_meteor([["a"]], [[["a"]]])


def test_missing_nltk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(MissingError, match=r"nltk is not installed.*\.$"):
        nltk_meteor([["a"]], [[["a"]]])


def test_text_instead_of_tokens_is_an_error() -> None:
    with pytest.raises(OptionError, match="is a text"):
        nltk_meteor(["a dog"], [[["a", "dog"]]])
