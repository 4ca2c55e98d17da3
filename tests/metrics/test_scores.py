"""The scores together, and how wrong input is told."""

from collections.abc import Callable
from typing import Any

import pytest

from captioner.errors import OptionError
from captioner.metrics import CiderD, Scores, bleu, rouge_l, score


def _cider(candidates: Any, references: Any) -> list[float]:
    return CiderD({}, images=1).score(candidates, references)


METRICS = [bleu, rouge_l, _cider]


@pytest.mark.parametrize("metric", METRICS)
def test_lists_of_different_length_name_the_first_one_alone(metric: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match="index 1 has no partner"):
        metric([["a"], ["b"]], [[["a"]]])


@pytest.mark.parametrize("metric", METRICS)
def test_candidate_without_reference_is_named(metric: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match="index 1 has no reference"):
        metric([["a"], ["b"]], [[["a"]], []])


@pytest.mark.parametrize("metric", METRICS)
def test_text_instead_of_tokens_is_named(metric: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match="candidate at index 0 is a text"):
        metric(["a dog"], [[["a", "dog"]]])
    with pytest.raises(OptionError, match="reference of the candidate at index 0 is a text"):
        metric([["a", "dog"]], [["a dog"]])


def test_score_refuses_one_text_as_a_list_of_references() -> None:
    with pytest.raises(OptionError, match="index 0"):
        score(["a dog"], ["a dog"], str.split)


def test_perfect_captions_score_a_hundred() -> None:
    references = [["red fox leaps high"], ["blue boat sails away"]]
    scores = score([group[0] for group in references], references, str.split)
    assert scores.bleu_4 == pytest.approx(100)
    assert scores.rouge_l == pytest.approx(100)
    assert scores.cider == pytest.approx(1000)


def test_table_lines_up_names_and_values() -> None:
    table = Scores(64.71, 45.7, 31.4, 21.4, 49.5, 1082.34).table()
    names, values = table.split("\n")
    assert names.split() == ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr"]
    assert values.split() == ["64.7", "45.7", "31.4", "21.4", "49.5", "1082.3"]
    assert len(names) == len(values)


def test_as_dict_has_every_score_by_name() -> None:
    scores = Scores(1, 2, 3, 4, 5, 6)
    assert Scores(**scores.as_dict()) == scores
