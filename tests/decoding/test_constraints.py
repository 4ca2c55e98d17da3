"""Each constraint on hand-worked examples."""

import torch

from captioner.decoding import Avoid, MinLength, NoRepeatNgram


def forbidden(log_probs: torch.Tensor) -> list[list[list[int]]]:
    return [[(row == -torch.inf).nonzero().flatten().tolist() for row in i] for i in log_probs]


def test_avoided_tokens_are_forbidden_in_every_row() -> None:
    log_probs = torch.zeros(2, 2, 5)
    history = torch.zeros(2, 2, 0, dtype=torch.long)
    avoided = Avoid(torch.tensor([1, 4]))(log_probs, history)
    assert forbidden(avoided) == [[[1, 4]] * 2] * 2


def test_the_end_is_forbidden_only_before_the_least_length() -> None:
    log_probs = torch.zeros(1, 1, 3)
    constraint = MinLength(2, end=0)
    for length, expected in ((0, [0]), (1, [0]), (2, []), (3, [])):
        history = torch.ones(1, 1, length, dtype=torch.long)
        assert forbidden(constraint(log_probs, history)) == [[expected]]


def test_a_trigram_is_not_repeated() -> None:
    history = torch.tensor([[[1, 2, 3, 1, 2], [1, 2, 3, 2, 1]], [[1, 2, 4, 1, 2], [5, 5, 5, 5, 5]]])
    repeated = NoRepeatNgram(3)(torch.zeros(2, 2, 6), history)
    assert forbidden(repeated) == [[[3], []], [[4], [5]]]


def test_a_token_that_ends_several_ngrams_stays_forbidden() -> None:
    history = torch.tensor([[[2, 3, 4, 3, 1, 3, 2]]])  # 3 follows 2, and also 4 and 1
    repeated = NoRepeatNgram(2)(torch.zeros(1, 1, 6), history)
    assert forbidden(repeated) == [[[3]]]


def test_no_word_is_repeated_with_unigrams() -> None:
    history = torch.tensor([[[2, 4]]])
    assert forbidden(NoRepeatNgram(1)(torch.zeros(1, 1, 6), history)) == [[[2, 4]]]


def test_constraints_leave_their_input_alone() -> None:
    log_probs = torch.zeros(1, 1, 6)
    history = torch.tensor([[[2, 4]]])
    for constraint in (Avoid(torch.tensor([1])), MinLength(5, 0), NoRepeatNgram(1)):
        constraint(log_probs, history)
    assert not log_probs.any()
