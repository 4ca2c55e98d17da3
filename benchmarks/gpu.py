"""What a GPU must do, checked, and how fast it is, measured: one script, a few minutes of one card.

    make gpu                                    or: python benchmarks/gpu.py
    python benchmarks/gpu.py --photos FOLDER    with real photos in place of drawn ones
    python benchmarks/gpu.py --device cpu --small    the same in small, without a card

It needs torch, torchvision, NumPy, Pillow, safetensors and tqdm only. Each line of the Markdown
table is printed when it is known; a check that fails is named there, the others go on, and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

# cuBLAS adds up in one and the same order only where this is set before it starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

import captioner
from captioner.errors import TrainingError
from captioner.folder import FolderOptions, ModelChoice, Source, caption_folder
from captioner.images import open_image, to_batch
from captioner.model import CaptioningModel, ModelConfig
from captioner.text import END, START
from captioner.training import Recipe, read_recipe, train
from captioner.training.checkpoint import SoFar
from captioner.training.data import TrainingData
from captioner.training.distributed import Workers
from captioner.training.phase import PhaseRun
from captioner.training.recipe import Phase

HERE = Path(__file__).parent
WORDS = 6000  # of the drawn captions, as many as a captioner for photos has
NOISE = 0.05  # nats a word: what bfloat16 may change of a sentence's probability
PARTED = 0.03  # of the sentences: where rounding has a beam search drop what would have won
MATRICES = ("mm", "bmm", "addmm", "convolution", "rnn", "lstm", "depthwise")  # in operators' names
PROFILED = 20  # steps

NETWORK = """
[encoder]
name = "{cnn}"
stages = [{stages}]
weights = "random"
[preprocessing]
size = {size}
[decoder]
hidden_size = {hidden}
heads = 8
"""
TOY = """
name = "toy"
[data]
root = "{root}"
min_count = 1
[[data.sources]]
format = "flickr8k"
path = "toy"
[[phases]]
name = "every layer"
epochs = 3
learning_rate = 1e-3
encoder_learning_rate = 1e-3
batch_size = {batch}
"""
RATES = """
name = "rates"
[data]
root = "{root}"
min_count = 1
max_words = 20
[[data.sources]]
format = "flickr8k"
path = "drawn"
[[phases]]
name = "encoder frozen"
epochs = 1
learning_rate = 1e-4
batch_size = {batch}
[[phases]]
name = "every layer"
epochs = 1
learning_rate = 1e-4
encoder_learning_rate = 1e-5
batch_size = {batch}
[[phases]]
name = "self-critical"
objective = "self_critical"
epochs = 1
learning_rate = 1e-5
batch_size = {batch}
"""


@dataclass(frozen=True)
class Size:
    """How much is done: all of it on a card, little of it where only the way is tried."""

    sentences: int  # photos described by card and CPU
    folder: int
    train: int
    batch: int
    side: int
    cnn: str
    stages: str
    hidden: int

    @property
    def network(self) -> str:
        """The network of the rates."""
        return NETWORK.format(cnn=self.cnn, stages=self.stages, size=self.side, hidden=self.hidden)


FULL = Size(200, 4000, 6400, 64, 257, "efficientnet_b4", "5, 6, 7", 512)
SMALL = Size(4, 8, 40, 8, 64, "resnet18", "2", 32)


@dataclass(frozen=True)
class Bench:
    """What every part needs. folder: to write in. photos: of the person who asks, if any."""

    device: torch.device
    size: Size
    folder: Path
    photos: Path | None

    def paths(self, count: int) -> list[Path]:
        """So many photos: the given ones, or drawn ones."""
        if self.photos:
            found = sorted(
                p for p in self.photos.rglob("*") if p.suffix.lower() in (".jpg", ".png")
            )
            return found[:count]
        place = self.folder / "photos"
        place.mkdir(exist_ok=True)
        rng = np.random.default_rng(1)
        for number in range(len(list(place.iterdir())), count):
            rough = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(rough).resize((640, 480)).save(place / f"{number:05}.jpg")
        return sorted(place.iterdir())[:count]


def same_sentences(bench: Bench) -> str:
    """The shipped model's sentences on the card and on the CPU: the same or as probable, but for a
    few where the searches parted; and no less probable on the whole."""
    card, cpu = captioner.load_model(device=bench.device), captioner.load_model(device="cpu")
    paths = bench.paths(bench.size.sentences)
    found = [[caption for _, caption in model.caption_each(paths)] for model in (card, cpu)]
    less = []  # nats a word by which the card's sentence is less probable
    for path, ours, theirs in zip(paths, *found, strict=True):
        if ours.text == theirs.text:
            continue
        with torch.inference_mode():
            image = to_batch([open_image(path)], cpu.model.config.preprocessing)
            features = cpu.encode(image)[0]
            rates = [per_word(cpu, features, caption.tokens) for caption in (ours, theirs)]
        less.append(rates[1] - rates[0])
    parted = sum(difference > NOISE for difference in less)
    told = f"{len(paths) - len(less)} of {len(paths)} the same, {len(less) - parted} ties, "
    told += f"{parted} parted"
    assert parted <= PARTED * len(paths), told
    assert sum(less) <= NOISE * len(less), f"{told}; the card's are less probable"
    return told


def per_word(model: captioner.Captioner, features: torch.Tensor, words: tuple[str, ...]) -> float:
    """Log-probability a word of a sentence in nats, its end among them."""
    numbers = [START, *model.vocabulary.encode(list(words))[1:-1], END]
    captions = torch.tensor([numbers])
    logits = model.model.decoder.logits(model.model.decoder.outputs(features, captions)).float()
    return -F.cross_entropy(logits[0], captions[0, 1:]).item()


def resumes(bench: Bench) -> str:
    """A killed training ends with the same weights, bit for bit."""
    subprocess.run(
        [sys.executable, HERE.parent / "data" / "toy.py", bench.folder / "toy", "--photos", "100"],
        check=True,
    )
    recipe = bench.folder / "toy.toml"
    toy = TOY.format(root=bench.folder, batch=8)
    network = NETWORK.format(cnn="resnet18", stages="1", size=64, hidden=32)
    recipe.write_text(toy + network, encoding="utf-8")
    runs = [bench.folder / "whole", bench.folder / "killed"]
    start_training(bench, recipe, runs[0]).wait()
    killed = start_training(bench, recipe, runs[1])
    while killed.poll() is None and not (runs[1] / "metrics.jsonl").exists():
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    stopped = killed.wait() == -signal.SIGKILL
    code = start_training(bench, recipe, runs[1]).wait()
    assert code == 0, f"the second start ended with {code}"
    whole, again = (load_file(run / "last.safetensors") for run in runs)
    unequal = [name for name in whole if not torch.equal(whole[name], again[name])]
    assert not unequal, f"{len(unequal)} of {len(whole)} tensors differ: {unequal[0]}"
    return f"{len(whole)} tensors equal" + (
        "" if stopped else " (it was done before it was killed)"
    )


def start_training(bench: Bench, recipe: Path, out: Path) -> subprocess.Popen[bytes]:
    """`captioner train` in a process of its own, with operators that are deterministic."""
    program = (
        "import sys, torch\n"
        "torch.use_deterministic_algorithms(True, warn_only=True)\n"
        "from captioner.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "train", recipe, "--out", out]
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*command, "--device", str(bench.device)], stdout=quiet, stderr=quiet)


def too_little_memory(bench: Bench) -> str:
    """A batch that the card cannot hold ends in one sentence, which names batch_size."""
    if bench.device.type != "cuda":
        return "not tried: no GPU"
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.01, bench.device)
    try:
        train(rates_recipe(bench, ["phases.1.batch_size=2048"], [1]), bench.folder / "small")
        sentence = ""
    except TrainingError as error:
        sentence = str(error)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, bench.device)
    assert "batch_size" in sentence, sentence or "so large a batch fitted"
    return sentence


def folder_speed(bench: Bench) -> str:
    """Photos a second of the folder command, from the first photo to the last line."""
    paths = bench.paths(bench.size.folder)
    source, out = Source(str(paths[0].parent)), bench.folder / "captions.jsonl"
    choice = ModelChoice(devices=(str(bench.device),))
    summary = caption_folder(FolderOptions(source, str(out), choice))
    assert not summary.failed, f"{summary.failed} photos failed"
    return f"{summary.captioned / summary.seconds:.0f} photos/s of {summary.captioned}"


def training_speed(bench: Bench) -> Iterator[tuple[str, str]]:
    """Photos and captions a second of `captioner train`, by phase; and peaks of memory."""
    out = bench.folder / "rates"
    recipe = rates_recipe(bench)
    train(recipe, out, bench.device)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    for phase, row in zip(recipe.phases, rows, strict=True):
        photos = row["photos_per_second"]
        captions = photos * phase.captions_per_photo
        yield f"training, {phase.name}", f"{photos:.0f} photos/s, {captions:.0f} captions/s"
    if bench.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(bench.device) / 2**30
        yield "largest memory of the card", f"{peak:.1f} GiB"


def step_of_every_layer(bench: Bench) -> str:
    """Of a step's time, the share in which the card computes, and its matrix work beside it."""
    recipe = rates_recipe(bench, phases=[1])
    data = TrainingData(recipe, bench.folder / "cache")
    steps = epoch_of(recipe, recipe.phases[0], data, bench.device)
    for _ in itertools.islice(steps, 3):
        pass
    activities = [ProfilerActivity.CPU]
    if bench.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
        torch.cuda.synchronize()
    started = time.perf_counter()
    with profile(activities=activities) as profiler:
        done = sum(1 for _ in itertools.islice(steps, PROFILED))
    seconds = time.perf_counter() - started
    busy, matrices = computing(profiler, bench.device)
    return (
        f"{1000 * seconds / done:.0f} ms; computing {busy / seconds:.0%}; "
        f"beside its matrix work {seconds / matrices:.2f}"
    )


def computing(profiler: profile, device: torch.device) -> tuple[float, float]:
    """Seconds of all operators on the device, and of those that multiply matrices."""
    of = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    times = [(event.key, getattr(event, of) / 1e6) for event in profiler.key_averages()]
    matrices = (t for name, t in times if any(part in name.lower() for part in MATRICES))
    return sum(t for _, t in times), max(sum(matrices), 1e-9)


def epoch_of(
    recipe: Recipe, phase: Phase, data: TrainingData, device: torch.device
) -> Iterator[tuple[SoFar, float]]:
    """The steps of an epoch that trains every layer."""
    config = ModelConfig(
        recipe.encoder.config,
        recipe.decoder.config,
        recipe.preprocessing,
        recipe.data.language,
        len(data.vocabulary),
    )
    torch.manual_seed(recipe.seed)
    model = CaptioningModel(config).to(device, memory_format=torch.channels_last)
    run = PhaseRun(phase, model, data, None, workers=Workers(device), seed=1, index=0)
    return run.epoch(0, SoFar())


def rates_recipe(
    bench: Bench, changes: list[str] | None = None, phases: list[int] | None = None
) -> Recipe:
    """The recipe of the rates, its photos and captions drawn; some of its phases, or all."""
    folder = bench.folder / "drawn"
    if not folder.exists():
        draw_dataset(folder, bench)
    file = bench.folder / "rates.toml"
    text = RATES.format(root=bench.folder, batch=bench.size.batch) + bench.size.network
    file.write_text(text, encoding="utf-8")
    recipe = read_recipe(file, changes or [])
    chosen = tuple(recipe.phases[i] for i in phases) if phases else recipe.phases
    return replace(recipe, phases=chosen)


def draw_dataset(folder: Path, bench: Bench) -> None:
    """Photos of rough colours with captions of random words, frequent and rare ones as in texts."""
    folder.mkdir()
    rng, side = np.random.default_rng(1), bench.size.side
    words = [f"w{number}" for number in range(WORDS)]
    weights = 1 / np.arange(1, WORDS + 1)
    choose = random.Random(1)
    lines, names = [], []
    for number in range(bench.size.train + 16):
        names.append(f"{number:05}.jpg")
        rough = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(rough).resize((side, side)).save(folder / names[-1])
        for index in range(5):
            caption = choose.choices(words, weights, k=choose.randint(7, 14))
            lines.append(f"{names[-1]}#{index}\t{' '.join(caption)} .")
    (folder / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for split, own in (("train", names[16:]), ("dev", names[:16])):
        (folder / f"Flickr_8k.{split}Images.txt").write_text("\n".join(own) + "\n")


def report(part: Callable[[Bench], str | Iterator[tuple[str, str]]], bench: Bench) -> bool:
    """Print what a part finds, line by line; whether it failed."""
    name = part.__name__.replace("_", " ")
    try:
        found = part(bench)
        for what, value in [(name, found)] if isinstance(found, str) else found:
            print(f"| {what} | {value} |", flush=True)
    except AssertionError as error:
        print(f"| {name} | FAILED: {error} |", flush=True)
        return True
    return False


PARTS = (
    same_sentences,
    resumes,
    folder_speed,
    training_speed,
    step_of_every_layer,
    too_little_memory,
)


def main() -> int:
    """Do all parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="all, or some of them by name")
    parser.add_argument("--device", help="cuda where there is one, else cpu")
    parser.add_argument("--photos", type=Path, metavar="FOLDER")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda" and device.index is None:  # a share of memory needs to know which
        device = torch.device("cuda", torch.cuda.current_device())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    started = time.perf_counter()
    print(f"{name}, torch {torch.__version__}\n\n| what | |\n|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        size = SMALL if options.small else FULL
        bench = Bench(device, size, Path(folder), options.photos)
        parts = [part for part in PARTS if part.__name__ in (options.parts or part.__name__)]
        failed = [report(part, bench) for part in parts]
    print(f"\n{time.perf_counter() - started:.0f} seconds.")
    return int(any(failed))


if __name__ == "__main__":
    sys.exit(main())
