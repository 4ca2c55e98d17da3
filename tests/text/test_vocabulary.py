"""The vocabulary: order, numbers, and its file."""

from pathlib import Path

import pytest

from captioner.errors import ModelError, OptionError
from captioner.text import END, START, UNKNOWN, Vocabulary, tokenizer


def test_words_are_kept_by_count_most_frequent_first() -> None:
    words = Vocabulary.build([["b", "a", "a"], ["c", "b", "a"]], min_count=2).words
    assert words == ("<pad>", "<start>", "<end>", "<unk>", "a", "b")


def test_a_caption_survives_the_round_trip() -> None:
    vocabulary = Vocabulary.build([["a", "dog"]])
    numbers = vocabulary.encode(["a", "wild", "dog"])
    assert numbers == [START, 4, UNKNOWN, 5, END]
    assert vocabulary.decode(numbers) == ("a", "<unk>", "dog")


def test_special_words_in_captions_are_not_special() -> None:
    vocabulary = Vocabulary.build([["<end>", "a"]])
    assert vocabulary.words == ("<pad>", "<start>", "<end>", "<unk>", "a")
    assert vocabulary.number("<end>") is None
    assert vocabulary.number("a") == 4
    assert vocabulary.number("unheard-of") is None


def test_the_file_keeps_every_script(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build([["dog", "狗", "naïve", "🐶"]])
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary


@pytest.mark.parametrize("content", ["", "{}", "[1, 2]", '["a"]', '["<pad>", "<start>"]'])
def test_a_foreign_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(ModelError):
        Vocabulary.load(tmp_path / "v.json")


def test_an_unknown_language_lists_what_exists() -> None:
    with pytest.raises(OptionError, match="no tokenizer for language 'xx'; there is: en"):
        tokenizer("xx")
