"""How soon and in how much memory a training of COCO's size takes its first step.

    python benchmarks/coco_size.py SENTENCES.txt PHOTOS

Makes 118,287 photos, links to those of the folder PHOTOS, with 591,435 captions: the lines of
SENTENCES.txt, and beyond them the beginning of one with the end of another, whose n-grams are about
as new as those of as many captions by people. `captioner train` runs in a process of its own, on
photos that count as decoded before: their array is a file of that size with nothing in it, which
takes no room on the disk. Once with cross-entropy and once with the whole self-critical reward,
every layer of MobileNetV2 trained with a batch of 16; seconds are those that a core computes,
whatever else runs beside. Then `--check`, which opens every photo, so small ones should be given.
Prints a Markdown table; everything made is deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from captioner.datasets.photos import cached_at
from captioner.training import read_recipe
from captioner.training.recipe import Recipe
from captioner.training.sources import read_records

PHOTOS, CAPTIONS, EVALUATED = 118_287, 591_435, 10
RECIPE = """
name = "coco"
[data]
[[data.sources]]
format = "coco"
path = "train.json"
images = ["photos"]
split = "train"
[[data.sources]]
format = "coco"
path = "val.json"
images = ["photos"]
split = "val"
[encoder]
name = "mobilenet_v2"
stages = [13, 17]
weights = "random"
[preprocessing]
size = 256
[[phases]]
name = "cross_entropy"
epochs = 1
learning_rate = 1e-3
encoder_learning_rate = 1e-4
batch_size = 16
"""
REWARD = [
    "phases.0.objective=self_critical", "phases.0.bleu_weight=0.5", "phases.0.told_weight=0.5",
    "phases.0.named_weight=0.5",
]  # fmt: skip

# The command up to its first step and some more, in a process whose time and memory count.
FIRST_STEPS = """
import os, sys, time
from captioner.cli import main
from captioner.training import step

def memory(kind):  # VmHWM, at its highest; RssAnon, now and but for files that are read in place
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith(kind))

def watched(self, batch, number):
    if number == 0:
        print(time.process_time(), memory("VmHWM"))
    value = taken(self, batch, number)
    if number == 0:
        print(time.process_time(), memory("VmHWM"))
    if (number + 1) % (STEPS // 3) == 0:
        print(memory("RssAnon"), flush=True)
    if number + 1 == STEPS:
        os._exit(0)
    return value

STEPS = int(os.environ["STEPS"])
taken, step.Stepper.step = step.Stepper.step, watched
sys.exit(main())
"""


# The command, which leaves beside the recipe how much memory its own process had.
CHECK = """
import sys
from pathlib import Path
from captioner.cli import main
main()
with open("/proc/self/status") as file:
    peak = next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM"))
(Path(sys.argv[2]).parent / "peak").write_text(str(peak))
"""


def captions(sentences: list[str], count: int, chance: random.Random) -> Iterator[str]:
    """So many sentences: those there are, then the beginning of one with the end of another."""
    yield from sentences[:count]
    for _ in range(count - len(sentences)):
        one, other = (chance.choice(sentences).split() for _ in range(2))
        cut = chance.randrange(1, max(2, min(len(one), len(other))))
        yield " ".join((*one[:cut], *other[cut:]))


def make(root: Path, sentences: list[str], photos: list[Path]) -> None:
    """Write the photos and two caption files in COCO's layout."""
    (root / "photos").mkdir()
    copies = [shutil.copy(photo, root) for photo in photos]  # whose disk can be linked on
    chance = random.Random(0)
    # A photo may be linked to 65,000 times only.
    names = [f"{number:012}.jpg" for number in range(PHOTOS + EVALUATED)]
    for number, name in enumerate(names):
        os.link(copies[number % len(copies)], root / "photos" / name)
    made = list(captions(sentences, CAPTIONS, chance))
    chance.shuffle(made)
    for split, ids in (
        ("train", range(PHOTOS)),
        ("val", range(PHOTOS, PHOTOS + EVALUATED)),
    ):
        content = {
            "images": [{"id": number, "file_name": names[number]} for number in ids],
            "annotations": [
                {"image_id": ids[row % len(ids)], "caption": caption}
                for row, caption in enumerate(made if split == "train" else made[:50])
            ],
        }
        (root / f"{split}.json").write_text(json.dumps(content))
    (root / "recipe.toml").write_text(RECIPE)


def pretend_decoded(recipe: Recipe, cache: Path) -> None:
    """Leave an array of black photos where the training looks for what it decoded."""
    cache.mkdir(parents=True)
    size = recipe.preprocessing.size
    records = read_records(recipe)
    for split in ("train", "val"):
        of_split = [record for record in records if record.split == split]
        _, array, listing = cached_at(of_split, size, cache)
        shape = (len(of_split), 3, size, size)
        np.lib.format.open_memmap(array, mode="w+", dtype=np.uint8, shape=shape)
        listing.write_text(json.dumps({"rows": list(range(len(of_split))), "unreadable": []}))


def first_steps(root: Path, changes: list[str], steps: int) -> list[int]:
    """Seconds of computing and MiB from the command's start to its first step, and with it; then
    MiB after each third of so many steps."""
    with tempfile.TemporaryDirectory(dir=root) as out:
        os.symlink(root / "cache", Path(out) / "cache")
        result = subprocess.run(
            [sys.executable, "-c", FIRST_STEPS, *arguments(root, changes), "--out", f"{out}/run"],
            check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "STEPS": str(steps)},
        )  # fmt: skip
    return [round(float(figure)) for figure in result.stdout.split()]


def arguments(root: Path, changes: list[str]) -> list[str]:
    """Of the command."""
    sets = [word for change in (f"data.root={root}", *changes) for word in ("--set", change)]
    return ["train", str(root / "recipe.toml"), "--device", "cpu", *sets]


def check(root: Path) -> tuple[float, float, int]:
    """Seconds that looking the data over takes, those that cores compute, and MiB of the command's
    own process at its highest; the processes that open photos share most of theirs with it."""
    before, started = os.times(), time.monotonic()
    subprocess.run(
        [sys.executable, "-c", CHECK, *arguments(root, []), "--check"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    after = os.times()
    computed = sum(after[2:4]) - sum(before[2:4])
    return time.monotonic() - started, computed, int((root / "peak").read_text())


def main() -> None:
    """Make, measure, print and delete."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sentences", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--steps", type=int, default=30, help="of training")
    options = parser.parse_args()
    sentences = options.sentences.read_text().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        make(root, sentences, sorted(options.photos.glob("*.jpg")))
        pretend_decoded(read_recipe(root / "recipe.toml", [f"data.root={root}"]), root / "cache")
        print("| | to the first step | memory | with it | memory | after a third, two and all |")
        print("|---|---|---|---|---|---|")
        for name, changes in (("cross-entropy", []), ("self-critical", REWARD)):
            before, held, after, most, *later = first_steps(root, changes, options.steps)
            level = ", ".join(map(str, later))
            print(f"| {name} | {before} s | {held} MiB | {after} s | {most} MiB | {level} MiB |")
        seconds, computed, most = check(root)
        print(f"--check: {seconds:.0f} s, {computed:.0f} s of a core, {most} MiB")


if __name__ == "__main__":
    main()
