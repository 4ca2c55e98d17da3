"""How fast a folder of photos is captioned, and how much memory that takes.

    python benchmarks/folder.py PHOTOS...          folders and archives with photos
    python benchmarks/folder.py --memory           without photos of one's own

The first compares `captioner folder` with its encoder alone, fed with ready tensors in batches of
32, and with a loop that captions one photo at a time: medians over runs in turn, A B C A B C. The
second gives the peak of resident memory over few and over many small photos, of the process that
captions and of the largest that opens photos, with a small random model. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

import captioner
from captioner.datasets.finding import find_files
from captioner.folder import FolderOptions, ModelChoice, Source, caption_folder
from captioner.images import Preprocessing, open_image, to_batch
from captioner.model import CaptioningModel, DecoderConfig, EncoderConfig, ModelConfig, save_model
from captioner.speed.memory import keep_memory
from captioner.text import Vocabulary

BATCH = 32
READY = 4  # batches of tensors that the encoder alone is fed with, again and again
PEAKS = """
import resource, sys
from captioner.cli import main
code = main(sys.argv[1:])
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print(resource.getrusage(who).ru_maxrss)
sys.exit(code)
"""


def extract(places: list[Path], count: int, folder: Path) -> list[Path]:
    """Up to so many photos, as files below a folder; the largest first, which open slowest."""
    found = sorted(find_files(places), key=lambda found: -len(found.file.read()))
    paths = []
    for number, photo in enumerate(found[:count]):
        paths.append(folder / f"{number}{Path(photo.path).suffix}")
        paths[-1].write_bytes(photo.file.read())
    return paths


def speeds(options: argparse.Namespace) -> None:
    """Photos a second: the folder, the encoder alone, one photo at a time."""
    keep_memory()
    model = captioner.load_model(options.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = extract(options.places, options.photos, folder)
        alone = paths[:: max(1, len(paths) // options.singly)]
        preprocessing = model.model.config.preprocessing
        opened = [
            open_image(path, at_least=preprocessing.detail) for path in paths[: READY * BATCH]
        ]
        batches = [
            to_batch(opened[start : start + BATCH], preprocessing)
            for start in range(0, len(opened), BATCH)
        ]
        calls: dict[str, Callable[[], float]] = {
            "folder": lambda: whole_folder(folder, options.model),
            "encoder": lambda: encoder_alone(model, batches, len(paths)),
            "one by one": lambda: one_by_one(model, alone),
        }
        measured: dict[str, list[float]] = {what: [] for what in calls}
        for _ in tqdm(range(options.runs), leave=False):
            for what, call in calls.items():
                measured[what].append(call())
    folder_speed, encoder, loop = (statistics.median(found) for found in measured.values())
    print(f"{model.name}, {model.device.type}, {str(model.dtype).removeprefix('torch.')}, ", end="")
    print(f"{torch.get_num_threads()} threads, {platform.machine()}, {len(paths)} photos\n")
    print("| what | photos a second | the folder beside it |\n|---|---|---|")
    print(f"| `captioner folder`, beam 3 | {folder_speed:.1f} | |")
    print(
        f"| its encoder alone, batches of {BATCH} | {encoder:.1f} | {folder_speed / encoder:.2f} |"
    )
    print(f"| one photo at a time, beam 3 | {loop:.1f} | {folder_speed / loop:.2f} |")


def whole_folder(folder: Path, model: str | None) -> float:
    """Photos a second, from the first photo to the last line, without loading the model."""
    with tempfile.TemporaryDirectory() as out:
        source, output = Source(str(folder)), str(Path(out, "captions.jsonl"))
        summary = caption_folder(FolderOptions(source, output, ModelChoice(model)))
    return summary.captioned / summary.seconds


def encoder_alone(model: captioner.Captioner, batches: list[torch.Tensor], count: int) -> float:
    """Photos a second of tensors that lie ready."""
    model.encode(batches[0])
    started = time.perf_counter()
    done = 0
    for batch in islice(cycle(batches), max(1, count // BATCH)):
        model.encode(batch)
        done += len(batch)
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    return done / (time.perf_counter() - started)


def one_by_one(model: captioner.Captioner, paths: list[Path]) -> float:
    """Photos a second of the loop that anybody would write first."""
    started = time.perf_counter()
    for path in paths:
        model.caption(path, beam=3)
    return len(paths) / (time.perf_counter() - started)


def memory(options: argparse.Namespace) -> None:
    """Peaks of memory over few and many photos."""
    print("| small photos | captioning, MiB | opening, MiB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        model = small_model(Path(name, "model"))
        peaks = []
        for count in (options.few, options.many):
            photos = Path(name, "photos")
            add_photos(photos, count)
            out = Path(name, f"{count}.jsonl")
            command = ["folder", str(photos), "-o", str(out), "--model", str(model)]
            peaks.append(peak_memory(command))
            print(f"| {count:,} | {peaks[-1][0]:.0f} | {peaks[-1][1]:.0f} |", flush=True)
    print(f"\nMany beside few: {peaks[1][0] / peaks[0][0]:.3f}, {peaks[1][1] / peaks[0][1]:.3f}")


def peak_memory(command: list[str]) -> tuple[float, float]:
    """MiB of the command's own process and of the largest that it started."""
    call = [sys.executable, "-c", PEAKS, *command]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
    own, workers = (int(line) / 1024 for line in done.stdout.split())
    return own, workers


def small_model(folder: Path) -> Path:
    """A model with random weights: memory does not depend on what it says."""
    vocabulary = Vocabulary.build([["a", "dog", "runs"]])
    config = ModelConfig(
        EncoderConfig("mobilenet_v3_small"),
        DecoderConfig(hidden_size=32, heads=4),
        Preprocessing(size=64),
        vocabulary_size=len(vocabulary),
    )
    save_model(folder, CaptioningModel(config), vocabulary, "")
    return folder


def add_photos(folder: Path, count: int) -> None:
    """Photos of noise, no two the same, a thousand a folder, until there are so many."""
    for number in tqdm(range(count), leave=False):
        path = folder / f"{number // 1000}" / f"{number}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(noise).save(path)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("places", nargs="*", type=Path, metavar="PHOTOS")
    parser.add_argument("--photos", type=int, default=2000, help="at most so many")
    parser.add_argument("--singly", type=int, default=200, help="so many in the loop")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--few", type=int, default=2000)
    parser.add_argument("--many", type=int, default=100_000)
    options = parser.parse_args()
    if options.places:
        speeds(options)
    if options.memory:
        memory(options)


if __name__ == "__main__":
    main()
