"""Lay out Flickr8k (Hodosh, Young and Hockenmaier 2013).

    python data/flickr8k.py DOWNLOADS... data/flickr8k

DOWNLOADS: Flickr8k_text.zip and Flickr8k_Dataset.zip, or folders with what is in them.
"""

from __future__ import annotations

import sys

from captioner.datasets import read_names
from captioner.datasets.layouts.flickr8k import read_token_file
from layout import Layout, run

LISTS = {  # photos
    "Flickr_8k.trainImages.txt": 6_000,
    "Flickr_8k.devImages.txt": 1_000,
    "Flickr_8k.testImages.txt": 1_000,
}


def lay_out(layout: Layout) -> None:
    """Lay out the captions, the split lists and the photos."""
    tokens = layout.put("Flickr8k.token.txt", origin="Flickr8k_text.zip")
    listed = lay_out_lists(layout)
    if tokens and listed:
        captions = read_token_file(tokens)
        layout.expect(f"photos in {tokens.name}", len(captions), 8_092)
        layout.expect(f"captions in {tokens.name}", sum(map(len, captions.values())), 40_460)
        layout.add(layout.target, "flickr8k", layout.put_photos(listed))


def lay_out_lists(layout: Layout) -> set[str]:
    """Lay out the split lists; the photos on them."""
    listed: set[str] = set()
    for name, photos in LISTS.items():
        if path := layout.put(name, origin="Flickr8k_text.zip"):
            names = read_names(path)
            layout.expect(f"photos on {name}", len(names), photos)
            listed |= names
    return listed


if __name__ == "__main__":
    sys.exit(run(lay_out, __doc__))
