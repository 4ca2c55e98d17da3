"""Every metric against pycocoevalcap, the field's own scorer, on generated and real captions."""

import contextlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.metrics import CiderD, rouge_l, score
from captioner.metrics.bleu import bleu_counts, bleu_from_counts
from captioner.metrics.scores import statistics
from captioner.text.english import tokenize

bleu_reference = pytest.importorskip("pycocoevalcap.bleu.bleu")
rouge_reference = pytest.importorskip("pycocoevalcap.rouge.rouge")
cider_reference = pytest.importorskip("pycocoevalcap.cider.cider")

SHARED = Path(os.environ.get("CAPTIONER_SHARED", Path(__file__).resolve().parents[3] / "shared"))

Captions = list[list[str]]

# Few words, so that n-grams repeat and match; lengths from one, often shorter than an n-gram.
_caption = st.lists(st.sampled_from(["a", "man", "'s", "dog", "狗"]), min_size=1, max_size=9)
_pairs = st.lists(
    st.tuples(_caption, st.lists(_caption, min_size=1, max_size=4)), min_size=1, max_size=6
)


def _reference_scores(
    scorer: object, candidates: Sequence[Sequence[str]], references: Sequence[Captions]
) -> tuple[object, Sequence[float]]:
    results = {index: [" ".join(tokens)] for index, tokens in enumerate(candidates)}
    truths = {
        index: [" ".join(tokens) for tokens in group] for index, group in enumerate(references)
    }
    with contextlib.redirect_stdout(io.StringIO()):
        corpus, sentences = scorer.compute_score(truths, results)  # type: ignore[attr-defined]
    return corpus, sentences


def _assert_equal(candidates: Captions, references: list[Captions]) -> None:
    corpus, sentences = _reference_scores(bleu_reference.Bleu(4), candidates, references)
    counts = bleu_counts(candidates, references)
    pooled = bleu_from_counts(counts.sum(axis=0))
    assert pooled.tolist() == pytest.approx(corpus, abs=1e-9, rel=1e-9)
    for n in range(4):
        ours = bleu_from_counts(counts)[:, n].tolist()
        assert ours == pytest.approx(sentences[n], abs=1e-9, rel=1e-9)

    _, sentences = _reference_scores(rouge_reference.Rouge(), candidates, references)
    assert rouge_l(candidates, references) == pytest.approx(list(sentences), abs=1e-9)

    _, sentences = _reference_scores(cider_reference.Cider(), candidates, references)
    cider = CiderD(references)
    assert cider.score(candidates, references) == pytest.approx(list(sentences), abs=1e-9)
    backwards = list(range(len(candidates)))[::-1]
    rewards = cider.prepare(references).score([candidates[i] for i in backwards], backwards)
    assert rewards[::-1] == pytest.approx(list(sentences), abs=1e-9)


@settings(deadline=None)
@given(_pairs)
def test_generated_captions_score_as_in_pycocoevalcap(
    pairs: list[tuple[list[str], Captions]],
) -> None:
    candidates, references = zip(*pairs, strict=True)
    _assert_equal(list(candidates), list(references))


@pytest.fixture(scope="module")
def photos() -> list[list[str]]:
    """The reference captions of each photo of the Flickr8k dev split."""
    path = SHARED / "flickr8k" / "references_dev_en.json"
    if not path.exists():
        pytest.skip(f"the shared captions are not at {SHARED}; set CAPTIONER_SHARED to the folder")
    captions: dict[int, list[str]] = {}
    for annotation in json.loads(path.read_text("utf-8"))["annotations"]:
        captions.setdefault(annotation["image_id"], []).append(annotation["caption"])
    return [group for group in captions.values() if len(group) > 1]


def test_real_captions_score_as_in_pycocoevalcap(photos: list[list[str]]) -> None:
    tokens = [[tokenize(caption) for caption in group] for group in photos]
    _assert_equal([group[0] for group in tokens], [group[1:] for group in tokens])


def test_score_is_the_percentage_pycocoevalcap_reports(photos: list[list[str]]) -> None:
    candidates = [group[0] for group in photos]
    references = [group[1:] for group in photos]
    ours = score(candidates, references, tokenize)

    tokens = [tokenize(candidate) for candidate in candidates]
    truths = [[tokenize(reference) for reference in group] for group in references]
    blues, bleu_each = _reference_scores(bleu_reference.Bleu(4), tokens, truths)
    rouge, rouge_each = _reference_scores(rouge_reference.Rouge(), tokens, truths)
    cider, cider_each = _reference_scores(cider_reference.Cider(), tokens, truths)
    expected = [100 * float(value) for value in [*blues, rouge, cider]]  # type: ignore[misc]
    assert list(ours.as_dict().values()) == pytest.approx(expected, abs=1e-7)

    columns = [*bleu_each, rouge_each, cider_each]  # type: ignore[misc]
    own = [list(scores.as_dict().values()) for scores in statistics(tokens, truths).each()]
    for column, theirs in enumerate(columns):
        assert [row[column] / 100 for row in own] == pytest.approx(list(theirs), abs=1e-9)
