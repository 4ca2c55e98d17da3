"""Attentions against torch's own and against their papers' equations in NumPy."""

import numpy as np
import pytest
import torch
from torch import Tensor

from captioner.model.attention import (
    Attention,
    AttentionOnAttention,
    MultiHead,
    attention,
)
from captioner.model.parts import ATTENTIONS

NAMES = ["none", "additive", "multihead", "aoa"]


def make(name: str, features: int = 6, hidden: int = 8, heads: int = 2) -> Attention:
    torch.manual_seed(0)
    return attention(name, features, hidden, heads).double()


def answers(made: Attention, queries: Tensor, features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        contexts, weights = made(queries, made.memory(features))
    return contexts.numpy(), weights.numpy()


def softmax(scores: np.ndarray) -> np.ndarray:
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def test_multihead_attention_equals_torch() -> None:
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
    context, weights = ours(queries, ours.memory(features))
    expected, expected_weights = theirs(queries, features, features)
    torch.testing.assert_close(context, expected)
    torch.testing.assert_close(weights.mean(1), expected_weights)
    torch.testing.assert_close(ours.contexts(queries, ours.memory(features)), expected)


def test_additive_attention_equals_its_equation() -> None:
    made = make("additive")
    queries, features = torch.randn(2, 3, 8).double(), torch.randn(2, 5, 6).double()
    contexts, weights = answers(made, queries, features)
    p = {name: value.detach().numpy() for name, value in made.named_parameters()}
    for photo in range(2):
        for question in range(3):
            q = p["query.weight"] @ queries[photo, question].numpy() + p["query.bias"]
            scores = [
                p["score.weight"][0] @ np.tanh(q + p["key.weight"] @ place)
                for place in features[photo].numpy()
            ]
            right = softmax(np.array(scores))
            values = features[photo].numpy() @ p["value.weight"].T + p["value.bias"]
            np.testing.assert_allclose(weights[photo, 0, question], right)
            np.testing.assert_allclose(contexts[photo, question], right @ values)


def test_attention_on_attention_gates_the_answer_by_the_question() -> None:
    made = make("aoa")
    assert isinstance(made, AttentionOnAttention)
    queries, features = torch.randn(2, 3, 8).double(), torch.randn(2, 5, 6).double()
    plain = make("multihead")
    plain.load_state_dict({n: t for n, t in made.state_dict().items() if "gate" not in n})
    found, weights = answers(made, queries, features)
    seen, plain_weights = answers(plain, queries, features)
    both = np.concatenate([queries.numpy(), seen], axis=2)
    weight, bias = made.gate.weight.detach().numpy(), made.gate.bias.detach().numpy()
    information, gate = both @ weight[:8].T + bias[:8], both @ weight[8:].T + bias[8:]
    np.testing.assert_allclose(found, information / (1 + np.exp(-gate)))
    np.testing.assert_allclose(weights, plain_weights)


def test_no_attention_answers_nothing_and_prefers_no_place() -> None:
    queries, features = torch.randn(2, 3, 8).double(), torch.randn(2, 5, 6).double()
    contexts, weights = answers(make("none"), queries, features)
    assert contexts.shape == (2, 3, 0)
    np.testing.assert_allclose(weights, np.full((2, 1, 3, 5), 0.2))


@pytest.mark.parametrize("name", NAMES)
def test_contexts_are_as_wide_as_said_and_each_photo_sees_itself(name: str) -> None:
    made = make(name)
    queries, features = torch.randn(2, 3, 8).double(), torch.randn(2, 5, 6).double()
    contexts, weights = answers(made, queries, features)
    assert contexts.shape == (2, 3, made.context)
    alone, alone_weights = answers(made, queries[1:], features[1:])
    np.testing.assert_allclose(contexts[1:], alone)
    np.testing.assert_allclose(weights[1:], alone_weights)
    np.testing.assert_allclose(weights.sum(3), 1)


@pytest.mark.parametrize("name", NAMES)
def test_contexts_without_weights_are_the_same(name: str) -> None:
    made = make(name)
    queries, features = torch.randn(2, 3, 8).double(), torch.randn(2, 5, 6).double()
    memory = made.memory(features)
    torch.testing.assert_close(made.contexts(queries, memory), made(queries, memory)[0])


@pytest.mark.parametrize("name", ["multihead", "aoa"])
def test_weights_in_half_precision_still_add_up_to_one(name: str) -> None:
    made = make(name).bfloat16()
    queries, features = torch.randn(2, 3, 8).bfloat16(), torch.randn(2, 81, 6).bfloat16()
    contexts, weights = made(queries, made.memory(features))
    assert contexts.dtype is torch.bfloat16
    torch.testing.assert_close(weights.sum(3), torch.ones(2, 2, 3))


@pytest.mark.parametrize("name", ["none", "additive"])
def test_an_attention_without_heads_takes_any_number_of_them(name: str) -> None:
    assert make(name, heads=3).state_dict().keys() == make(name, heads=1).state_dict().keys()


def test_the_table_has_every_attention() -> None:
    assert list(ATTENTIONS) == NAMES
