"""Two sets of captions compared: the right figures, the right photos, intervals that hold."""

import math
import random
from dataclasses import replace
from statistics import stdev

import numpy as np
import pytest

from captioner.errors import DatasetError
from captioner.metrics import CiderD, rouge_l
from captioner.metrics.report import Captions, Entry, compare
from captioner.metrics.scores import statistics

WORDS = ["a", "dog", "cat", "runs", "sleeps", "on", "the", "grass", "bed", "red"]


def sentence(generator: random.Random) -> str:
    return " ".join(generator.choices(WORDS, k=generator.randint(3, 8)))


def captions(title: str, photos: int, seed: int = 0) -> Captions:
    """Every set has the same references; what is written of the photos depends on the seed."""
    truth, writer = random.Random(99), random.Random(seed)
    entries = tuple(
        Entry(f"{n}.jpg", sentence(writer), tuple(sentence(truth) for _ in range(3)))
        for n in range(photos)
    )
    return Captions(title, "en", entries)


def test_scores_are_those_of_the_shared_photos_with_all_photos_document_frequencies() -> None:
    ours, theirs = captions("ours", 30, 1), captions("theirs", 20, 2)
    comparison = compare(ours, theirs)
    _, every_reference = ours.tokens()
    cider = CiderD(every_reference)
    for scored, side in ((ours, "ours"), (theirs, "theirs")):
        candidates, references = replace(scored, entries=scored.entries[:20]).tokens()
        expected = statistics(candidates, references, cider).together().as_dict()
        found = {name: getattr(d, side) for name, d in comparison.differences.items()}
        assert found == pytest.approx(expected)
    assert comparison.photos == 20
    assert comparison.only_ours == tuple(f"{n}.jpg" for n in range(20, 30))
    assert list(map(str, comparison.notes())) == [
        "Photos that only ours has, left out of the comparison: 10, as 20.jpg, 21.jpg, 22.jpg."
    ]
    assert compare(theirs, ours).only_theirs == comparison.only_ours


def test_the_interval_of_a_mean_is_the_one_its_standard_error_gives() -> None:
    """For a metric that is a mean, the bootstrap agrees with the central limit theorem."""
    ours, theirs = captions("ours", 300, 1), captions("theirs", 300, 2)
    mine, references = ours.tokens()
    differences = [
        100 * (a - b)
        for a, b in zip(
            rouge_l(mine, references), rouge_l(theirs.tokens()[0], references), strict=True
        )
    ]
    error = stdev(differences) / math.sqrt(len(differences))
    found = compare(ours, theirs, rounds=4000).differences["rouge_l"]
    assert found.value == pytest.approx(sum(differences) / len(differences))
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.2 * error)


def test_bleus_interval_is_that_of_scoring_each_sample_anew() -> None:
    """The slow way: the captions of each sample written out, photo by photo, and scored."""
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu").Bleu
    ours, theirs = captions("ours", 25, 1), captions("theirs", 25, 2)
    rounds = 60
    drawn = np.random.default_rng(3).multinomial(25, [1 / 25] * 25, size=rounds)

    def bleu_4(scored: Captions, times: list[int]) -> float:
        rows = [e for e, n in zip(scored.entries, times, strict=True) for _ in range(n)]
        truths = {n: list(e.references) for n, e in enumerate(rows)}
        results = {n: [e.caption] for n, e in enumerate(rows)}
        return 100 * bleu(4).compute_score(truths, results, verbose=0)[0][3]

    slow = [bleu_4(ours, t) - bleu_4(theirs, t) for t in drawn.tolist()]
    low, high = np.percentile(slow, [2.5, 97.5])
    found = compare(ours, theirs, rounds=rounds, seed=3).differences["bleu_4"]
    assert (found.low, found.high) == pytest.approx((low, high))


def test_captions_compared_with_themselves_do_not_differ() -> None:
    comparison = compare(captions("ours", 10), captions("theirs", 10))
    for difference in comparison.differences.values():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
        assert not difference.is_clear


def test_better_captions_are_clearly_better() -> None:
    worse = captions("worse", 40, 1)
    best = replace(worse, entries=tuple(replace(e, caption=e.references[0]) for e in worse.entries))
    assert all(d.is_clear and d.low > 0 for d in compare(best, worse).differences.values())
    assert all(d.is_clear and d.high < 0 for d in compare(worse, best).differences.values())


def test_other_references_are_counted_and_ours_are_used() -> None:
    ours, theirs = captions("ours", 10, 1), captions("theirs", 10, 2)
    changed = (replace(theirs.entries[0], references=("no such words",)), *theirs.entries[1:])
    comparison = compare(ours, replace(theirs, entries=changed))
    assert comparison.other_references == ("0.jpg",)
    assert "other references in theirs" in str(comparison.notes()[0])
    assert comparison.differences == compare(ours, theirs).differences
    reversed_references = tuple(replace(e, references=e.references[::-1]) for e in theirs.entries)
    assert not compare(ours, replace(theirs, entries=reversed_references)).other_references


def test_what_cannot_be_compared_is_refused() -> None:
    ours = captions("ours", 3)
    with pytest.raises(DatasetError, match="its language is 'zh', not 'en'"):
        compare(ours, replace(captions("theirs", 3), language="zh"))
    others = tuple(replace(e, image=f"other-{e.image}") for e in ours.entries)
    with pytest.raises(DatasetError, match="theirs cannot be compared: it has none of these"):
        compare(ours, Captions("theirs", "en", others))


def test_the_table_has_both_scores_the_difference_and_the_interval() -> None:
    lines = compare(captions("ours", 12, 1), captions("theirs", 12, 2)).table().split("\n")
    assert lines[0].split()[:2] == ["photos", "BLEU-1"]
    assert [line.split()[0] for line in lines[1:]] == [
        "ours",
        "theirs",
        "difference",
        "interval",
        "to",
    ]
    ours, theirs, difference = (line.split()[-1] for line in lines[1:4])
    assert float(difference) == pytest.approx(float(ours) - float(theirs), abs=0.11)
    assert difference[0] in "+-"
