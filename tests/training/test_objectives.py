"""The objectives: cross-entropy as torch has it, self-critical training as worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from captioner.decoding import Hypothesis
from captioner.metrics import CiderD
from captioner.model import Decoder, DecoderConfig
from captioner.text import END, PAD, START, UNKNOWN
from captioner.training.objectives import CrossEntropy, SelfCritical

WORDS = 12
REFERENCES = [
    [(4, 5, 6, END), (4, 5, 7, END)],
    [(8, 9, END), (8, 9, 10, END)],
    [(11, 4, END), (11, 4, 4, END)],
]


@pytest.fixture
def decoder() -> Decoder:
    torch.manual_seed(0)
    config = DecoderConfig(hidden_size=32, heads=2, dropout=0.0)
    return Decoder(config, features=6, vocabulary=WORDS)


def photos() -> Tensor:
    return torch.randn(len(REFERENCES), 4, 6, generator=torch.Generator().manual_seed(1))


def test_cross_entropy_is_the_mean_over_words_without_padding(decoder: Decoder) -> None:
    captions = torch.tensor([[START, 4, 5, END], [START, 6, END, PAD], [START, END, PAD, PAD]])
    logits = decoder(photos(), captions).log_softmax(dim=2)
    picked = [
        logits[0, 0, 4], logits[0, 1, 5], logits[0, 2, END],
        logits[1, 0, 6], logits[1, 1, END],
        logits[2, 0, END],
    ]  # fmt: skip
    found = CrossEntropy()(decoder, photos(), captions)
    torch.testing.assert_close(found.loss, -torch.stack(picked).sum())
    assert found.words == len(picked)


def test_parts_of_a_batch_add_up(decoder: Decoder) -> None:
    captions = torch.tensor([[START, 4, 5, END], [START, 6, END, PAD], [START, END, PAD, PAD]])
    objective = CrossEntropy(label_smoothing=0.1, doubly_stochastic=0.5)
    whole = objective(decoder, photos(), captions)
    parts = [objective(decoder, photos()[rows], captions[rows]) for rows in ([0], [1, 2])]
    torch.testing.assert_close(whole.loss, parts[0].loss + parts[1].loss)
    assert whole.words == parts[0].words + parts[1].words == 6


def read_by(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The captions that the decoder reads from now on, one entry a pass."""
    seen = []
    outputs = decoder.outputs

    def kept(features: Tensor, captions: Tensor) -> Tensor:
        seen.append(captions.clone())
        return outputs(features, captions)

    monkeypatch.setattr(decoder, "outputs", kept)
    return seen


def long_captions(count: int = 60) -> Tensor:
    words = torch.randint(4, WORDS, (count, 20), generator=torch.Generator().manual_seed(2))
    ends = torch.tensor([[END, PAD]]).expand(count, 2)
    return torch.cat([torch.full((count, 1), START), words, ends], dim=1)


def test_word_dropout_changes_what_is_read_and_not_what_is_asked_for(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = long_captions()
    seen = read_by(decoder, monkeypatch)
    torch.manual_seed(0)
    found = CrossEntropy(word_dropout=0.25)(decoder, photos(), captions)
    (read,) = seen
    changed = read != captions
    assert (read[changed] == UNKNOWN).all()
    assert not changed[:, 0].any()
    assert not changed[:, -2:].any()
    assert 0.2 < changed[:, 1:-2].float().mean() < 0.3
    log_probs = decoder(photos(), read).log_softmax(dim=2)
    picked = log_probs.gather(2, captions[:, 1:, None]).squeeze(2)[captions[:, 1:] != PAD]
    torch.testing.assert_close(found.loss, -picked.sum())


@pytest.mark.parametrize(("done", "share"), [(0.0, 0.0), (0.5, 0.4), (1.0, 0.8)])
def test_scheduled_sampling_reads_a_rising_share_of_the_models_own_words(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch, done: float, share: float
) -> None:
    with torch.no_grad():  # it would write nothing but word 7, if it did not rather stop
        decoder.output_projection.bias[[END, UNKNOWN]] = 2000.0
        decoder.output_projection.bias[7] = 1000.0
    captions = long_captions()
    seen = read_by(decoder, monkeypatch)
    torch.manual_seed(0)
    found = CrossEntropy(scheduled_sampling=0.8)(decoder, photos(), captions, done)
    assert all(torch.equal(first, captions) for first in seen[:-1])
    changed = seen[-1] != captions
    assert (seen[-1][changed] == 7).all()
    assert not changed[:, 0].any()
    assert not changed[:, -2:].any()
    others = captions[:, 1:-2] != 7
    assert changed[:, 1:-2][others].float().mean() == pytest.approx(share, abs=0.04)
    log_probs = decoder(photos(), seen[-1]).log_softmax(dim=2)
    picked = log_probs.gather(2, captions[:, 1:, None]).squeeze(2)[captions[:, 1:] != PAD]
    torch.testing.assert_close(found.loss, -picked.sum())


def test_the_models_own_words_are_drawn_as_it_would_write_them(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As often as its probability says, given the true words before."""
    captions = torch.tensor([[START, 4, 5, 6, END]]).expand(30_000, -1)
    decoder.output_projection.bias.data = 2 * torch.randn(
        WORDS, generator=torch.Generator().manual_seed(4)
    )
    seen = read_by(decoder, monkeypatch)
    torch.manual_seed(0)
    CrossEntropy(scheduled_sampling=1.0)(decoder, photos()[:1], captions, 1.0)
    logits = decoder(photos()[:1], captions[:1])[0]
    logits[:, [PAD, START, UNKNOWN, END]] = -torch.inf
    for place in range(3):
        drawn = seen[1][:, place + 1].bincount(minlength=WORDS) / len(captions)
        torch.testing.assert_close(drawn, logits[place].softmax(0), atol=0.015, rtol=0)


def test_doubly_stochastic_attention_is_asked_for_as_in_the_paper(decoder: Decoder) -> None:
    captions = torch.tensor([[START, 4, 5, END], [START, 6, END, PAD], [START, END, PAD, PAD]])
    penalty = torch.zeros(())
    for photo, caption in zip(photos(), captions, strict=True):
        own = caption[caption != PAD]
        maps = decoder.attention_maps(photo[None], own[None])[0]  # of its words and its end
        for place in range(photo.shape[0]):
            penalty = penalty + (1 - sum(alpha[place] for alpha in maps)) ** 2
    plain = CrossEntropy()(decoder, photos(), captions).loss
    found = CrossEntropy(doubly_stochastic=0.7)(decoder, photos(), captions).loss
    torch.testing.assert_close(found, plain + 0.7 * penalty)
    query = decoder.attention.query.weight
    (ours,) = torch.autograd.grad(found - plain, query)
    (theirs,) = torch.autograd.grad(0.7 * penalty, query)
    torch.testing.assert_close(ours, theirs)
    assert ours.abs().max() > 0


def by_hand(decoder: Decoder, drawn: list[list[tuple[int, ...]]], baseline: str) -> Tensor:
    """Minus each word's log-probability times its caption's score above the baseline."""
    cider = CiderD(REFERENCES)
    losses = []
    for photo, captions in enumerate(drawn):
        scores = [cider.score([c], [REFERENCES[photo]])[0] for c in captions]
        greedy = cider.score([written(decoder, photo)], [REFERENCES[photo]])[0]
        for own, caption in enumerate(captions):
            others = [score for index, score in enumerate(scores) if index != own]
            below = sum(others) / len(others) if baseline == "mean" else greedy
            logits = decoder(photos()[photo : photo + 1], torch.tensor([[START, *caption]]))[0]
            logits[:, [PAD, START, UNKNOWN]] = -torch.inf
            log_probs = logits.log_softmax(dim=1)
            losses += [-log_probs[t, w] * (scores[own] - below) for t, w in enumerate(caption)]
    return torch.stack(losses).sum()


def written(decoder: Decoder, photo: int) -> tuple[int, ...]:
    """The likeliest word at each place, at most five."""
    words: list[int] = []
    while len(words) < 5 and END not in words:
        logits = decoder(photos()[photo : photo + 1], torch.tensor([[START, *words, PAD]]))[0, -1]
        logits[[PAD, START, UNKNOWN]] = -torch.inf
        words.append(int(logits.argmax()))
    return tuple(words)


@pytest.mark.parametrize("baseline", ["mean", "greedy"])
def test_the_gradient_is_that_of_the_samples_scores_above_the_baseline(
    decoder: Decoder, baseline: str
) -> None:
    objective = SelfCritical(REFERENCES, 3, baseline, max_length=5)
    drawn = []
    draw = objective._draw
    objective._draw = lambda *arguments: drawn.append(draw(*arguments)) or drawn[0]  # type: ignore
    torch.manual_seed(3)
    loss, words, rewards, count = objective(decoder, photos(), torch.arange(3))
    captions = [
        [(*c.tokens, END) if len(c.tokens) < 5 else c.tokens for c in own] for own in drawn[0]
    ]
    assert any(len(c) == 5 and c[-1] != END for own in captions for c in own)  # one was cut off
    assert (words, count) == (sum(len(c) for own in captions for c in own), 9)
    expected = by_hand(decoder, captions, baseline)
    torch.testing.assert_close(loss, expected)
    parameters = [p for p in decoder.parameters() if p.requires_grad]
    own = torch.autograd.grad(loss, parameters)
    for ours, theirs in zip(own, torch.autograd.grad(expected, parameters), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    cider = CiderD(REFERENCES)
    scores = [s for c, r in zip(captions, REFERENCES, strict=True) for s in cider.score(c, [r] * 3)]
    assert rewards == pytest.approx(100 * sum(scores), rel=1e-5)


def test_rows_say_which_photos_they_are(decoder: Decoder) -> None:
    objective = SelfCritical(REFERENCES, 2, "mean", max_length=5)
    torch.manual_seed(0)
    forward = objective(decoder, photos(), torch.tensor([0, 1, 2])).loss
    torch.manual_seed(0)
    other = objective(decoder, photos(), torch.tensor([2, 0, 1])).loss
    assert forward.item() != other.item()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bleu", [0.0, 0.5])
def test_a_photo_s_captions_are_learned_from_their_scores_alone(
    decoder: Decoder, precision: torch.dtype, bleu: float
) -> None:
    objective = SelfCritical(REFERENCES, 8, "mean", max_length=5, bleu_weight=bleu)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.003)
    rewards = []
    torch.manual_seed(5)
    for _ in range(300):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            sums = objective(decoder, photos(), torch.arange(3))
        optimizer.zero_grad()
        (sums.loss / sums.words).backward()
        optimizer.step()
        rewards.append(sums.shown / sums.counted)
    best = CiderD(REFERENCES).score([r[0] for r in REFERENCES], REFERENCES)
    assert sum(rewards[-5:]) / 5 > 100 * 0.6 * sum(best) / len(best)
    assert sum(rewards[:5]) / 5 < 0.4 * sum(rewards[-5:]) / 5


def test_dropout_is_for_learning_only() -> None:
    decoder = Decoder(
        DecoderConfig(hidden_size=32, heads=2, dropout=0.9), features=6, vocabulary=WORDS
    )
    seen = []
    decoder.norm.register_forward_hook(lambda *_: seen.append(decoder.training))
    SelfCritical(REFERENCES, 2, "greedy", max_length=5)(decoder.train(), photos(), torch.arange(3))
    assert seen == [False, False, True]
    assert decoder.training


def test_what_most_people_say_is_rewarded_and_function_words_are_not(decoder: Decoder) -> None:
    """Of photo 0 all say 4 and 5, of photo 1 they say 8 and 9, of photo 2 they say 11 and 4."""
    plain = SelfCritical(REFERENCES, samples=6, baseline="mean", max_length=4)
    told = SelfCritical(REFERENCES, 6, "mean", 4, told_weight=0.5, function_words=(5,))
    drawn = [[4, 7], [6, 5], [8], [8, 9, 10], [7], [4, 11]]
    hypotheses = [Hypothesis(tuple(words), -1.0, -1.0) for words in drawn]
    rows = torch.tensor([0, 1, 2])
    shares = torch.tensor([[1.0, 0.0], [0.5, 1.0], [0.0, 1.0]])
    without = plain._score(hypotheses, rows)
    torch.testing.assert_close(told._score(hypotheses, rows), without + 0.5 * shares)


def test_what_most_people_say_counts_in_any_form() -> None:
    """7 is a form of 6, and 5 is one of 4."""
    references = [[(4, 6, END), (5, 7, END), (4, 8, END)]]
    told = SelfCritical(references, 2, "mean", 4, told_weight=1.0, base_forms={7: 6, 5: 4})
    plain = SelfCritical(references, 2, "mean", 4)
    hypotheses = [Hypothesis(words, -1.0, -1.0) for words in ((5, 8), (6, 7))]
    rows = torch.tensor([0])
    more = told._score(hypotheses, rows) - plain._score(hypotheses, rows)
    torch.testing.assert_close(more, torch.tensor([[1.0, 0.0]]))


def test_rare_words_that_people_use_are_worth_more(decoder: Decoder) -> None:
    """Of three photos, 4 is said of two, by all of one's people and once by the other's."""
    references = [
        [(4, 5, END), (4, 6, END)],
        [(8, END), (8, 4, END)],
        [(9, END), (9, END)],
    ]
    plain = SelfCritical(references, samples=6, baseline="mean", max_length=4)
    named = SelfCritical(references, 6, "mean", 4, named_weight=0.5, function_words=(5,))
    drawn = [[4, 7], [6, 6, 5], [8], [8, 4, 9], [7], [9, 9]]
    hypotheses = [Hypothesis(tuple(words), -1.0, -1.0) for words in drawn]
    rows = torch.tensor([0, 1, 2])
    often, rare = math.log(3 / 2), math.log(3)
    first, second = 2 * often + rare, 2 * rare + often
    worth = torch.tensor([[2 * often / first, rare / first], [2 * rare / second, 1.0], [0.0, 1.0]])
    without = plain._score(hypotheses, rows)
    torch.testing.assert_close(named._score(hypotheses, rows), without + 0.5 * worth)


def test_cross_entropy_beside_the_reward_is_that_of_peoples_captions(decoder: Decoder) -> None:
    captions = torch.tensor([[START, 4, 5, END], [START, 8, 9, END], [START, 11, 4, END]])
    rows = torch.arange(3)
    found = []
    for weight in (0.0, 0.5):
        torch.manual_seed(0)
        objective = SelfCritical(REFERENCES, 4, "mean", 5, cross_entropy_weight=weight)
        found.append(objective(decoder, photos(), rows, captions))
    people = CrossEntropy()(decoder, photos(), captions)
    assert found[0].words == found[1].words
    torch.testing.assert_close(found[1].loss, found[0].loss + 0.5 * people.loss)
