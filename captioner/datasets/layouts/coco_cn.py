"""COCO-CN: Chinese captions of COCO photos, in the text layout its authors publish.

imageid.human-written-caption.txt   COCO_val2014_000000000042#0<TAB>caption
coco-cn_train.txt                   one name a line, without .jpg; val and test likewise

Li, Xu, Wang, Lan, Jia, Yang and Xu, "COCO-CN for Cross-Lingual Image Tagging, Captioning, and
Retrieval", IEEE Transactions on Multimedia 2019; https://github.com/li-xirong/coco-cn, release
coco-cn-version1805v1.1. Its captions in COCO captions format are read by `read_coco`.
"""

from __future__ import annotations

from pathlib import Path

from captioner.datasets.layouts import Layout, Options
from captioner.datasets.layouts.flickr8k import read_splits, read_token_file
from captioner.datasets.records import Dataset, match_photos

_CAPTIONS = "imageid.human-written-caption.txt"


def read_coco_cn(root: Path, options: Options) -> Dataset:
    """Read the folder of a release: the captions written by people, and the split lists."""
    captions = read_token_file(root / _CAPTIONS)
    splits = read_splits({name: root / f"coco-cn_{name}.txt" for name in ("train", "val", "test")})
    return match_photos(
        {f"{name}.jpg": texts for name, texts in captions.items()},
        {f"{name}.jpg": split for name, split in splits.items()},
        options.photos(root),
    )


COCO_CN = Layout(
    "coco-cn",
    read_coco_cn,
    files=(_CAPTIONS,),
    says_splits=True,
)
