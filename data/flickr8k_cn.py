"""Lay out Flickr8K-CN (Li, Lan, Dong and Liu 2016), the Chinese captions of Flickr8k.

    python data/flickr8k_cn.py DOWNLOADS... data/flickr8k

DOWNLOADS: a copy of its repository, and what data/flickr8k.py takes unless that is laid out in the
same folder already.
"""

from __future__ import annotations

import sys

from captioner.datasets.layouts.flickr8k import read_token_file
from flickr8k import lay_out_lists
from layout import Layout, run


def lay_out(layout: Layout) -> None:
    """Lay out the captions written by native speakers, Flickr8k's split lists and photos."""
    tokens = layout.put("flickr8kzhc.caption.txt", origin="the repository of Flickr8K-CN")
    listed = lay_out_lists(layout)
    if tokens and listed:
        bare = listed - read_token_file(tokens, "#zhc#").keys()
        if bare:
            layout.remarks.append(
                f"{len(bare):,} photos of the lists have no Chinese caption, as {min(bare)}."
            )
        layout.add(layout.target, "flickr8k", layout.put_photos(listed), language="zh")


if __name__ == "__main__":
    sys.exit(run(lay_out, __doc__))
