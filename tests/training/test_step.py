"""One step of training: its gradient in parts, its decay, and what it does when numbers run out."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from captioner.datasets import Record
from captioner.datasets.photos import Photos
from captioner.decoding import Hypothesis
from captioner.errors import TrainingError
from captioner.images import Photo, Preprocessing
from captioner.model import CaptioningModel, DecoderConfig, EncoderConfig, ModelConfig
from captioner.model.cells import LSTM
from captioner.text import END, PAD, START
from captioner.training import step as module
from captioner.training.data import Batch
from captioner.training.distributed import Workers
from captioner.training.objectives import SelfCritical
from captioner.training.pixels import ahead
from captioner.training.recipe import Phase
from captioner.training.step import Learner, Stepper

WORDS = 12
PHOTOS, EACH = 7, 2
RECORD = Record(Photo("1.jpg", "1.jpg"), ("a dog",), "train")


@pytest.fixture(autouse=True)
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_bfloat16", lambda device: False)


def captions() -> Tensor:
    """Of one to five words, so that parts of the batch hold unlike numbers of words."""
    rng = torch.Generator().manual_seed(3)
    lengths = torch.randint(1, 6, (PHOTOS * EACH,), generator=rng).tolist()
    words = torch.randint(4, WORDS, (PHOTOS * EACH, 5), generator=rng)
    rows = [[START, *own[:n].tolist(), END] for own, n in zip(words, lengths, strict=True)]
    return torch.tensor([row + [PAD] * (7 - len(row)) for row in rows])


def batch() -> Batch:
    rows = torch.arange(PHOTOS)
    draws = torch.rand(PHOTOS, 8, generator=torch.Generator().manual_seed(4))
    return Batch(rows, captions(), torch.ones(PHOTOS, dtype=torch.bool), draws)


def photos() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (PHOTOS, 3, 32, 32), dtype=np.uint8)


def references() -> list[list[tuple[int, ...]]]:
    groups = captions()[:, 1:].unflatten(0, (PHOTOS, EACH)).tolist()
    return [[tuple(word for word in own if word != PAD) for own in group] for group in groups]


def stepper(**settings: Any) -> Stepper:
    torch.manual_seed(0)
    model = CaptioningModel(
        ModelConfig(
            EncoderConfig("resnet18", (1,)),
            DecoderConfig(hidden_size=16, heads=2, dropout=0.0),
            Preprocessing(size=32),
            vocabulary_size=WORDS,
        )
    )
    data = SimpleNamespace(
        train=Photos((RECORD,) * PHOTOS, photos(), (), "photos"),
        references=lambda **_: references(),
        streamed=None,
        function_words=frozenset,
        base_forms=dict,
        max_words=6,
    )
    chosen = {
        "name": "p",
        "epochs": 1,
        "learning_rate": 1e-3,
        "encoder_learning_rate": 1e-3,
        "clip_grad_norm": 1e9,
    }
    phase = Phase(**{**chosen, **settings})
    learner = Learner(phase, model.train(), data, None)  # type: ignore[arg-type]
    return Stepper(learner, Workers(torch.device("cpu")), 10)


def drawn(self: SelfCritical, decoder: object, features: Tensor) -> list[list[Hypothesis]]:
    """Captions that are the same however the batch is cut: each photo's own, one word less."""
    every = references()
    return [
        [Hypothesis(own[1:-1] or own[:1], 0.0, 0.0) for own in every[photo]]
        for photo in self.__dict__["rows"]
    ]


@pytest.fixture
def fixed_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    call = SelfCritical.__call__

    def called(
        self: SelfCritical, decoder: Any, features: Tensor, rows: Tensor, own: Tensor
    ) -> Any:
        self.__dict__["rows"] = rows.tolist()
        return call(self, decoder, features, rows, own)

    monkeypatch.setattr(SelfCritical, "__call__", called)
    monkeypatch.setattr(SelfCritical, "_draw", drawn)


@pytest.mark.usefixtures("fixed_samples")
@pytest.mark.parametrize("parts", [2, 3, 7, 100])
@pytest.mark.parametrize(
    "settings",
    [
        {"label_smoothing": 0.1, "doubly_stochastic": 1.0},
        {
            "objective": "self_critical",
            "captions_per_photo": EACH,
            "told_weight": 0.5,
            "named_weight": 0.4,
            "cross_entropy_weight": 0.3,
        },
    ],
    ids=["cross-entropy", "self-critical"],
)
def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    settings: dict[str, Any], parts: int
) -> None:
    whole, cut = stepper(**settings), stepper(**settings, gradient_accumulation_steps=parts)
    shown = [one.step(batch(), 0) for one in (whole, cut)]
    assert shown[0] == pytest.approx(shown[1], rel=1e-5)
    for (name, ours), theirs in zip(
        whole.model.named_parameters(), cut.model.parameters(), strict=True
    ):
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(
            ours.grad, theirs.grad, atol=1e-6, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_the_gradient_is_that_of_the_mean_over_words() -> None:
    one = stepper(label_smoothing=0.0, augment=False)
    twin = stepper(label_smoothing=0.0, augment=False).model
    one.step(batch(), 0)
    pixels = torch.from_numpy(photos()).float() / 255
    mean, std = (
        torch.tensor(getattr(Preprocessing(), n)).view(1, 3, 1, 1) for n in ("mean", "std")
    )
    logits = twin((pixels - mean) / std, captions())
    targets = captions()[:, 1:]
    picked = logits.log_softmax(2).gather(2, targets[:, :, None]).squeeze(2)
    (-picked[targets != PAD].mean()).backward()
    for ours, theirs in zip(one.model.parameters(), twin.parameters(), strict=True):
        assert ours.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("own", "encoder"), [(None, 0.5), (0.25, 0.25), (0.0, 0.0)])
def test_encoder_and_decoder_decay_by_their_own_rates(own: float | None, encoder: float) -> None:
    """AdamW's decay alone, with no gradient to speak of: w · (1 - rate · decay)."""
    one = stepper(
        weight_decay=0.5, encoder_weight_decay=own, learning_rate=0.1, encoder_learning_rate=0.1
    )
    before = {n: p.detach().clone() for n, p in one.model.named_parameters()}
    for parameter in one.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for group in one.optimizer.param_groups:
        group["lr"] = group["peak"]
    one.optimizer.step()
    for name, parameter in one.model.named_parameters():
        decay = encoder if name.startswith("encoder") else 0.5
        left = 1 - 0.1 * decay if parameter.dim() > 1 else 1.0
        torch.testing.assert_close(parameter.detach(), left * before[name])


def test_rates_rise_and_fall_and_are_told_apart() -> None:
    one = stepper(
        warmup_ratio=0.2, learning_rate=1.0, encoder_learning_rate=0.1, clip_grad_norm=1e-9
    )
    seen = []
    for number in (0, 1, 2, 9):
        one.step(batch(), number)
        seen.append(one.rates())
    shares = [rates["decoder"] for rates in seen]
    # cos(7/8 π), where the last of eight steps after the warm-up begins
    assert shares == pytest.approx([0.5, 1.0, 1.0, 0.01 + 0.99 * 0.5 * (1 - 0.92387953)])
    assert [rates["encoder"] for rates in seen] == pytest.approx([0.1 * s for s in shares])


def test_a_gradient_that_is_no_number_leaves_the_weights_as_they_were() -> None:
    """The loss may still be one when its gradient no longer is."""
    one = stepper()
    one.step(batch(), 0)
    before = {n: t.clone() for n, t in one.tensors().items()}
    bias = one.model.decoder.output_projection.bias
    bias.register_hook(lambda gradient: gradient * torch.nan)
    with pytest.raises(TrainingError, match="loss is no longer a number in phase 'p'"):
        one.step(batch(), 1)
    assert all(torch.equal(before[n], t) for n, t in one.tensors().items())


def set_precision(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setattr(module, "precision", lambda device: torch.autocast("cpu", dtype))
    monkeypatch.setattr(LSTM, "kernel", None)  # of which CPUs have none in float16


@pytest.fixture
def float16(monkeypatch: pytest.MonkeyPatch) -> None:
    set_precision(monkeypatch, torch.float16)


def gradient() -> Tensor:
    """Of a step, all in one; where it is scaled, by what float16 has room for."""
    one = stepper()
    if one.scaler.is_enabled():
        one.scaler.load_state_dict({**one.scaler.state_dict(), "scale": 2.0**8})
    one.step(batch(), 0)
    return torch.cat([p.grad.flatten() for p in one.model.parameters() if p.grad is not None])


def test_float16_has_the_gradient_of_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """As near as its three bits more than bfloat16's bring it, in the very same step."""
    whole = gradient()
    errors = []
    for dtype in (torch.bfloat16, torch.float16):
        set_precision(monkeypatch, dtype)
        errors.append(((gradient() - whole).norm() / whole.norm()).item())
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 2


@pytest.mark.usefixtures("float16")
def test_a_gradient_beyond_float16_halves_the_scale_which_a_checkpoint_keeps() -> None:
    one, other = stepper(), stepper()
    one.scaler.load_state_dict({**one.scaler.state_dict(), "scale": 2.0**60})
    before = {n: t.clone() for n, t in one.model.state_dict().items() if "running" not in n}
    one.step(batch(), 0)
    after = one.model.state_dict()
    assert all(torch.equal(t, after[n]) for n, t in before.items() if "num_batches" not in n)
    assert one.scaler.get_scale() == 2.0**59
    tensors = one.tensors()
    assert {n for n in tensors if n.startswith("scaler")} == {
        "scaler.scale", "scaler._growth_tracker",
    }  # fmt: skip
    other.restore(tensors)
    assert other.scaler.get_scale() == 2.0**59


def test_a_frozen_encoder_that_sees_each_batch_anew_stays_as_it_is() -> None:
    one = stepper(encoder_learning_rate=0.0)
    before = {n: t.clone() for n, t in one.model.state_dict().items()}
    one.train()
    one.step(next(one.shares([batch()])), 0)
    after = one.model.state_dict()
    changed = {n.partition(".")[0] for n, t in before.items() if not torch.equal(t, after[n])}
    assert changed == {"decoder"}


def test_the_next_batch_is_prepared_while_one_is_worked_on() -> None:
    asked: list[int] = []

    def prepare(number: int) -> int:
        if number == 3:
            raise TrainingError("no more")
        asked.append(number)
        return 10 * number

    found = ahead([0, 1, 2, 3], prepare)
    assert next(found) == 0
    assert next(found) == 10
    assert asked[:2] == [0, 1]
    assert next(found) == 20
    with pytest.raises(TrainingError, match="no more"):
        next(found)
    assert list(ahead([], prepare)) == []


def test_weights_that_are_no_numbers_are_not_saved() -> None:
    one = stepper()
    one.model.decoder.output_projection.bias.data[3] = torch.inf
    with pytest.raises(TrainingError, match="loss is no longer a number"):
        one.tensors()
