"""The small parts of training against independent computations."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from captioner.errors import ModelError, TrainingError
from captioner.model import Decoder, DecoderConfig
from captioner.training import checkpoint
from captioner.training.checkpoint import Progress, SoFar
from captioner.training.objectives import CrossEntropy


def test_cross_entropy_is_the_mean_over_words_and_ignores_padding() -> None:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(hidden_size=16, heads=4), 12, 20).eval()
    features = torch.randn(2, 9, 12)
    captions = torch.tensor([[1, 5, 6, 2, 0, 0], [1, 7, 2, 0, 0, 0], [1, 4, 4, 4, 9, 2],
                             [1, 8, 2, 0, 0, 0]])  # fmt: skip
    log_probs = decoder(features, captions).log_softmax(2)
    by_hand = [
        -log_probs[row, t, captions[row, t + 1]]
        for row in range(4)
        for t in range(5)
        if captions[row, t + 1] != 0
    ]
    found = CrossEntropy()(decoder, features, captions)
    torch.testing.assert_close(found.loss, torch.stack(by_hand).sum())
    assert found.words == found.counted == len(by_hand)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    parameter = nn.Parameter(torch.randn(3, 4))
    optimizer = torch.optim.AdamW([parameter], lr=0.1)
    parameter.sum().backward()
    optimizer.step()
    tensors = checkpoint.named("optimizer", checkpoint.optimizer_tensors(optimizer))
    progress = Progress("abc", phase=1, epoch=3, best=12.5, best_epoch=2, rows=4)
    checkpoint.save_checkpoint(tmp_path / "c.safetensors", tensors, progress)
    loaded, read = checkpoint.load_checkpoint(tmp_path / "c.safetensors")
    assert read == progress
    fresh = torch.optim.AdamW([parameter], lr=0.1)
    checkpoint.load_optimizer(fresh, checkpoint.under("optimizer", loaded))
    for key, value in optimizer.state_dict()["state"][0].items():
        assert torch.equal(fresh.state_dict()["state"][0][key], value), key


def test_any_tensor_is_written_as_the_format_s_own_reader_reads_it(tmp_path: Path) -> None:
    tensors = {
        "flag": torch.tensor([True, False, True]),
        "half": torch.randn(3).half(),
        "brain": torch.randn(5, dtype=torch.bfloat16),
        "steps": torch.tensor(7),
        "double": torch.randn(2, 2, dtype=torch.float64),
        "last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "none": torch.zeros(0, 4),
    }
    checkpoint.save_checkpoint(tmp_path / "c.safetensors", tensors, Progress("abc"))
    read = load_file(tmp_path / "c.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor), name


def test_where_an_epoch_stands_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    progress = Progress("abc", so_far=SoFar(7, 0.1 + 0.2, 1 / 3), kept=((1 / 3, 2), (0.1, 1)))
    checkpoint.save_checkpoint(tmp_path / "c.safetensors", {"a": torch.zeros(1)}, progress)
    assert checkpoint.load_progress(tmp_path / "c.safetensors") == progress
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.safetensors"
    checkpoint.save_checkpoint(path, {"a": torch.ones(3)}, Progress("old"))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = r"c\.safetensors cannot be written \(No space left on device\)\."
    with pytest.raises(TrainingError, match=said):
        checkpoint.save_checkpoint(path, {"a": torch.zeros(3)}, Progress("new"))
    tensors, progress = checkpoint.load_checkpoint(path)
    assert (tensors["a"].tolist(), progress.recipe) == ([1, 1, 1], "old")
    assert list(tmp_path.iterdir()) == [path]


def test_the_mean_of_checkpoints_is_that_of_their_numbers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    parts = [torch.randn(50) for _ in range(3)]
    paths = []
    for number, part in enumerate(parts):
        tensors = {"a": part, "count": torch.tensor(number), "b": torch.tensor(0.1)}
        paths.append(tmp_path / f"{number}.safetensors")
        checkpoint.save_checkpoint(paths[-1], tensors, Progress("x"))
    mean = checkpoint.mean_weights(paths)
    exact = np.mean([part.double().numpy() for part in parts], axis=0)
    assert np.array_equal(mean["a"].numpy(), exact.astype(np.float32))
    assert mean["count"] == 2
    assert torch.equal(mean["b"], torch.tensor(0.1))  # what is the same in all stays the same


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match=r"c\.safetensors is not a readable checkpoint"):
        checkpoint.load_checkpoint(tmp_path / "c.safetensors")


@pytest.mark.parametrize(
    "progress",
    [
        "[]", "{}", "null", "9" * 5000, "[" * 100_000, '{"recipe": 3}',
        '{"recipe": "x", "phase": "1"}', '{"recipe": "x", "so_far": []}',
        '{"recipe": "x", "kept": [3]}', '{"recipe": "x", "more": 1}',
        '{"recipe": "x", "best": [[[]]]}', '{"recipe": "x", "so_far": {"steps": 1.5}}',
    ],
)  # fmt: skip
def test_a_checkpoint_with_a_foreign_progress_is_named(tmp_path: Path, progress: str) -> None:
    path = tmp_path / "c.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"progress": progress})
    with pytest.raises(ModelError, match=r"c\.safetensors is not a readable checkpoint"):
        checkpoint.load_progress(path)


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe")
def test_a_checkpoint_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.safetensors")
    with pytest.raises(ModelError, match=r"c\.safetensors is not an ordinary file"):
        checkpoint.load_progress(tmp_path / "c.safetensors")
