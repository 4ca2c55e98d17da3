"""How much captioning costs beside the encoder's forward pass, and the command beside its imports.

    python benchmarks/speed.py PHOTO...

Ratios, each of medians over pairs that were measured in turn, A B A B …, so that a machine whose
speed drifts slows both. A model of several languages also writes all of them, beside its own alone.
Of several photos the first row is the median of all, the others are of the first. Prints a Markdown
table.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tqdm import tqdm

import captioner
from captioner.images import open_image, to_batch
from captioner.speed.memory import keep_memory

BATCH = 32


def paired(first: Callable[[], object], second: Callable[[], object], runs: int) -> list[float]:
    """Median seconds of both, measured in turn after two uncounted runs of each."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for run in tqdm(range(runs + 2), leave=False):
        for times, call in zip(seconds, (first, second), strict=True):
            started = time.perf_counter()
            call()
            if run >= 2:
                times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in seconds]


def one_photo(model: captioner.Captioner, photos: list[Path], runs: int) -> list[float]:
    """A caption from a photo's file, beam 3, against the encoder alone: medians of the photos."""

    def beside(photo: Path) -> list[float]:
        images = to_batch([open_image(photo)], model.model.config.preprocessing)
        each = max(3, runs // len(photos))
        return paired(lambda: model.caption(photo, beam=3), lambda: model.encode(images), each)

    return [statistics.median(seconds) for seconds in zip(*map(beside, photos), strict=True)]


def languages(model: captioner.Captioner, photo: Path, runs: int) -> list[float]:
    """A caption in each language of the model, for which it encodes once, against its own alone."""
    return paired(
        lambda: list(model.caption_each([photo], languages=model.languages, beam=3)),
        lambda: model.caption(photo, beam=3),
        runs,
    )


def batch(model: captioner.Captioner, photo: Path, runs: int) -> list[float]:
    """Decoding a batch of different photos, beam 3, against encoding it."""
    opened = open_image(photo)
    width, height = opened.size
    boxes = [(i, i, width - i, height - i) for i in range(0, 2 * BATCH, 2)]
    images = to_batch([opened.crop(box) for box in boxes], model.model.config.preprocessing)
    features, grid = model.encode(images)
    return paired(
        lambda: model.describe(features, grid, beam=3), lambda: model.encode(images), runs
    )


def command(photo: Path, runs: int) -> list[float]:
    """The command from its start, against importing torch and torchvision."""

    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return paired(
        lambda: run("-m", "captioner", "caption", str(photo)),
        lambda: run("-c", "import torch, torchvision"),
        runs,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--model")
    options = parser.parse_args()
    keep_memory()
    model = captioner.load_model(options.model)
    caption, forward = one_photo(model, options.photos, options.runs)
    photo = options.photos[0]
    if len(model.languages) > 1:
        every, own = languages(model, photo, options.runs)
    decoding, encoding = batch(model, photo, max(5, options.runs // 3))
    started, imports = command(photo, max(5, options.runs // 3))
    print(
        f"{model.name} on {model.device.type}, {str(model.dtype).removeprefix('torch.')}, ", end=""
    )
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {platform.machine()}\n")
    print("| what | median | beside it | median | |\n|---|---|---|---|---|")
    print(
        f"| one photo, file to sentence, beam 3 | {1e3 * caption:.1f} ms "
        f"| its encoder's forward | {1e3 * forward:.1f} ms | {caption / forward:.2f} times |"
    )
    if len(model.languages) > 1:
        print(
            f"| the same in {' and '.join(model.languages)} | {1e3 * every:.1f} ms "
            f"| in {model.language} | {1e3 * own:.1f} ms | {every / own:.2f} times |"
        )
    print(
        f"| decoding {BATCH} photos, beam 3 | {1e3 * decoding:.0f} ms "
        f"| encoding them | {1e3 * encoding:.0f} ms | {decoding / encoding:.2f} times |"
    )
    print(
        f"| `captioner caption photo.jpg` | {started:.2f} s "
        f"| `import torch, torchvision` | {imports:.2f} s | {started - imports:+.2f} s |"
    )


if __name__ == "__main__":
    main()
