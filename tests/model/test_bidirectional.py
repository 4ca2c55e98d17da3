"""Two decoders, one of which reads and writes backwards."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captioner.errors import ModelError
from captioner.model import Bidirectional, Decoder, DecoderConfig, make_decoder
from captioner.text import END, PAD, START


def make(**changes: Any) -> Bidirectional:
    torch.manual_seed(1)
    config = DecoderConfig(**{"hidden_size": 16, "heads": 4, "kind": "bidirectional", **changes})
    made = make_decoder(config, features=12, vocabulary=20)
    assert isinstance(made, Bidirectional)
    return made.double().eval()


def padded(captions: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, captions)) + 2
    rows = [[START, *words, END] for words in captions]
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


@given(st.lists(st.lists(st.integers(4, 19), max_size=6), min_size=1, max_size=4))
def test_a_backward_decoder_turns_the_words_round_and_nothing_else(
    captions: list[list[int]],
) -> None:
    ahead, back = make().directions
    read = padded(captions)
    assert torch.equal(ahead.ordered(read), read)
    assert torch.equal(back.ordered(read), padded([words[::-1] for words in captions]))
    assert torch.equal(back.ordered(back.ordered(read)), read)


def test_a_padded_caption_that_has_only_begun_stays_as_it_is() -> None:
    begun = torch.tensor([[START, PAD, PAD, PAD], [START, 5, 6, END]])
    assert make().back.ordered(begun).tolist() == [[START, PAD, PAD, PAD], [START, 6, 5, END]]


@pytest.mark.parametrize("layers", [1, 2])
def test_both_directions_are_whole_decoders_of_their_own(layers: int) -> None:
    both = make(layers=layers, cell="gru")
    features = torch.randn(2, 9, 12, dtype=torch.float64)
    captions = padded([[4, 5, 6], [7, 8]])
    found = both(features, captions)
    for own, state, words in (
        (found[0], both.ahead.state_dict(), captions),
        (found[1], both.back.state_dict(), padded([[6, 5, 4], [8, 7]])),
    ):
        alone = Decoder(DecoderConfig(hidden_size=16, heads=4, layers=layers, cell="gru"), 12, 20)
        alone.double().eval().load_state_dict(state)
        torch.testing.assert_close(own, alone(features, words))
    assert not {p.data_ptr() for p in both.ahead.parameters()} & {
        p.data_ptr() for p in both.back.parameters()
    }


def test_a_kind_that_there_is_not_is_answered_with_what_there_is() -> None:
    with pytest.raises(ModelError, match="no kind of decoder named 'sideways'; there is: forward"):
        make_decoder(DecoderConfig(kind="sideways"), 12, 20)


def test_the_usual_kind_is_one_decoder() -> None:
    made = make_decoder(DecoderConfig(hidden_size=16, heads=4), 12, 20)
    assert isinstance(made, Decoder)
    assert made.directions == (made,)
    assert made.in_order((5, 6)) == (5, 6)
