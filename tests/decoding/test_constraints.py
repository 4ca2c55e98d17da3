"""Each constraint on hand-worked examples."""

import torch

from captioner.decoding import Avoid, AvoidPhrases, MinLength, NoRepeatNgram, NoStutter
from captioner.decoding.constraints import Constraint


def forbidden(
    constraint: Constraint, history: torch.Tensor, vocabulary: int
) -> list[list[list[int]]]:
    log_probs = torch.zeros(*history.shape[:2], vocabulary)
    constraint(log_probs, history)
    assert ((log_probs == 0) | (log_probs == -torch.inf)).all()
    return [[(row == -torch.inf).nonzero().flatten().tolist() for row in i] for i in log_probs]


def test_avoided_tokens_are_forbidden_in_every_row() -> None:
    history = torch.zeros(2, 2, 0, dtype=torch.long)
    assert forbidden(Avoid(torch.tensor([1, 4])), history, 5) == [[[1, 4]] * 2] * 2


def test_an_avoided_phrase_is_forbidden_where_it_would_be_complete() -> None:
    history = torch.tensor([[[3, 1], [1, 2], [2, 2]]])
    assert forbidden(AvoidPhrases(torch.tensor([[1, 4], [2, 4], [1, 0]])), history, 5) == [
        [[0, 4], [4], [4]],
    ]  # fmt: skip
    longer = AvoidPhrases(torch.tensor([[1, 2, 3]]))
    assert forbidden(longer, history, 5) == [[[], [3], []]]
    assert forbidden(longer, history[:, :, :1], 5) == [[[], [], []]]


def test_the_end_is_forbidden_only_before_the_least_length() -> None:
    constraint = MinLength(2, end=0)
    for length, expected in ((0, [0]), (1, [0]), (2, []), (3, [])):
        history = torch.ones(1, 1, length, dtype=torch.long)
        assert forbidden(constraint, history, 3) == [[expected]]


def test_a_trigram_is_not_repeated() -> None:
    history = torch.tensor([[[1, 2, 3, 1, 2], [1, 2, 3, 2, 1]], [[1, 2, 4, 1, 2], [5, 5, 5, 5, 5]]])
    assert forbidden(NoRepeatNgram(3), history, 6) == [[[3], []], [[4], [5]]]


def test_a_token_that_ends_several_ngrams_stays_forbidden() -> None:
    history = torch.tensor([[[2, 3, 4, 3, 1, 3, 2]]])  # 3 follows 2, and also 4 and 1
    assert forbidden(NoRepeatNgram(2), history, 6) == [[[3]]]


def test_no_word_is_repeated_with_unigrams() -> None:
    history = torch.tensor([[[2, 4]]])
    assert forbidden(NoRepeatNgram(1), history, 6) == [[[2, 4]]]


def test_a_word_is_not_repeated_among_the_last_ones_unless_it_may_be() -> None:
    white, and_, a = 1, 2, 3
    history = torch.tensor([[[a, white, and_], [white, a, and_], [and_, a, a]]])
    constraint = NoStutter(2, torch.tensor([and_, a]))
    assert forbidden(constraint, history, 5) == [[[white], [], []]]
    assert forbidden(constraint, history[:, :, :0], 5) == [[[], [], []]]
    nothing = torch.tensor([], dtype=torch.long)
    assert forbidden(NoStutter(2, nothing), history, 5) == [[[1, 2], [2, 3], [3]]]
