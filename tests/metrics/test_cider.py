"""CIDEr-D: properties of the definition."""

import math

import pytest

from captioner.metrics import CiderD


def words(text: str) -> list[str]:
    return text.split()


REFERENCES = [
    [words("a dog runs on the grass"), words("the brown dog is running")],
    [words("a man rides a bicycle"), words("a cyclist in the street")],
    [words("two 狗 play in snow"), words("dogs play outside")],
]


def test_copying_the_only_reference_scores_ten() -> None:
    references = [[words("red fox leaps high")], [words("blue boat sails away")]]
    cider = CiderD(references)
    assert cider.score([references[0][0]], references[:1]) == pytest.approx([10])


def test_words_of_every_image_count_for_nothing() -> None:
    references = [[["a", "dog"]], [["a", "cat"]]]
    cider = CiderD(references)
    assert cider.score([["a"]], references[:1]) == [0]


def test_length_difference_lowers_the_score_by_the_gaussian() -> None:
    # Only unigrams match, perfectly so: "x" is in every image and weighs nothing.
    references = [[["dog"]]]
    cider = CiderD([[["dog"], ["x"]], [["x"]], [["x"]]])
    (exact,) = cider.score([["dog"]], references)
    (longer,) = cider.score([["dog", "x", "x", "x"]], references)
    assert exact == pytest.approx(10 / 4)
    assert longer == pytest.approx(exact * math.exp(-(3**2) / (2 * 6**2)))


def test_score_of_one_caption_does_not_depend_on_the_others() -> None:
    cider = CiderD(REFERENCES)
    candidates = [words("a dog on the grass"), words("a man in the street"), []]
    together = cider.score(candidates, REFERENCES)
    alone = [
        cider.score([candidate], [group])[0]
        for candidate, group in zip(candidates, REFERENCES, strict=True)
    ]
    assert together == alone
    assert together[2] == 0


def test_prepared_references_score_any_candidates_of_any_image() -> None:
    cider = CiderD(REFERENCES)
    prepared = cider.prepare(REFERENCES)
    candidates = [words("dogs play in snow"), words("a man rides a dog"), [], words("two cyclist")]
    images = [2, 1, 1, 0]
    expected = cider.score(candidates, [REFERENCES[image] for image in images])
    assert prepared.score(candidates, images) == expected
    assert prepared.score(candidates[:1], [1]) != expected[:1]
    assert prepared.score([], []) == []


def test_ids_score_as_the_words_they_stand_for() -> None:
    ids = {word: index for index, word in enumerate({w for g in REFERENCES for r in g for w in r})}
    candidates = [words("a dog runs"), words("a man in the street"), words("two 狗 play outside")]
    as_words = CiderD(REFERENCES).prepare(REFERENCES)
    references = [[[ids[word] for word in reference] for reference in g] for g in REFERENCES]
    as_ids = CiderD(references).prepare(references)
    expected = as_words.score(candidates, [0, 1, 2])
    scores = as_ids.score(
        [[ids[word] for word in candidate] for candidate in candidates], [0, 1, 2]
    )
    assert scores == pytest.approx(expected, rel=1e-12)
    assert min(scores) > 0
