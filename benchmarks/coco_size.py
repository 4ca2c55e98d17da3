"""How soon and in how much memory a training of COCO's size takes its first step.

    python benchmarks/coco_size.py SENTENCES.txt PHOTOS

Makes 118,287 photos, links to those of the folder PHOTOS, with 591,435 captions: the lines of
SENTENCES.txt, and beyond them the beginning of one with the end of another, whose n-grams are about
as new as those of as many captions by people. `captioner train` runs in a process of its own, on
photos that count as decoded before: their array is a file of that size with nothing in it, which
takes no room on the disk. Once with cross-entropy and once with the whole self-critical reward,
every layer of MobileNetV2 trained with a batch of 16. Seconds are those that a core computes,
whatever else runs beside. Prints a Markdown table; everything made is deleted.
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
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from captioner.datasets.photos import cached_at
from captioner.training import read_recipe
from captioner.training.data import read_records
from captioner.training.recipe import Recipe

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

# The command up to its first step, in a process whose time and memory count.
FIRST_STEP = """
import os, sys, time
from captioner.cli import main
from captioner.training import step

def memory():  # at its highest
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM"))

def first(self, batch, number):
    before = time.process_time(), memory()
    taken(self, batch, number)
    print(*before, time.process_time(), memory(), flush=True)
    os._exit(0)

taken, step.Stepper.step = step.Stepper.step, first
sys.exit(main())
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


def first_step(root: Path, changes: list[str]) -> list[float]:
    """Seconds of computing and MiB from the command's start to its first step, and with it."""
    sets = [word for change in changes for word in ("--set", change)]
    arguments = ["train", str(root / "recipe.toml"), "--device", "cpu", *sets]
    with tempfile.TemporaryDirectory(dir=root) as out:
        os.symlink(root / "cache", Path(out) / "cache")
        result = subprocess.run(
            [sys.executable, "-c", FIRST_STEP, *arguments, "--out", f"{out}/run"],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    return [float(figure) for figure in result.stdout.split()]


def main() -> None:
    """Make, measure, print and delete."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sentences", type=Path)
    parser.add_argument("photos", type=Path)
    options = parser.parse_args()
    sentences = options.sentences.read_text().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        make(root, sentences, sorted(options.photos.glob("*.jpg")))
        where = f"data.root={root}"
        pretend_decoded(read_recipe(root / "recipe.toml", [where]), root / "cache")
        print(
            "| objective | to the first step | memory | with it | memory |\n|---|---|---|---|---|"
        )
        for changes in ([], REWARD):
            before, held, after, most = first_step(root, [where, *changes])
            name = "self-critical" if changes else "cross-entropy"
            print(f"| {name} | {before:.0f} s | {held:.0f} MiB | {after:.0f} s | {most:.0f} MiB |")


if __name__ == "__main__":
    main()
