"""A toy caption dataset, drawn and described by rules: coloured shapes on a plain ground.

    python data/toy.py data/toy --photos 200

It is laid out as Flickr8k is, so that `format = "flickr8k"` reads it, and it is small enough to
learn in a minute on any computer: to try a change, and for the tests.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = {"red": "#d33", "green": "#3a3", "blue": "#36d", "yellow": "#dc2"}
GROUNDS = {"white": "#f4f4f4", "black": "#181818"}
SHAPES = ("circle", "square", "triangle")
TEMPLATES = (
    "A {colour} {shape} on a {ground} background .",
    "There is a {colour} {shape} .",
    "A {colour} {shape} is on the {ground} ground .",
    "One {shape} , and it is {colour} .",
    "The picture shows a {colour} {shape} .",
)


def draw(colour: str, shape: str, ground: str, rng: random.Random, size: int) -> Image.Image:
    """One shape of a random size at a random place."""
    image = Image.new("RGB", (size, size), GROUNDS[ground])
    side = rng.randint(size // 3, 2 * size // 3)
    left, top = rng.randint(0, size - side), rng.randint(0, size - side)
    box = (left, top, left + side, top + side)
    pen = ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse(box, fill=COLOURS[colour])
    elif shape == "square":
        pen.rectangle(box, fill=COLOURS[colour])
    else:
        apex = (left + side // 2, top)
        pen.polygon([apex, (left, top + side), (left + side, top + side)], fill=COLOURS[colour])
    return image


def generate(folder: Path, photos: int = 200, size: int = 64, seed: int = 1) -> None:
    """Write `photos` photos, a fifth of them for the dev split, with five captions each."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    tokens, splits = [], {"train": [], "dev": []}
    for index in range(photos):
        words = {
            "colour": rng.choice(list(COLOURS)),
            "shape": rng.choice(SHAPES),
            "ground": rng.choice(list(GROUNDS)),
        }
        name = f"toy_{index:05}.png"
        draw(**words, rng=rng, size=size).save(folder / name)
        lines = (t.format(**words) for t in TEMPLATES)
        tokens += [f"{name}#{i}\t{line}" for i, line in enumerate(lines)]
        splits["dev" if index % 5 == 0 else "train"].append(name)
    (folder / "Flickr8k.token.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    for split, names in splits.items():
        path = folder / f"Flickr_8k.{split}Images.txt"
        path.write_text("\n".join(names) + "\n", encoding="utf-8")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--size", type=int, default=64, help="pixels on a side")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    generate(options.folder, options.photos, options.size, options.seed)


if __name__ == "__main__":
    main()
