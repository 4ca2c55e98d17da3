"""BLEU on examples small enough to work by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.metrics import CiderD, bleu_scores
from captioner.metrics.bleu import bleu_counts, bleu_from_counts


def words(text: str) -> list[str]:
    return text.split()


def test_repeated_words_are_clipped_to_the_most_in_one_reference() -> None:
    # Papineni et al., section 2.1: "the" seven times has a unigram precision of 2/7.
    candidate = ["the"] * 7
    references = [words("the cat is on the mat"), words("there is a cat on the mat")]
    assert bleu_scores([candidate], [references])[0, 0] == pytest.approx(2 / 7)


def test_short_candidate_pays_the_brevity_penalty_of_the_closest_reference() -> None:
    references = [words("a dog runs on grass"), words("a dog runs on the green grass")]
    assert bleu_scores([["a", "dog"]], [references])[0, 0] == pytest.approx(math.exp(1 - 5 / 2))


def test_of_two_equally_close_references_the_shorter_counts() -> None:
    references = [["a", "b"], ["a", "b", "c", "d"]]
    assert bleu_scores([["a", "b", "c"]], [references])[0, 0] == pytest.approx(1)


def test_corpus_pools_counts_instead_of_averaging_sentences() -> None:
    pair = [["a"], ["b", "c", "d"]], [[["a"]], [["x", "y", "z"]]]
    assert bleu_from_counts(bleu_counts(*pair).sum(axis=0))[0] == pytest.approx(1 / 4)
    assert bleu_scores(*pair)[:, 0].tolist() == pytest.approx([1, 0])


def test_empty_candidate_scores_zero() -> None:
    scores = bleu_scores([[], ["a", "dog"]], [[["a", "dog"]], [["a", "dog"]]])
    assert scores[0].tolist() == [0, 0, 0, 0]
    assert scores[1, 0] == pytest.approx(1)


CAPTION = st.lists(st.sampled_from("abcde"), max_size=8)


@given(
    st.lists(st.lists(CAPTION.filter(bool), min_size=1, max_size=4), min_size=1, max_size=4),
    st.data(),
)
def test_of_prepared_references_is_that_of_the_same_references(
    references: list[list[list[str]]], data: st.DataObject
) -> None:
    images = data.draw(st.lists(st.integers(0, len(references) - 1), max_size=5))
    candidates = [data.draw(CAPTION) for _ in images]
    prepared = CiderD(references).prepare(references)
    theirs = bleu_scores(candidates, [references[image] for image in images])
    assert prepared.compare(candidates, images).bleu == pytest.approx(theirs, abs=1e-12)
