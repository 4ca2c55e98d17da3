"""What a model writes of the photos that a recipe trains on, for a smaller model to learn from.

    python benchmarks/distill.py configs/base-en.toml --set data.root=DATA -o DATA/distilled.csv

A row a photo with the model's five best sentences, which `configs/light-en.toml` reads beside
people's: sequence-level knowledge distillation (Kim and Rush 2016, "Sequence-Level Knowledge
Distillation"). A small model learns what a large one says more easily than what people say, who
agree less. Photos to evaluate on and those that are held out are left out.

It lies here because `light-en` is made so; docs/experiments.md says what it gave.
"""

from __future__ import annotations

import argparse
import csv
from operator import attrgetter
from pathlib import Path

from PIL.Image import Image
from tqdm import tqdm

from captioner.captioning import Caption
from captioner.images import Photo
from captioner.loading import load_model
from captioner.options import CaptionOptions
from captioner.training import read_recipe
from captioner.training.sources import read_records


def main() -> None:
    """Caption the recipe's photos and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--model", default="base-en", help="the one to learn from")
    parser.add_argument("--sentences", type=int, default=5, help="of each photo, the best ones")
    parser.add_argument("-o", "--output", type=Path, default=Path("distilled.csv"))
    told = parser.parse_args()
    records = read_records(read_recipe(told.recipe, told.set))
    photos = {record.photo: record.name for record in records if record.split == "train"}
    options = CaptionOptions(beam=told.sentences, top=told.sentences)
    captions = load_model(told.model).caption_each(photos, options, opener=opened)
    with told.output.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        numbers = range(1, told.sentences + 1)
        table.writerow(["image", "split", *(f"caption_{number}" for number in numbers)])
        for photo, caption in tqdm(captions, total=len(photos), unit="photo"):
            if isinstance(caption, Caption):
                others = map(attrgetter("text"), caption.alternatives)
                table.writerow([photos[photo], "train", caption.text, *others])


def opened(photo: Photo, at_least: int | None) -> Image:
    """A photo, wherever it lies."""
    return photo.open(at_least=at_least)


if __name__ == "__main__":
    main()
