"""Whole training runs on the toy dataset, as commands of their own, some of them killed."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command import Result, captioner
from safetensors.torch import load_file
from torch import Tensor

from captioner.cli import main
from captioner.metrics import Scores
from captioner.metrics.sense import sense
from captioner.model import (
    CaptioningModel,
    add_language,
    format_1,
    languages_of,
    read_language,
    read_model,
    save_model,
)
from captioner.text import Vocabulary
from captioner.training import checkpoint, phase, step
from captioner.training import run as module
from captioner.training.evaluation import Evaluation
from captioner.training.phase import Scored

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "test"
[data]
min_count = 1
sources = [{format = "flickr8k", path = "toy", weight = 0.75}]
[decoder]
hidden_size = 32
heads = 2
dropout = 0.1
[[phases]]
name = "decoder"
epochs = 2
learning_rate = 3e-3
batch_size = 8
ema_decay = 0.5
[[phases]]
name = "all layers"
epochs = 2
learning_rate = 3e-3
encoder_learning_rate = 1e-3
batch_size = 8
ema_decay = 0.5
[[phases]]
name = "self-critical"
objective = "self_critical"
epochs = 2
learning_rate = 1e-3
batch_size = 8
captions_per_photo = 3
views = 2
ema_decay = 0.5
"""


@pytest.fixture(scope="module")
def home(make_home: Callable[[str, int], Path]) -> Path:
    return make_home(RECIPE, 40)


def command(home: Path, out: str, *changes: str) -> list[str]:
    sets = [word for change in (f"data.root={home}", *changes) for word in ("--set", change)]
    return [
        sys.executable, "-m", "captioner", "train", str(home / "test.toml"),
        "--out", str(home / out), "--device", "cpu", *sets,
    ]  # fmt: skip


def run(home: Path, out: str, *changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(home, out, *changes), check=False, capture_output=True, text=True)


def run_here(home: Path, out: str, *changes: str) -> Result:
    """Within this process, which spares importing torch."""
    return captioner(*command(home, out, *changes)[3:])


@pytest.fixture(scope="module")
def finished(home: Path) -> Path:
    result = run(home, "whole")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(home / "whole" / "model")
    return home / "whole"


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_ends_with_a_model_folder_and_a_line_an_epoch(finished: Path) -> None:
    model, vocabulary = read_model(finished / "model")
    assert "triangle" in vocabulary.words
    assert model.config.preprocessing.size == 32
    assert [(row["phase"], row["epoch"]) for row in rows(finished)] == [
        ("decoder", 1), ("decoder", 2), ("all layers", 1), ("all layers", 2),
        ("self-critical", 1), ("self-critical", 2),
    ]  # fmt: skip
    losses = [float(str(row["loss"])) for row in rows(finished)[:4]]
    assert losses[-1] < losses[0]
    assert "| CIDEr |" in (finished / "model" / "README.md").read_text()


def assert_same_end(one: Path, other: Path) -> None:
    """Weights, their average and the optimiser's state to the last bit, and every line."""
    for name in ("last", "best"):
        ours, theirs = (load_file(folder / f"{name}.safetensors") for folder in (one, other))
        assert ours.keys() == theirs.keys()
        assert [n for n in ours if not torch.equal(ours[n], theirs[n])] == []
    lines = [[{**row, "photos_per_second": 0} for row in rows(folder)] for folder in (one, other)]
    assert lines[0] == lines[1]


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(home: Path, finished: Path) -> None:
    for enough in (1, 3, 5):  # once in each phase
        process = subprocess.Popen(command(home, "killed"), stderr=subprocess.DEVNULL)
        metrics = home / "killed" / "metrics.jsonl"
        while process.poll() is None:
            if metrics.exists() and len(metrics.read_text().splitlines()) >= enough:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    result = run(home, "killed")
    assert result.returncode == 0, result.stderr
    assert_same_end(home / "killed", finished)


SMALL = (
    "phases.0.batch_size=2",
    "phases.1.batch_size=2",
    "phases.2.batch_size=2",
    "phases.2.epochs=3",
)


@pytest.fixture(scope="module")
def calm(home: Path) -> Path:
    """A run of many small steps, whose last two or more epochs are kept for their mean."""
    result = run(home, "calm", *SMALL, "average_best=2")
    assert result.returncode == 0, result.stderr
    return home / "calm"


def test_a_run_killed_within_an_epoch_goes_on_from_its_last_step(home: Path, calm: Path) -> None:
    often = (*SMALL, "average_best=2", "checkpoint_minutes=0")
    rng, found = random.Random(1), []
    last = home / "often" / "last.safetensors"
    for place in [(p, 0, 1) for p in (0, 1, 2)] + [(p, 1, rng.randint(3, 11)) for p in (0, 1, 2)]:
        process = subprocess.Popen(command(home, "often", *often), stderr=subprocess.DEVNULL)
        while process.poll() is None and not (last.exists() and stands(last) >= place):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.wait()
        found.append(stands(last)[2])
    assert any(0 < steps < 12 for steps in found)
    result = run(home, "often", *often)
    assert result.returncode == 0, result.stderr
    assert_same_end(home / "often", calm)
    assert not list((home / "often").glob(".*.new"))


def evaluation(cider: float) -> Evaluation:
    return Evaluation(("a dog",) * 8, Scores(1, 1, 1, 1, 1, cider), 9.0, sense(["a dog"], "en"))


def by_weights(model: CaptioningModel, *_: object) -> Scored:
    """Scores that the weights alone decide, and that mostly rise."""
    cider = 1000 * model.decoder.output_projection.bias.abs().mean().item()
    return Scored(evaluation(cider), None)


def test_a_run_stopped_after_any_of_its_saves_ends_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it is killed between the files that an epoch leaves."""
    monkeypatch.setattr(phase, "score", by_weights)
    monkeypatch.setattr(module, "score", by_weights)
    saved: list[str] = []
    save = checkpoint.save_checkpoint

    def stopping(path: Path, *rest: Any) -> None:
        save(path, *rest)
        saved.append(path.stem)
        if len(saved) == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_checkpoint", stopping)
    stop = 0
    changes = ("average_best=2", "phases.2.epochs=3")
    assert main(command(home, "smooth", *changes)[3:]) == 0
    in_phases = " ".join(saved).split("last")
    # The first of the first two phases; whether the third's is better depends on torch's rounding.
    assert all("best.next" in in_phases[epoch] for epoch in (0, 2))
    files = sorted(path.name for path in (home / "smooth").glob("*.*"))
    assert sum(name.startswith("best-") for name in files) == 2
    for stop in range(1, len(saved) + 1):
        saved.clear()
        out = f"rough-{stop}"
        assert main(command(home, out, *changes)[3:]) == 130
        assert main(command(home, out, *changes)[3:]) == 0
        assert_same_end(home / out, home / "smooth")
        assert sorted(path.name for path in (home / out).glob("*.*")) == files


@pytest.mark.parametrize("better", [True, False])
def test_the_mean_of_the_best_epochs_is_taken_where_it_scores_better(
    home: Path, calm: Path, better: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = home / f"mean-{better}"
    shutil.copytree(calm, out)
    last_phase = sorted(
        rows(calm)[-4:-1], key=lambda row: (-float(str(row["cider"])), row["epoch"])
    )
    epochs = sorted(int(str(row["epoch"])) for row in last_phase[:2])
    files = [out / f"best-{epoch}.safetensors" for epoch in epochs]
    assert sorted(out.glob("best-*.safetensors")) == files
    best = max(float(str(row["cider"])) for row in rows(calm)[:-1])
    scored = Scored(evaluation(best + 1 if better else best), None)
    monkeypatch.setattr(module, "score", lambda *_: scored)
    assert main(command(home, out.name, *SMALL, "average_best=2")[3:]) == 0
    assert len(rows(out)) == len(rows(calm))
    assert rows(out)[-1]["phase"] == "mean of 2 epochs"
    assert rows(out)[-1]["epochs"] == epochs
    one, other = (load_file(file) for file in files)
    kept = load_file(out / "best.safetensors")
    for name, found in load_file(out / "model" / "model.safetensors").items():
        mean = (one[name].double() + other[name].double()) / 2
        assert torch.equal(found, (mean.float() if better else kept[name]).half())
    card = (out / "model" / "README.md").read_text()
    assert ("the mean of those after epochs" in card) == better


def stands(path: Path) -> tuple[int, int, int]:
    """Phase, epoch and step of a checkpoint, of one file though it is replaced meanwhile."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    progress = json.loads(header["__metadata__"]["progress"])
    return progress["phase"], progress["epoch"], progress["so_far"]["steps"]


def test_ctrl_c_stops_without_a_traceback(home: Path) -> None:
    process = subprocess.Popen(
        command(home, "stopped", "phases.0.epochs=1000"),
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests themselves run in the background, Ctrl-C is ignored by inheritance.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    metrics = home / "stopped" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "captioner: stopped." in said
    assert "Traceback" not in said


def test_another_recipe_in_the_same_folder_is_refused(home: Path, finished: Path) -> None:
    result = run_here(home, "whole", "seed=2")
    assert result.code == 2
    assert "holds a run of another recipe" in result.stderr


def test_a_finished_run_is_known_where_its_data_have_moved(home: Path, finished: Path) -> None:
    shutil.copytree(finished, home / "known")
    shutil.copytree(home / "toy", home / "elsewhere" / "toy")
    result = run_here(home, "known", f"data.root={home / 'elsewhere'}")
    assert result.code == 0, result.stderr
    assert rows(home / "known") == rows(finished)


def test_a_run_whose_checkpoints_have_the_names_of_the_first_format_goes_on(
    home: Path, finished: Path
) -> None:
    shutil.copytree(finished, home / "early")
    then = {new: old for old, new in format_1._MODULES.items()}
    for name in ("last", "best"):
        path = home / "early" / f"{name}.safetensors"
        tensors, progress = checkpoint.load_checkpoint(path)
        old = {".".join(then.get(p, p) for p in n.split(".")): t for n, t in tensors.items()}
        assert old.keys() != tensors.keys()
        checkpoint.save_checkpoint(path, old, progress)
    other = "phases.2.learning_rate=0.002"
    assert main(command(home, "early", other)[3:]) == 2  # a phase that has begun is as it was
    (home / "early" / "model").rename(home / "early" / "before")
    assert main(command(home, "early")[3:]) == 0
    weights = [load_file(home / "early" / f / "model.safetensors") for f in ("before", "model")]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(t, weights[1][n]) for n, t in weights[0].items())


def test_a_later_phase_may_be_added_to_a_finished_run(home: Path, finished: Path) -> None:
    shutil.copytree(finished, home / "longer")
    more = (
        "phases=["
        + ", ".join(
            f"{{name='{name}', epochs=2, learning_rate={rate}, batch_size=8, ema_decay=0.5{rest}}}"
            for name, rate, rest in (
                ("decoder", 3e-3, ""),
                ("all layers", 3e-3, ", encoder_learning_rate=1e-3"),
                (
                    "self-critical",
                    1e-3,
                    ", objective='self_critical', captions_per_photo=3, views=2",
                ),
                ("more", 1e-4, ""),
            )
        )
        + "]"
    )
    result = run_here(home, "longer", more)
    assert result.code == 0, result.stderr
    assert [row["phase"] for row in rows(home / "longer")][-3:] == ["self-critical", "more", "more"]
    changed = more.replace("learning_rate=0.001,", "learning_rate=0.002,")
    assert "another recipe" in run_here(home, "longer", changed).stderr


def test_a_finished_run_may_be_given_more_epochs(home: Path, finished: Path) -> None:
    shutil.copytree(finished, home / "more-epochs")
    result = run_here(home, "more-epochs", "phases.2.epochs=3")
    assert result.code == 0, result.stderr
    more, before = rows(home / "more-epochs"), rows(finished)
    assert more[: len(before)] == before
    assert [(row["phase"], row["epoch"]) for row in more[len(before) :]] == [("self-critical", 3)]
    assert "another recipe" in run_here(home, "more-epochs", "phases.2.epochs=2").stderr


def test_training_goes_on_from_a_model_with_its_words_and_new_ones(
    home: Path, finished: Path
) -> None:
    """All of a recipe's model is the other one's; what it knew before is known, new words too."""
    one_phase = "phases=[{name='decoder', epochs=1, learning_rate=1e-3, batch_size=8}]"
    photos = sorted((home / "toy").rglob("*.png"))[:8]
    with (home / "own.csv").open("w") as table:
        table.write("image,caption,split\n")
        for number, photo in enumerate(photos):
            split = "val" if number < 2 else "train"
            table.write(f"{photo},a wombat number {number},{split}\n")
    source = "data.sources=[{format='csv', path='own.csv'}]"
    arguments = command(home, "from", source, one_phase)[3:]
    result = captioner(*arguments, "--from", finished / "model")
    assert result.code == 0, result.stderr
    _, before = read_model(finished / "model")
    _, words = read_model(home / "from" / "model")
    assert words.words[: len(before)] == before.words
    assert "wombat" in words.words[len(before) :]
    tensors = (load_file(folder / "model.safetensors") for folder in (
        finished / "model", home / "from" / "model"
    ))  # fmt: skip
    theirs, ours = tensors
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs if "encoder." in name)


@pytest.fixture(scope="module")
def bilingual(home: Path, finished: Path) -> Path:
    """The finished model, which writes Chinese, too."""
    folder, chinese = home / "bilingual" / "model", home / "bilingual" / "chinese"
    shutil.copytree(finished / "model", folder)
    english, _ = read_model(folder)
    words = Vocabulary.build([["一", "个", "红", "圆"]])
    config = replace(english.config, language="zh", unit="character", vocabulary_size=len(words))
    model = CaptioningModel(config)
    model.encoder = english.encoder
    save_model(chinese, model, words, "")
    add_language(folder, chinese)
    return folder


def train_from(home: Path, out: str, model: Path, text: str, *changes: str) -> Result:
    """Train one phase on a few captions of one's own, from a model."""
    photos = sorted((home / "toy").rglob("*.png"))[:8]
    lines = (f"{p},{text},{'val' if n < 2 else 'train'}\n" for n, p in enumerate(photos))
    table = home / f"{out}.csv"
    table.write_text("image,caption,split\n" + "".join(lines), encoding="utf-8")
    phase = "{name='own', epochs=1, learning_rate=1e-3, batch_size=8}"
    source = f"data.sources=[{{format='csv', path='{table.name}'}}]"
    sets = (source, "data.min_count=1", f"phases=[{phase}]", *changes)
    return captioner(*command(home, out, *sets)[3:], "--from", model)


def test_a_frozen_encoder_keeps_the_other_languages_of_the_model(
    home: Path, bilingual: Path
) -> None:
    result = train_from(home, "both", bilingual, "a wombat runs")
    assert result.code == 0, result.stderr
    made = home / "both" / "model"
    assert languages_of(made) == ("en", "zh")
    kept, before = ((f / "zh" / "model.safetensors").read_bytes() for f in (made, bilingual))
    assert kept == before
    photo = next((home / "toy").rglob("*.png"))
    shown = captioner("caption", photo, "--model", made, "--language", "en,zh")
    assert (shown.code, len(shown.stdout.splitlines())) == (0, 2)


def test_another_language_of_a_model_may_be_gone_on_from(home: Path, bilingual: Path) -> None:
    result = train_from(
        home, "chinese", bilingual, "一个红色的圆", "data.language=zh", "data.unit=character"
    )
    assert result.code == 0, result.stderr
    made = home / "chinese" / "model"
    assert languages_of(made) == ("zh", "en")
    model, words = read_model(made)
    _, before = read_language(bilingual, "zh", read_model(bilingual)[0])
    assert words.words[: len(before)] == before.words
    assert "色" in words.words[len(before) :]
    assert model.config.unit == "character"


def test_an_encoder_that_trains_leaves_the_other_languages_out_and_says_so(
    home: Path, bilingual: Path
) -> None:
    trained = "phases.0.encoder_learning_rate=1e-4"
    result = train_from(home, "english", bilingual, "a wombat runs", trained)
    assert result.code == 0, result.stderr
    said = f"The model will write en only: zh of '{bilingual}' needs its encoder as it is."
    assert said in result.stderr
    assert languages_of(home / "english" / "model") == ("en",)


def test_data_that_leaves_no_words_is_refused_before_photos_are_decoded(home: Path) -> None:
    result = run_here(home, "no-words", "data.min_count=1000000")
    assert result.code == 2
    assert "No word is seen 1000000 times in the training captions" in result.stderr


def test_a_decoder_may_be_trained_on_the_encoder_of_a_model(home: Path, finished: Path) -> None:
    one_phase = "phases=[{name='decoder', epochs=1, learning_rate=3e-3, batch_size=8}]"
    weights = f"encoder.weights=model:{finished / 'model'}"
    result = run_here(home, "shared-encoder", weights, one_phase)
    assert result.code == 0, result.stderr
    first, second = (
        {name: tensor for name, tensor in load_file(folder / "model.safetensors").items()
         if name.startswith("encoder.")}
        for folder in (finished / "model", home / "shared-encoder" / "model")
    )  # fmt: skip
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())

    other = run_here(home, "another", weights, one_phase, "encoder.stages=[2]")
    assert other.code == 2
    assert "has stages (1,), not (2,)." in other.stderr
    blocks = run_here(home, "another", weights, one_phase, "encoder.identity=['layer1.1']")
    assert blocks.code == 2
    assert "has identity (), not ('layer1.1',)." in blocks.stderr


def test_a_decoder_may_go_on_from_anothers_and_learn_from_sentences_alone(
    home: Path, finished: Path
) -> None:
    model, toy = finished / "model", home / "toy"
    captions = [line.split("\t")[1] for line in (toy / "Flickr8k.token.txt").open()]
    (home / "sentences.txt").write_text("\n".join(captions))
    phases = (
        "phases=[{name='text', epochs=2, learning_rate=3e-3, batch_size=8, "
        "sentences=['sentences.txt']}]"
    )
    weights = (f"encoder.weights=model:{model}", f"decoder.weights=model:{model}")
    result = run_here(home, "text", phases, *weights)
    assert result.code == 0, result.stderr
    losses = [row["loss"] for row in rows(home / "text")]
    assert losses[1] < losses[0] < rows(finished)[0]["loss"]  # it knew the language before
    before, after = (load_file(f / "model.safetensors") for f in (model, home / "text" / "model"))
    changed = {n.partition(".")[0] for n, t in before.items() if not torch.equal(t, after[n])}
    assert changed == {"decoder"}
    lines = [
        line.replace("#", "#zhc#").replace("\t", " ")
        for line in (toy / "Flickr8k.token.txt").open()
    ]
    (toy / "flickr8kzhc.caption.txt").write_text("".join(lines))
    chinese = ("data.language=zh", "data.unit=character", "decoder.weights_language=en")
    other = run_here(home, "characters", phases, *weights, *chinese)
    assert other.code == 0, other.stderr
    unknown = run_here(home, "unknown", phases, *weights, "decoder.weights_language=zh")
    assert unknown.code == 2
    assert "writes English (en), not Chinese (zh)." in unknown.stderr
    wrong = run_here(
        home, "text-2", phases.replace("learning_rate", "encoder_learning_rate=1e-3, learning_rate")
    )
    assert wrong.code == 2
    assert "have no photos" in wrong.stderr


def assert_goes_on_from_the_first_phase(home: Path, out: str, finished: Path) -> None:
    """Nothing is left of the second phase, so that it may also be changed."""
    assert stands(home / out / "last.safetensors") == (0, 2, 0)
    assert run(home, out).returncode == 0
    assert_same_end(home / out, finished)


def test_a_loss_that_is_no_number_stops_in_one_sentence(home: Path, finished: Path) -> None:
    result = run_here(
        home,
        "nan",
        "phases.1.learning_rate=1e30",
        "phases.1.clip_grad_norm=1e30",
        "phases.1.warmup_ratio=0",
    )
    assert result.code == 2
    assert "loss is no longer a number" in result.stderr
    assert "Traceback" not in result.stderr
    assert_goes_on_from_the_first_phase(home, "nan", finished)


def test_a_full_disk_stops_in_one_sentence_and_leaves_the_last_checkpoint(
    home: Path, finished: Path
) -> None:
    # Enough for the first phase's optimiser, but not for the second's, which trains all layers.
    most = (finished / "last.safetensors").stat().st_size + 10_000
    result = subprocess.run(
        command(home, "full"), check=False, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )  # fmt: skip
    assert result.returncode == 2
    said = result.stderr.strip().splitlines()[-1]
    assert said.startswith(f"captioner: {home / 'full' / 'last.safetensors'} cannot be written (")
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in (home / "full").glob("*[.]*")) == [
        "best.safetensors", "captions.json", "last.safetensors", "metrics.jsonl",
    ]  # fmt: skip
    assert_goes_on_from_the_first_phase(home, "full", finished)


def too_large(*_: object) -> Tensor:
    return torch.empty(2**50)


def too_large_for_numpy(*_: object) -> np.ndarray:
    return np.empty(2**50)


def too_large_for_the_gpu(*_: object) -> Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize("fails", [too_large, too_large_for_numpy, too_large_for_the_gpu])
def test_too_little_memory_stops_in_one_sentence(
    home: Path,
    fails: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(step.Learner, "_encoded", fails)
    out = fails.__name__
    assert main(command(home, out)[3:]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == (
        "captioner: The memory is too small for phase 'decoder'; the last checkpoint is intact. "
        "Try a smaller batch_size than 8, or more gradient_accumulation_steps."
    )
    monkeypatch.undo()
    fewer = command(home, out, "phases.0.batch_size=4", "phases.0.epochs=1", "phases.1.epochs=1")
    assert main(fewer[3:]) == 0  # the advice can be followed


def test_an_unwritable_output_folder_is_named(home: Path) -> None:
    (home / "file").write_text("in the way")
    result = run_here(home, "file/run")
    assert result.code == 2
    assert result.stderr.strip().endswith("cannot be written (Not a directory).")


def refused(home: Path, out: str, capsys: pytest.CaptureFixture[str], *changes: str) -> str:
    """The last line of a command that is refused."""
    capsys.readouterr()
    assert main(command(home, out, *changes)[3:]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_captions_that_changed_between_two_runs_are_named(
    home: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, home / "changed")
    shutil.copytree(home / "toy", home / "other" / "toy")
    path = home / "other" / "toy" / "Flickr8k.token.txt"
    lines = path.read_text().splitlines(keepends=True)
    name = lines[0].partition("#")[0]
    path.write_text("".join([f"{name}#0\tA cat on a mat .\n", *lines[1:]]))
    elsewhere = f"data.root={home / 'other'}"
    said = refused(home, "changed", capsys, elsewhere)
    assert f"changed was begun with other captions of {name} (1 photos differ)" in said
    path.write_text("".join(line for line in lines if not line.startswith(name)))
    assert f"other captions of {name} (1 photos differ" in refused(
        home, "changed", capsys, elsewhere
    )
    (home / "changed" / "captions.json").write_text("[]")
    assert "captions.json is not what a training wrote" in refused(home, "changed", capsys)
    (home / "changed" / "captions.json").unlink()
    assert main(command(home, "changed")[3:]) == 0
    assert (home / "changed" / "captions.json").is_file()


@pytest.mark.parametrize(
    "line",
    [
        "\0\xff",
        "[" * 100_000,
        "3",
        "[]",
        "{}",
        '{"phase": "a", "cider": "x", "bleu_4": 1}',
        "9" * 5000,
    ],
)
def test_rubbish_among_the_metrics_is_named(
    home: Path, finished: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "rubbish" / "metrics.jsonl"
    if not path.exists():
        shutil.copytree(finished, path.parent)
    lines = (finished / "metrics.jsonl").read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], line.encode("latin-1"), *lines[2:]]) + b"\n")
    said = refused(home, "rubbish", capsys)
    assert "metrics.jsonl, line 2: not a row that a training wrote" in said


def test_without_its_metrics_a_run_goes_on(home: Path, finished: Path) -> None:
    shutil.copytree(finished, home / "forgetful")
    (home / "forgetful" / "metrics.jsonl").unlink()
    assert main(command(home, "forgetful")[3:]) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"model.decoder.output_projection.bias": torch.zeros(2)},
        {"optimizer.0.exp_avg": torch.zeros(3)},
        {"optimizer.9999.exp_avg": torch.zeros(3)},
        {"optimizer.x.exp_avg": torch.zeros(3)},
        {"average.more": torch.zeros(3)},
    ],
)
def test_a_checkpoint_of_another_model_is_named(
    home: Path,
    finished: Path,
    tmp_path_factory: pytest.TempPathFactory,
    change: dict[str, Tensor],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = str(tmp_path_factory.mktemp("foreign") / "run")
    shutil.copytree(finished, out)
    path = Path(out) / "last.safetensors"
    tensors, progress = checkpoint.load_checkpoint(path)
    checkpoint.save_checkpoint(path, {**tensors, **change}, progress)
    assert "last.safetensors is not a readable checkpoint" in refused(home, out, capsys)
