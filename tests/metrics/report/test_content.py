"""What captions say: hand-worked figures, and groups of photos by what is on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.metrics.report.content import Training, by_subject, content

CAPTIONS = [s.split() for s in ("a dog runs", "a dog runs", "a cat", "")]


def test_a_hand_worked_set() -> None:
    figures = content(CAPTIONS)
    assert figures.different == 3
    assert figures.words == 4  # a dog runs cat
    assert figures.distinct_1 == pytest.approx(100 * 4 / 8)
    assert figures.distinct_2 == pytest.approx(100 * 3 / 8)  # a-dog dog-runs a-cat
    assert figures.mean_length == pytest.approx(8 / 4)
    assert figures.empty == 1
    assert (figures.new, figures.of_vocabulary) == (None, None)
    assert "new" not in figures.as_dict()


def test_new_captions_are_those_whose_very_tokens_no_training_caption_has() -> None:
    training = Training.of(s.split() for s in ("a dog runs", "a cat sleeps", "runs a dog"))
    assert content(CAPTIONS, training).new == pytest.approx(100 * 2 / 4)


def test_the_vocabularys_share_counts_only_its_own_words() -> None:
    figures = content(CAPTIONS, vocabulary=("a", "cat", "dog", "horse", "on"))
    assert figures.of_vocabulary == pytest.approx(100 * 3 / 5)


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=5), min_size=1, max_size=6))
def test_figures_stay_within_their_bounds(captions: list[list[str]]) -> None:
    figures = content(captions, Training.of(captions), set("abcd"))
    assert figures.new == 0
    assert 0 <= figures.distinct_2 <= 100
    assert 0 <= figures.distinct_1 <= 100
    assert figures.of_vocabulary == 25 * figures.words
    assert 1 <= figures.different <= len(captions)


def test_rows_are_for_people() -> None:
    known = content(CAPTIONS, Training.of([]), ("a",))
    rows = {str(title): value for title, value in known.rows()}
    assert rows["distinct-1, %"] == "50.0"
    assert rows["different words"] == "4"
    assert rows["never seen in training, %"] == "100.0"


def photo(*words: str) -> list[list[str]]:
    """A photo whose references share these words, and each say something more."""
    return [["a", *words, "on", "grass"], ["the", *words, "outside"], ["lonely"]]


def test_photos_are_grouped_by_their_rarest_agreed_word() -> None:
    # In training "dog" is in 6 captions, "ball" in 4, "kite" in 2, "yak" in none.
    training = Training.of([["dog"]] * 2 + [["dog", "dog", "ball"]] * 4 + [["a", "kite"]] * 2)
    photos = [
        photo("dog"),
        photo("dog", "kite"),  # its rarest word decides
        photo("yak"),
        [["a", "dog"], ["a", "cat"]],  # they agree on a function word alone
        photo("ball", "dog"),
        photo("dog"),
        photo("yak", "dog"),
    ]
    rare, medium, common = by_subject(photos, training)
    assert (rare.tolist(), medium.tolist(), common.tolist()) == ([2, 6], [1, 4], [0, 5])


def test_a_word_that_one_person_repeats_is_not_agreed_on() -> None:
    training = Training.of([["dog"]])
    groups = by_subject([[["kite", "kite"], ["dog"], ["dog"]]], training)
    assert sum(len(group) for group in groups) == 1
    groups = by_subject([[["kite", "kite"], ["dog"]]], training)
    assert sum(len(group) for group in groups) == 0


def test_training_counts_captions_not_occurrences() -> None:
    training = Training.of([["dog", "dog"], ["dog"], ["cat"]])
    assert training.captions_with == {"dog": 2, "cat": 1}
