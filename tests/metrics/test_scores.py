"""The scores together, and how wrong input is told."""

from collections.abc import Callable
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captioner.errors import OptionError
from captioner.metrics import CiderD, Scores, bleu_scores, rouge_l, score
from captioner.metrics.bleu import bleu_counts, bleu_from_counts
from captioner.metrics.scores import statistics


def _cider(candidates: Any, references: Any) -> list[float]:
    return CiderD([]).score(candidates, references)


METRICS = [bleu_scores, rouge_l, _cider]


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


def test_as_dict_has_every_score_by_name_that_was_computed() -> None:
    scores = Scores(1, 2, 3, 4, 5, 6)
    assert list(scores.as_dict()) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"]
    assert Scores(**scores.as_dict()) == scores
    assert Scores(1, 2, 3, 4, 5, 6, meteor=7).as_dict()["meteor"] == 7


_caption = st.lists(st.sampled_from("abcd"), max_size=6)
_photos = st.lists(
    st.tuples(_caption, st.lists(_caption, min_size=1, max_size=3), st.integers(0, 3)),
    min_size=1,
    max_size=5,
).filter(lambda photos: any(times for _, _, times in photos))


@given(_photos)
def test_a_sample_scores_as_if_its_captions_were_written_out(
    photos: list[tuple[list[str], list[list[str]], int]],
) -> None:
    candidates, references, times = zip(*photos, strict=True)
    cider = CiderD(references)
    sampled = statistics(candidates, references, cider).resampled(np.array([times, times]))
    repeated = [photo for photo in photos for _ in range(photo[2])]
    again, their_references, _ = zip(*repeated, strict=True)
    expected = [
        *bleu_from_counts(bleu_counts(again, their_references).sum(axis=0)),
        fmean(rouge_l(again, their_references)),
        fmean(cider.score(again, their_references)),
    ]
    assert sampled.tolist() == [pytest.approx([100 * value for value in expected])] * 2


def test_a_part_and_a_further_metric() -> None:
    candidates = [["a", "dog"], ["cat"], ["x"]]
    references = [[["a", "dog"]], [["a", "cat"]], [["y"]]]
    measured = statistics(candidates, references).also("meteor", [0.5, 0.1, 0.0])
    assert [own.meteor for own in measured.each()] == pytest.approx([50, 10, 0])
    part = measured.together(np.array([0, 1]))
    assert part.meteor == pytest.approx(30)
    counts = bleu_counts(candidates[:2], references[:2]).sum(axis=0)
    assert part.bleu_1 == pytest.approx(100 * bleu_from_counts(counts)[0])
    assert measured.together().meteor == pytest.approx(20)
    assert measured.names[-1] == "meteor"


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(OptionError, match="no candidate"):
        score([], [], str.split)
