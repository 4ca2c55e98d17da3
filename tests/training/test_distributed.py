"""Several processes as torchrun starts them: the same weights as one, and one voice."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from captioner.training.distributed import Workers, join

ROOT = Path(__file__).parents[2]

# Neither the batches nor the toy's captions come out even between two processes.
RECIPE = """
name = "test"
[data]
min_count = 1
sources = [{format = "flickr8k", path = "toy"}]
[decoder]
hidden_size = 32
heads = 2
dropout = 0.0
[[phases]]
name = "decoder"
epochs = 1
learning_rate = 3e-3
batch_size = 7
ema_decay = 0.5
[[phases]]
name = "all layers"
epochs = 1
learning_rate = 3e-3
encoder_learning_rate = 1e-3
batch_size = 7
gradient_accumulation_steps = 2
doubly_stochastic = 0.1
ema_decay = 0.5
[[phases]]
name = "self-critical"
objective = "self_critical"
epochs = 1
learning_rate = 1e-3
encoder_learning_rate = 1e-3
batch_size = 7
captions_per_photo = 3
ema_decay = 0.5
"""

# The command in full precision, with samples that are the same for a photo whichever process draws
# them: its references, each without one word. Each phase goes on from the last one's weights.
EQUAL = """
import sys
from functools import partial
import captioner.pipeline
from captioner.cli import main
from captioner.decoding import Hypothesis
from captioner.training import run_folder, step
from captioner.training.objectives import SelfCritical

def made(self, references, *rest, **more):
    self.references = references
    make(self, references, *rest, **more)

def called(self, decoder, features, rows, written):
    self.photos = rows.tolist()
    return call(self, decoder, features, rows, written)

def drawn(self, decoder, features):
    return [
        [Hypothesis((*own[:n], *own[n + 1 : -1]), 0.0, 0.0)
         for n, own in enumerate(self.references[photo][: self._sampling.top])]
        for photo in self.photos
    ]

captioner.pipeline.has_bfloat16 = step.has_bfloat16 = lambda device: False
# Adam makes whole steps even of gradients that are nothing but rounding, and these have another
# sign where the sum has another order.
step.AdamW = partial(step.AdamW, eps=1e-4)
make, call = SelfCritical.__init__, SelfCritical.__call__
SelfCritical.__init__, SelfCritical.__call__, SelfCritical._draw = made, called, drawn
run_folder.RunFolder.load_best = lambda self, model: None
sys.exit(main())
"""

# The second process has no memory left at its third step.
FAILING = """
import os, sys, torch
from captioner.cli import main
from captioner.training import distributed, step

def failing(self, batch, number):
    if os.environ["RANK"] == "1" and number == 2:
        torch.empty(2**50)
    return take_step(self, batch, number)

distributed._PATIENCE = 5.0
take_step, step.Stepper.step = step.Stepper.step, failing
sys.exit(main())
"""

# One of the processes is killed at its third step.
KILLED = """
import os, signal, sys
from captioner.cli import main
from captioner.training import step

def killed(self, batch, number):
    if os.environ["RANK"] == os.environ.get("KILLED") and number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return take_step(self, batch, number)

take_step, step.Stepper.step = step.Stepper.step, killed
sys.exit(main())
"""


@pytest.fixture(scope="module")
def home(make_home: Callable[[str, int], Path]) -> Path:
    folder = make_home(RECIPE, 44)
    (folder / "equal.py").write_text(EQUAL)
    (folder / "failing.py").write_text(FAILING)
    (folder / "killed.py").write_text(KILLED)
    return folder


def train(
    home: Path, program: list[str], out: str, *changes: str
) -> subprocess.CompletedProcess[str]:
    sets = [word for change in (f"data.root={home}", *changes) for word in ("--set", change)]
    arguments = ["train", "test.toml", "--out", out, "--device", "cpu", *sets]
    return subprocess.run(
        [sys.executable, *program, *arguments], cwd=home, check=False, capture_output=True,
        text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


@pytest.fixture(scope="module")
def one(home: Path) -> subprocess.CompletedProcess[str]:
    return train(home, ["equal.py"], "one")


def test_two_processes_end_with_the_weights_of_one(
    home: Path, one: subprocess.CompletedProcess[str]
) -> None:
    two = train(home, [*TWO, "equal.py"], "two", "checkpoint_minutes=0")
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    ours, theirs = (load_file(home / out / "last.safetensors") for out in ("one", "two"))
    assert ours.keys() == theirs.keys()
    for name in ours:
        if name.startswith(("model.", "average.")):
            torch.testing.assert_close(
                ours[name], theirs[name], atol=1e-5, rtol=0, msg=lambda m, n=name: f"{n}: {m}"
            )
    # One process alone writes and speaks, and all of it.
    assert two.stdout.split() == ["two/model"]
    for out in ("one", "two"):
        assert len((home / out / "metrics.jsonl").read_text().splitlines()) == 3
        assert len(list((home / out / "samples").iterdir())) == 3
    assert two.stderr.count("photos with") == one.stderr.count("photos with")
    captions = [(home / out / "samples").glob("*.png") for out in ("one", "two")]
    for mine, other in zip(*map(sorted, captions), strict=True):
        assert mine.read_bytes() == other.read_bytes()


def test_a_run_may_go_on_with_more_processes(
    home: Path, one: subprocess.CompletedProcess[str]
) -> None:
    shutil.copytree(home / "one", home / "grown")
    recipe = (home / "test.toml").read_text()
    (home / "test.toml").write_text(
        f'{recipe}[[phases]]\nname = "more"\nepochs = 1\nlearning_rate = 1e-3\n'
    )
    result = train(home, [*TWO, "-m", "captioner"], "grown", "phases.3.batch_size=8")
    (home / "test.toml").write_text(recipe)
    assert result.returncode == 0, result.stderr
    rows = [
        json.loads(line) for line in (home / "grown" / "metrics.jsonl").read_text().splitlines()
    ]
    assert [row["device"] for row in rows] == ["cpu"] * 3 + ["2 x cpu"]


@pytest.mark.parametrize(
    ("program", "change", "said"),
    [
        ("-m captioner", "phases.0.rte=1", "unknown key 'rte'"),
        ("-m captioner", "phases.0.batch_size=1", "A batch of 1 photos, as in phase 'decoder'"),
        ("failing.py", "seed=3", "The memory is too small for phase 'decoder'"),
    ],
    ids=["both fail", "both fail within a step", "one fails"],
)
def test_one_process_says_why_all_stop(home: Path, program: str, change: str, said: str) -> None:
    result = train(home, [*TWO, *program.split()], change, change)
    assert result.returncode == 1  # torchrun's own, after a report of its own
    _, *spoken = result.stderr.split("captioner: ")
    assert len(spoken) == 1, result.stderr
    assert said in spoken[0].splitlines()[0]
    assert "exitcode  : 2" in result.stderr
    assert result.stderr.count("Traceback") == 1  # torchrun's
    assert "elastic" in result.stderr.split("Traceback")[1]


def test_a_killed_process_ends_the_run_and_the_same_command_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ["seed=5", "checkpoint_minutes=0"]
    for rank in ("0", "1"):
        monkeypatch.setenv("KILLED", rank)
        result = train(home, [*TWO, "killed.py"], "killed", *settings)
        assert result.returncode == 1
        _, *spoken = result.stderr.split("captioner: ")
        assert len(spoken) == 1, result.stderr
        assert "A process of this training was ended from outside" in spoken[0].splitlines()[0]
        assert result.stderr.count("Traceback") == 1  # torchrun's
    monkeypatch.delenv("KILLED")
    result = train(home, [*TWO, "killed.py"], "killed", *settings)
    assert result.returncode == 0, result.stderr
    assert "Going on after 0 epochs and 2 steps of phase 1." in result.stderr


@given(st.integers(0, 1000), st.integers(1, 64))
def test_shares_are_all_and_as_even_as_can_be(things: int, count: int) -> None:
    device = torch.device("cpu")
    shares = [Workers(device, rank, rank, count).share(things) for rank in range(count)]
    parts = [range(things)[share] for share in shares]
    assert [n for part in parts for n in part] == list(range(things))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_is_a_company_of_its_own() -> None:
    with join("cpu") as workers:
        assert workers == Workers(torch.device("cpu"))
        assert workers.first
        assert workers.share(5) == slice(0, 5)
        assert workers.add([1.5, 2]) == [1.5, 2]
        assert workers.gather(["a"]) == ["a"]
        assert workers.from_first(lambda: "done") == "done"
        assert workers.in_turn(lambda: "done") == "done"
        module = torch.nn.Linear(1, 1)
        assert workers.wrap(module) is module
