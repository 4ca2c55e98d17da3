"""Flickr30k in its original text layout (Young, Lai, Hodosh and Hockenmaier, TACL 2014).

results_20130124.token    name.jpg#0<TAB>caption
train.txt                 one photo a line, with or without .jpg; val and test likewise. They come
                          with Flickr30k Entities (Plummer et al. 2015), not with Flickr30k.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from captioner.datasets.layouts import Layout, Options
from captioner.datasets.layouts.flickr8k import read_splits, read_token_file
from captioner.datasets.records import Dataset, match_photos
from captioner.errors import DatasetError

TOKENS = "results_20130124.token"


def read_flickr30k(root: Path, options: Options) -> Dataset:
    """Read the folder that holds the token file, and the split lists if there are any."""
    captions = read_token_file(root / TOKENS)
    lists = {name: root / f"{name}.txt" for name in ("train", "val", "test")}
    if any(os.path.isfile(path) for path in lists.values()):
        if options.split:
            raise DatasetError("{} says each photo's split itself: leave `split` out.", root)
        splits = _with_suffix(read_splits(lists))
    else:
        splits = options.splits(captions)
    return match_photos(captions, splits, options.photos(root))


def _with_suffix(splits: Mapping[str, str]) -> dict[str, str]:
    return {name if Path(name).suffix else f"{name}.jpg": split for name, split in splits.items()}


FLICKR30K = Layout(
    "flickr30k",
    read_flickr30k,
    files=(TOKENS,),
)
