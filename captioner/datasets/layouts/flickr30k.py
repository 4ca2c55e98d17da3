"""Flickr30k in its original text layout (Young, Lai, Hodosh and Hockenmaier, TACL 2014).

results_20130124.token    name.jpg#0<TAB>caption
train.txt                 one photo a line, with or without .jpg; val and test likewise. They come
                          with Flickr30k Entities (Plummer et al. 2015), not with Flickr30k.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from captioner.datasets.finding import find_photos, images_below
from captioner.datasets.layouts import Layout
from captioner.datasets.layouts.flickr8k import read_splits, read_token_file
from captioner.datasets.records import Dataset, match_photos
from captioner.datasets.splits import VAL_SHARE, share_out
from captioner.errors import DatasetError

TOKENS = "results_20130124.token"


def read_flickr30k(
    root: Path,
    images: Iterable[Path] | None = None,
    split: str = "",
    val_share: float = VAL_SHARE,
) -> Dataset:
    """Read the folder that holds the token file, and the photos.

    images: folders or archives with the photos; found below `root` where not given.
    split, val_share: as for `share_out`, where there are no split lists.

    Raises DatasetError, naming file and line, where something is missing or malformed.
    """
    captions = read_token_file(root / TOKENS)
    lists = {name: root / f"{name}.txt" for name in ("train", "val", "test")}
    if any(os.path.isfile(path) for path in lists.values()):
        if split:
            raise DatasetError("{} says each photo's split itself: leave `split` out.", root)
        splits = _with_suffix(read_splits(lists))
    else:
        splits = share_out(captions, split, val_share)
    return match_photos(captions, splits, find_photos(images or images_below(root)))


def _with_suffix(splits: Mapping[str, str]) -> dict[str, str]:
    return {name if Path(name).suffix else f"{name}.jpg": split for name, split in splits.items()}


FLICKR30K = Layout(
    "flickr30k",
    lambda path, options: read_flickr30k(path, options.images, options.split, options.val_share),
    files=(TOKENS,),
)
