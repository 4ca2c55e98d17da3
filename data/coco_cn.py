"""Lay out COCO-CN (Li et al. 2019), Chinese captions of COCO's photos of 2014.

    python data/coco_cn.py DOWNLOADS... data/coco-cn

DOWNLOADS: the release (coco-cn-version1805), and COCO's train2014 and val2014, as folders or zip
archives.
"""

from __future__ import annotations

import sys

from captioner.datasets import read_names
from captioner.datasets.layouts.flickr8k import read_token_file
from layout import Layout, run

LISTS = {"coco-cn_train.txt": 18_341, "coco-cn_val.txt": 1_000, "coco-cn_test.txt": 1_000}


def lay_out(layout: Layout) -> None:
    """Lay out the captions written by people, the split lists and the photos."""
    origin = "the release of COCO-CN"
    tokens = layout.put("imageid.human-written-caption.txt", origin=origin)
    lists = [path for name in LISTS if (path := layout.put(name, origin=origin))]
    for path in lists:
        layout.expect(f"photos on {path.name}", len(read_names(path)), LISTS[path.name])
    if tokens and lists:
        captions = read_token_file(tokens)
        layout.expect(f"captions in {tokens.name}", sum(map(len, captions.values())), 22_218)
        photos = layout.put_photos([f"{name}.jpg" for name in captions])
        layout.add(layout.target, "coco-cn", photos, language="zh")


if __name__ == "__main__":
    sys.exit(run(lay_out, __doc__))
