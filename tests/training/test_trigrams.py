"""Which trigrams a finished model's search is told of."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from captioner.datasets import Record
from captioner.errors import RecipeError
from captioner.images import Photo
from captioner.text import END, START, Vocabulary
from captioner.training import read_recipe
from captioner.training.trigrams import seen_trigrams, trigrams_of

RECIPE = Path(__file__).parents[2] / "configs" / "small-en.toml"
WORDS = Vocabulary.build([["a", "dog", "cat", "runs", "sleeps"]])
A, DOG, CAT, RUNS, SLEEPS = (WORDS.number(w) or 0 for w in ("a", "dog", "cat", "runs", "sleeps"))


def test_trigrams_stay_within_sentences_and_among_known_words() -> None:
    said = [["a", "dog", "runs"], ["a", "unicorn", "runs"], [], ["a"], ["cat", "sleeps"]]
    seen = replace(trigrams_of(said, WORDS), penalty=1)
    there = [(START, A, DOG), (A, DOG, RUNS), (DOG, RUNS, END), (START, A, END)]
    there += [(START, CAT, SLEEPS), (CAT, SLEEPS, END)]
    assert all(seen.holds(*own) for own in there)
    every = {
        (one, two, three)
        for one in (START, A, DOG, CAT, RUNS, SLEEPS)
        for two in (A, DOG, CAT, RUNS, SLEEPS)
        for three in (A, DOG, CAT, RUNS, SLEEPS, END)
    }
    found = {own for own in every if seen.holds(*own)}
    # Six trigrams have eight bytes, in which one other in twenty may be found.
    assert len(found - set(there)) < len(every) / 10


def test_a_pair_is_common_that_stands_ten_times() -> None:
    said = [["a", "dog"]] * 9 + [["a", "cat"]] * 10
    seen = trigrams_of([*said, *(["dog", "cat", "runs"] for _ in range(200))], WORDS)
    assert seen.is_common(A, CAT)
    common = [own for own in pairwise((START, A, DOG, RUNS)) if seen.is_common(*own)]
    assert common == [(START, A)]


def test_captions_to_train_on_and_files_of_sentences_count(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("A cat sleeps.\n")
    changes = [f"data.root={tmp_path}", 'trigrams=["more.txt"]', "unseen_penalty=0.5"]
    recipe = read_recipe(RECIPE, changes)
    records = [
        Record(Photo.at("1.jpg"), ("A dog runs.",), "train"),
        Record(Photo.at("2.jpg"), ("A cat runs.",), "val"),
    ]
    seen = seen_trigrams(recipe, records, WORDS)
    assert seen.penalty == 0.5
    assert seen.holds(A, DOG, RUNS)
    assert seen.holds(A, CAT, SLEEPS)
    assert not seen.holds(A, CAT, RUNS)


@pytest.mark.parametrize("penalty", ["-1", "nan", "inf", "1001"])
def test_a_penalty_that_cannot_be_is_told(penalty: str) -> None:
    with pytest.raises(RecipeError, match="unseen_penalty must be from 0 to 1000"):
        read_recipe(RECIPE, [f"unseen_penalty={penalty}"])
