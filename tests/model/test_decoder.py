"""The decoder's two forms, its state, and what may not be, for every cell and attention."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.errors import ModelError
from captioner.model import Decoder, DecoderConfig

CELLS = ["rnn", "lstm", "lstm_peephole", "lstm_coupled", "gru", "grid_lstm"]
ATTENTIONS = ["none", "additive", "multihead", "aoa"]


def make(dtype: torch.dtype = torch.float64, **changes: Any) -> Decoder:
    torch.manual_seed(1)
    config = DecoderConfig(**{"hidden_size": 16, "heads": 4, **changes})
    return Decoder(config, features=12, vocabulary=20).to(dtype).eval()


@pytest.mark.parametrize("remember", [False, True])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=6, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(2, 7)),
    changes=st.fixed_dictionaries({"layers": st.integers(1, 2), "layer_norm": st.booleans()}),
)
def test_steps_equal_teacher_forcing(
    cell: str, attention: str, remember: bool, sizes: tuple[int, int, int], changes: dict[str, Any]
) -> None:
    photos, copies, length = sizes
    decoder = make(cell=cell, attention=attention, **changes)
    if remember:
        with torch.no_grad():
            decoder.project_words()
    features = torch.randn(photos, 9, 12, dtype=torch.float64)
    captions = torch.randint(0, 20, (photos * copies, length))
    forced = decoder(features, captions)
    state = decoder.start(features).reorder(torch.zeros(photos, copies, dtype=torch.long))
    for t in range(length - 1):
        logits, state = decoder.step(captions[:, t], state)
        torch.testing.assert_close(logits, forced[:, t], rtol=0, atol=1e-12)


def test_steps_equal_teacher_forcing_in_float32() -> None:
    decoder = make(torch.float32)
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


@pytest.mark.parametrize("cell", CELLS)
def test_reorder_moves_rows_within_their_photo(cell: str) -> None:
    decoder = make(cell=cell, layers=2)
    features = torch.randn(2, 9, 12, dtype=torch.float64)
    state = decoder.start(features).reorder(torch.zeros(2, 3, dtype=torch.long))
    _, state = decoder.step(torch.arange(6), state)
    moved = state.reorder(torch.tensor([[2, 0], [1, 1]]))
    assert len(moved.recurrent) == decoder.cell.states
    for before, after in zip(state.recurrent, moved.recurrent, strict=True):
        assert torch.equal(after, before[[2, 0, 4, 4]])
        assert not torch.equal(before[2], before[1])


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("readings", [False, True])
def test_some_photos_can_go_on_alone(attention: str, readings: bool) -> None:
    decoder = make(attention=attention, layers=2)
    if readings:
        decoder.project_words()
    features = torch.randn(4, 9, 12, dtype=torch.float64)
    state = decoder.start(features).reorder(torch.zeros(4, 3, dtype=torch.long))
    _, state = decoder.step(torch.arange(12), state)
    together, _ = decoder.step(torch.arange(12), state)
    rows = torch.tensor([9, 10, 11, 3, 4, 5])
    alone, _ = decoder.step(rows, state.keep(torch.tensor([3, 1])))
    torch.testing.assert_close(alone, together[rows], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 3])
def test_every_layer_starts_from_the_photo(cell: str, layers: int) -> None:
    decoder = make(cell=cell, layers=layers)
    recurrent = decoder.start(torch.randn(2, 9, 12, dtype=torch.float64)).recurrent
    assert len(recurrent) == layers * {"rnn": 1, "gru": 1}.get(cell, 2)
    for number, part in enumerate(recurrent):
        assert part.shape == (2, 16)
        assert not torch.allclose(part[0], part[1])
        assert not any(torch.allclose(part, other) for other in recurrent[:number])


def test_without_attention_the_photo_is_in_the_first_state_only() -> None:
    decoder = make(attention="none")
    one, other = (decoder.start(torch.randn(1, 9, 12, dtype=torch.float64)) for _ in range(2))
    tokens = torch.tensor([3])
    own, _ = decoder.step(tokens, other)
    same_start, _ = decoder.step(tokens, other.after(one.recurrent))
    expected, _ = decoder.step(tokens, one)
    torch.testing.assert_close(same_start, expected)
    assert not torch.allclose(own, expected)


@pytest.mark.parametrize("attention", ["additive", "multihead", "aoa"])
def test_with_attention_the_photo_is_seen_at_every_word(attention: str) -> None:
    decoder = make(attention=attention)
    one, other = (decoder.start(torch.randn(1, 9, 12, dtype=torch.float64)) for _ in range(2))
    tokens = torch.tensor([3])
    same_start, _ = decoder.step(tokens, other.after(one.recurrent))
    assert not torch.allclose(same_start, decoder.step(tokens, one)[0])


def test_in_training_each_caption_has_a_dropout_mask_of_its_own() -> None:
    decoder = make(recurrent_dropout=0.5, dropout=0.0)
    features = torch.randn(1, 9, 12, dtype=torch.float64)
    captions = torch.randint(0, 20, (1, 6)).expand(4, -1)
    before = decoder(features, captions)
    torch.testing.assert_close(before[1:], before[:1].expand(3, -1, -1))
    thinned = decoder.train()(features, captions)
    for row in range(1, 4):
        assert not torch.allclose(thinned[row], thinned[0])


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_attention_weights_are_a_distribution_over_the_grid(attention: str) -> None:
    decoder = make(attention=attention)
    features = torch.randn(2, 9, 12, dtype=torch.float64)
    weights = decoder.attention_maps(features, torch.randint(0, 20, (4, 6)))
    assert weights.shape == (4, 5, 9)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(2), torch.ones(4, 5, dtype=torch.float64))


@pytest.mark.parametrize(("attention", "context"), [("multihead", 16), ("none", 0)])
def test_the_output_is_a_gated_linear_unit_of_state_and_context(
    attention: str, context: int
) -> None:
    decoder = make(attention=attention)
    features = torch.randn(1, 9, 12, dtype=torch.float64)
    h = torch.randn(1, 1, 16, dtype=torch.float64)
    state = decoder.start(features)
    seen = torch.cat([h, decoder.attention(h, state.memory)[0]], dim=2)[0, 0]
    assert seen.shape == (16 + context,)
    information, gate = decoder.combine.weight[:16], decoder.combine.weight[16:]
    gated = (information @ seen + decoder.combine.bias[:16]) / (
        1 + torch.exp(-(gate @ seen + decoder.combine.bias[16:]))
    )
    # The output of a cell that gives h whatever it reads.
    decoder.cell.advance = lambda reading, recurrent: (h[0], recurrent)  # type: ignore[method-assign]
    logits, _ = decoder.step(torch.tensor([3]), state)
    torch.testing.assert_close(logits[0], decoder.logits(gated))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attention": "psychic"}, "there is: none, additive, multihead, aoa"),
        ({"cell": "abacus"}, "there is: rnn, lstm, lstm_peephole, lstm_coupled, gru, grid_lstm"),
        ({"heads": 3}, "3 heads do not divide a hidden size of 16"),
        ({"heads": 3, "attention": "aoa"}, "3 heads do not divide a hidden size of 16"),
        ({"heads": 0}, "heads must be from 1 to 65536, not 0"),
        ({"hidden_size": 0}, "hidden_size must be from 1 to 65536, not 0"),
        ({"layers": 0}, "layers must be from 1 to 256, not 0"),
        ({"residual": True}, "residual needs 2 layers or more"),
        ({"dropout": 1.0}, "dropout must be from 0 to less than 1, not 1.0"),
        ({"recurrent_dropout": 1.5}, "recurrent_dropout must be from 0 to less than 1, not 1.5"),
    ],
)
def test_what_cannot_be_is_explained(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        make(**changes)


def test_a_number_out_of_range_is_found_before_anything_is_built() -> None:
    with pytest.raises(ModelError, match="recurrent_dropout must be"):
        DecoderConfig(recurrent_dropout=1.5)


def test_a_whole_number_will_do_for_a_fraction() -> None:
    assert DecoderConfig(dropout=0, forget_bias=1).dropout == 0
