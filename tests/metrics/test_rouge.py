"""ROUGE-L on examples small enough to work by hand."""

import pytest

from captioner.metrics import rouge_l


def words(text: str) -> list[str]:
    return text.split()


def test_subsequence_keeps_order_and_may_skip_words() -> None:
    # "police the gunman" is common: 3 of 4 words in each, so precision = recall = F.
    candidate = words("police kill the gunman")
    reference = words("police ended the gunman")
    assert rouge_l([candidate], [[reference]]) == pytest.approx([3 / 4])


def test_order_matters() -> None:
    assert rouge_l([["b", "a"]], [[["a", "b"]]]) == pytest.approx([1 / 2])


def test_best_precision_and_best_recall_may_come_from_different_references() -> None:
    precision, recall = 2 / 2, 1 / 1
    references = [["a", "b", "c", "d"], ["a"]]
    expected = (1 + 1.44) * precision * recall / (recall + 1.44 * precision)
    assert rouge_l([["a", "b"]], [references]) == pytest.approx([expected])


def test_recall_weighs_more_than_precision() -> None:
    complete_but_long = rouge_l([["a", "b", "x", "y"]], [[["a", "b"]]])
    short_but_exact = rouge_l([["a", "b"]], [[["a", "b", "x", "y"]]])
    assert complete_but_long > short_but_exact


@pytest.mark.parametrize("reference", [["a", "dog"], []])
def test_empty_candidate_scores_zero(reference: list[str]) -> None:
    assert rouge_l([[]], [[reference]]) == [0]
