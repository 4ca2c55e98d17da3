"""Lay out COCO captions (Chen et al. 2015), of 2014 or 2017.

    python data/coco.py DOWNLOADS... data/coco

DOWNLOADS: annotations_trainval2017.zip, train2017.zip, val2017.zip, or folders with what is in
them. Karpathy's dataset_coco.json is laid out too where it is there; it goes with 2014.
"""

from __future__ import annotations

import sys
from pathlib import Path

from captioner.datasets import read_captions
from captioner.datasets.layouts.karpathy import read_sentences
from layout import Layout, run

PUBLISHED = {  # photos and captions
    "train2014": (82_783, 414_113),
    "val2014": (40_504, 202_654),
    "train2017": (118_287, 591_753),
    "val2017": (5_000, 25_014),
}


def lay_out(layout: Layout) -> None:
    """Lay out the captions files that are there, each with its photos."""
    names = {part: f"captions_{part}.json" for part in PUBLISHED}
    files = {part: path for part in names if (path := layout.put(names[part], "annotations"))}
    years = {part[-4:] for part in files} or {"2017"}
    for part, name in names.items():
        if part in files:
            lay_out_part(layout, files[part], part)
        elif part[-4:] in years:
            layout.remarks.append(
                f"{name} is missing; it comes with annotations_trainval{part[-4:]}.zip."
            )
    if karpathy := layout.put("dataset_coco.json"):
        captions, _ = read_sentences(karpathy)
        layout.expect(f"photos in {karpathy.name}", len(captions), 123_287)
        layout.add(karpathy, "karpathy", layout.put_photos(captions))


def lay_out_part(layout: Layout, path: Path, part: str) -> None:
    """Lay out one captions file and its photos."""
    captions = read_captions(path)
    photos, texts = PUBLISHED[part]
    layout.expect(f"photos in {path.name}", len(captions), photos)
    layout.expect(f"captions in {path.name}", sum(map(len, captions.values())), texts)
    layout.add(path, "coco", layout.put_photos(captions), split=part[:-4])


if __name__ == "__main__":
    sys.exit(run(lay_out, __doc__))
