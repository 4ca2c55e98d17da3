"""Text imitation on texts of our own making."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from captioner.text import START, Vocabulary

PATH = Path(__file__).parents[2] / "examples" / "imitate.py"
ENGLISH = "A cat sat on a mat, and the mat was flat.\n" * 12
CHINESE = "天上有云，地上有人。人在看云，云不看人。\n" * 20


@pytest.fixture
def imitate() -> ModuleType:
    import sys

    spec = importlib.util.spec_from_file_location("imitate", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["imitate"] = module  # where dataclasses look their types up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["English", "Chinese"])
@pytest.mark.parametrize("cell", ["lstm", "grid_lstm"])
def test_it_writes_as_asked_in_the_texts_own_characters(
    imitate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, cell: str
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    call = [str(path), "--cell", cell, "--hidden", "16", "--layers", "2", "--steps", "2"]
    written = []
    for seed in ("1", "1", "2"):
        assert imitate.main([*call, "--length", "60", "--seed", seed]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1] != written[2]
    for own in written:
        assert len(own) == 61  # with the newline that ends the output
        assert set(own) <= set(text)


def test_a_plain_pattern_is_learned(imitate: ModuleType) -> None:
    torch.manual_seed(1)
    text = "一二三四五" * 60
    vocabulary = Vocabulary.build([text])
    network = imitate.Imitator("gru", len(vocabulary), 32, 1)
    first = imitate.learn(network, torch.tensor(vocabulary.encode(text)[1:-1]), 1)
    last = imitate.learn(network, torch.tensor(vocabulary.encode(text)[1:-1]), 60)
    assert last < first
    written = imitate.write(network, vocabulary, imitate.endless(30, temperature=0.1, seed=1))
    assert len(written) == 30
    assert written in text


def test_steps_equal_the_whole_text_at_once(imitate: ModuleType) -> None:
    torch.manual_seed(1)
    network = imitate.Imitator("lstm_peephole", 9, 8, 2)
    read = torch.tensor([[START, 4, 5, 6], [START, 7, 8, 4]])
    memory, together = network.start(2), network(read)
    for t in range(4):
        logits, memory = network.step(read[:, t], memory)
        torch.testing.assert_close(logits, together[:, t])
        memory = memory.reorder(torch.zeros(2, 1, dtype=torch.long))


def test_reorder_moves_rows_within_their_text(imitate: ModuleType) -> None:
    memory = imitate.Memory((torch.arange(6.0).view(6, 1),), 2)
    moved = memory.reorder(torch.tensor([[2, 0], [1, 1]]))
    assert moved.recurrent[0].flatten().tolist() == [2, 0, 4, 4]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file or directory)."),
        (b"\xff\xfe\x00", "is not a text in UTF-8."),
        ("天上有云。".encode("gb18030"), "is not a text in UTF-8."),
        (b"short", "is too short: it has 5 characters, and 200 are the least."),
        (b"", "is too short: it has 0 characters, and 200 are the least."),
    ],
)
def test_what_is_no_text_is_explained(
    imitate: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    said: str,
) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    assert imitate.main([str(path)]) == 2
    error = capsys.readouterr().err
    assert error == f"imitate.py: {path} {said}\n"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--cell", "abacus"], "There is no cell named 'abacus'; there is: rnn,"),
        (["--layers", "0"], "layers must be 1 or more, not 0"),
        (["--temperature", "0"], "temperature must be greater than 0"),
        (["--length", "0"], "max_length must be 1 or more, not 0"),
    ],
)
def test_a_wrong_option_is_explained(
    imitate: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: list[str],
    said: str,
) -> None:
    (tmp_path / "text.txt").write_text(ENGLISH)
    assert imitate.main([str(tmp_path / "text.txt"), *option]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
