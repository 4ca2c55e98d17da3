"""Lay out Flickr30k (Young, Lai, Hodosh and Hockenmaier 2014).

    python data/flickr30k.py DOWNLOADS... data/flickr30k

DOWNLOADS: flickr30k.tar.gz (results_20130124.token) and flickr30k-images.tar.gz, or folders with
what is in them; and one of what gives it splits, unless a share of the photos will do: Karpathy's
dataset_flickr30k.json, or train.txt, val.txt and test.txt of Flickr30k Entities.
"""

from __future__ import annotations

import sys

from captioner.datasets.layouts.flickr8k import read_token_file
from captioner.datasets.layouts.karpathy import read_sentences
from layout import Layout, run


def lay_out(layout: Layout) -> None:
    """Lay out the captions, split lists where there are any, and the photos."""
    if karpathy := layout.put("dataset_flickr30k.json"):
        captions, _ = read_sentences(karpathy)
        layout.expect(f"photos in {karpathy.name}", len(captions), 31_014)
        layout.add(karpathy, "karpathy", layout.put_photos(captions))
        return
    for name in ("train.txt", "val.txt", "test.txt"):
        layout.put(name)
    if tokens := layout.put("results_20130124.token", origin="flickr30k.tar.gz"):
        captions = read_token_file(tokens)
        layout.expect(f"photos in {tokens.name}", len(captions), 31_783)
        layout.expect(f"captions in {tokens.name}", sum(map(len, captions.values())), 158_915)
        layout.add(layout.target, "flickr30k", layout.put_photos(captions))


if __name__ == "__main__":
    sys.exit(run(lay_out, __doc__))
