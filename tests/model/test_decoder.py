"""The decoder's two forms, its state, and its attention."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.errors import ModelError
from captioner.model import Decoder, DecoderConfig


def make(attention: str = "multihead", dtype: torch.dtype = torch.float64) -> Decoder:
    torch.manual_seed(1)
    heads = 4 if attention == "multihead" else 1
    config = DecoderConfig(hidden=16, heads=heads, attention=attention)
    return Decoder(config, features=12, vocabulary=20).to(dtype).eval()


@pytest.mark.parametrize("remember", [False, True])
@pytest.mark.parametrize("attention", ["additive", "multihead"])
@settings(max_examples=20, deadline=None)
@given(photos=st.integers(1, 3), copies=st.integers(1, 3), length=st.integers(2, 7))
def test_steps_equal_teacher_forcing(
    attention: str, remember: bool, photos: int, copies: int, length: int
) -> None:
    decoder = make(attention)
    if remember:
        with torch.no_grad():
            decoder.remember_readings()
    features = torch.randn(photos, 9, 12, dtype=torch.float64)
    captions = torch.randint(0, 20, (photos * copies, length))
    forced = decoder(features, captions)
    state = decoder.start(features).reorder(torch.zeros(photos, copies, dtype=torch.long))
    for t in range(length - 1):
        logits, state = decoder.step(captions[:, t], state)
        torch.testing.assert_close(logits, forced[:, t], rtol=0, atol=1e-12)


def test_steps_equal_teacher_forcing_in_float32() -> None:
    decoder = make(dtype=torch.float32)
    features, captions = torch.randn(2, 9, 12), torch.randint(0, 20, (2, 6))
    forced = decoder(features, captions)
    state = decoder.start(features)
    for t in range(5):
        logits, state = decoder.step(captions[:, t], state)
        torch.testing.assert_close(logits, forced[:, t], rtol=0, atol=1e-5)


def test_a_word_depends_on_no_later_word() -> None:
    decoder = make()
    features = torch.randn(1, 9, 12, dtype=torch.float64)
    captions = torch.randint(0, 20, (1, 6))
    changed = captions.clone()
    changed[0, 4] = (changed[0, 4] + 1) % 20
    before, after = decoder(features, captions), decoder(features, changed)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4], after[:, 4])


def test_captions_of_a_photo_see_that_photo_only() -> None:
    decoder = make()
    features = torch.randn(2, 9, 12, dtype=torch.float64)
    captions = torch.randint(0, 20, (6, 5))
    together = decoder(features, captions)
    alone = torch.cat([decoder(features[:1], captions[:3]), decoder(features[1:], captions[3:])])
    torch.testing.assert_close(together, alone)


def test_reorder_moves_rows_within_their_photo() -> None:
    decoder = make()
    features = torch.randn(2, 9, 12, dtype=torch.float64)
    state = decoder.start(features).reorder(torch.zeros(2, 3, dtype=torch.long))
    _, state = decoder.step(torch.arange(6), state)
    moved = state.reorder(torch.tensor([[2, 0], [1, 1]]))
    assert torch.equal(moved.recurrent.h, state.recurrent.h[[2, 0, 4, 4]])
    assert torch.equal(moved.recurrent.c, state.recurrent.c[[2, 0, 4, 4]])


@pytest.mark.parametrize("attention", ["additive", "multihead"])
def test_attention_weights_are_a_distribution_over_the_grid(attention: str) -> None:
    decoder = make(attention)
    features = torch.randn(2, 9, 12, dtype=torch.float64)
    weights = decoder.attention_maps(features, torch.randint(0, 20, (4, 6)))
    assert weights.shape == (4, 5, 9)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(2), torch.ones(4, 5, dtype=torch.float64))


def test_single_head_attention_equals_torch() -> None:
    from captioner.model.attention import MultiHead

    ours = MultiHead(features=8, hidden=8, heads=2).double()
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(
            torch.cat([ours.query.weight, ours.key.weight, ours.value.weight])
        )
        zeros = torch.zeros(8, dtype=torch.float64)
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, zeros, ours.value.bias]))
        theirs.out_proj.weight.copy_(torch.eye(8))
        theirs.out_proj.bias.zero_()
    queries = torch.randn(2, 3, 8, dtype=torch.float64)
    features = torch.randn(2, 5, 8, dtype=torch.float64)
    context, weights = ours(queries, ours.remember(features))
    expected, expected_weights = theirs(queries, features, features)
    torch.testing.assert_close(context, expected)
    torch.testing.assert_close(weights.mean(1), expected_weights)


def test_unknown_names_list_what_exists() -> None:
    with pytest.raises(ModelError, match="there is: additive, multihead"):
        Decoder(DecoderConfig(attention="psychic"), 12, 20)
    with pytest.raises(ModelError, match="there is: lstm"):
        Decoder(DecoderConfig(cell="abacus"), 12, 20)
    with pytest.raises(ModelError, match="3 heads do not divide"):
        Decoder(DecoderConfig(hidden=16, heads=3), 12, 20)
