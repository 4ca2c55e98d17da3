"""People's scores: each reference against the others, by hand and with the field's own scorer."""

import contextlib
import io
import json
from pathlib import Path
from statistics import fmean

import pytest

from captioner.metrics.report.human import human_scores
from captioner.metrics.scores import score, statistics
from captioner.text.english import tokenize

PHOTOS = [
    ["a dog runs on grass", "a brown dog runs", "the dog is running"],
    ["two cats sleep", "two cats on a bed", "cats sleep on a bed"],
    ["a man rides a horse", "a rider on a horse", "someone rides"],
]


def tokens(photos: list[list[str]]) -> list[list[list[str]]]:
    return [[text.split() for text in group] for group in photos]


def test_each_reference_is_scored_against_the_others_and_the_mean_is_taken() -> None:
    rounds = [
        score([p[k] for p in PHOTOS], [p[:k] + p[k + 1 :] for p in PHOTOS], str.split)
        for k in range(3)
    ]
    found = human_scores(tokens(PHOTOS), statistics)
    assert found is not None
    for name, value in found.as_dict().items():
        assert value == pytest.approx(fmean(r.as_dict()[name] for r in rounds))


def test_a_photo_with_fewer_references_starts_again_with_its_first() -> None:
    two = [["a red bus", "a bus drives down the street"]]
    candidates = [[*(p[k] for p in PHOTOS), two[0][k % 2]] for k in range(3)]
    others = [[*(p[:k] + p[k + 1 :] for p in PHOTOS), [two[0][1 - k % 2]]] for k in range(3)]
    rounds = [score(*pair, str.split) for pair in zip(candidates, others, strict=True)]
    found = human_scores(tokens(PHOTOS + two), statistics)
    assert found is not None
    assert found.cider == pytest.approx(fmean(r.cider for r in rounds))
    assert found.bleu_2 == pytest.approx(fmean(r.bleu_2 for r in rounds))


def test_photos_with_one_reference_take_no_part() -> None:
    alone = [["a lonely tree"]]
    assert human_scores(tokens(PHOTOS + alone), statistics) == human_scores(
        tokens(PHOTOS), statistics
    )
    assert human_scores(tokens(alone), statistics) is None


def test_no_more_than_five_rounds_are_held() -> None:
    calls = []

    def counting(candidates: list[list[str]], references: list[list[list[str]]]) -> object:
        calls.append(candidates)
        return statistics(candidates, references)

    human_scores([[[str(n), "x"] for n in range(8)]], counting)
    assert calls == [[[str(n), "x"]] for n in range(5)]


def test_people_on_flickr8k_score_as_pycocoevalcap_says(shared: Path) -> None:
    cider = pytest.importorskip("pycocoevalcap.cider.cider").Cider
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu").Bleu
    content = json.loads((shared / "flickr8k" / "references_dev_en.json").read_text("utf-8"))
    groups: dict[int, list[list[str]]] = {}
    for row in content["annotations"]:
        groups.setdefault(row["image_id"], []).append(tokenize(row["caption"]))
    found = human_scores(list(groups.values()), statistics)
    assert found is not None

    bleu_4, ciders = [], []
    for k in range(5):
        results = {i: [" ".join(g[k])] for i, g in groups.items()}
        truths = {i: [" ".join(t) for t in g[:k] + g[k + 1 :]] for i, g in groups.items()}
        with contextlib.redirect_stdout(io.StringIO()):
            bleu_4.append(bleu(4).compute_score(truths, results)[0][3])
        ciders.append(cider().compute_score(truths, results)[0])
    assert found.bleu_4 == pytest.approx(100 * fmean(bleu_4))
    assert found.cider == pytest.approx(100 * fmean(ciders))
    # The test split's published 21.4 and 82.3 are of other photos, described in the same way.
    assert found.bleu_4 == pytest.approx(21.4, abs=1)
    assert found.cider == pytest.approx(82.3, abs=3)
