"""Flickr8k in its original text layout (Hodosh, Young and Hockenmaier 2013), in two languages.

Flickr8k.token.txt            name.jpg#0<TAB>caption
flickr8kzhc.caption.txt       name.jpg#zhc#0 caption; Chinese, of Flickr8K-CN (Li, Lan, Dong and
                              Liu, "Adding Chinese Captions to Images", ICMR 2016)
Flickr_8k.trainImages.txt     one name a line; devImages and testImages likewise
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from captioner.datasets.files import read_lines
from captioner.datasets.layouts import Layout, Options
from captioner.datasets.records import Dataset, match_photos
from captioner.errors import DatasetError

_CAPTIONS = {"en": ("Flickr8k.token.txt", "#"), "zh": ("flickr8kzhc.caption.txt", "#zhc#")}
_SPLITS = {"train": "trainImages", "val": "devImages", "test": "testImages"}


def read_flickr8k(root: Path, options: Options) -> Dataset:
    """Read the folder that holds the split lists and a token file for each language."""
    language, known = options.language, ", ".join(_CAPTIONS)
    if language not in _CAPTIONS:
        raise DatasetError(
            "Flickr8k has no captions in language '{}'; it has: {}.", language, known
        )
    file, mark = _CAPTIONS[language]
    captions = read_token_file(root / file, mark)
    lists = {split: root / f"Flickr_8k.{part}.txt" for split, part in _SPLITS.items()}
    return match_photos(captions, read_splits(lists), options.photos(root))


def read_token_file(path: Path, mark: str = "#") -> dict[str, list[str]]:
    """Captions by photo name, from lines such as `name.jpg#0<TAB>A dog runs .`

    mark: what stands between the name and the caption's number.

    Raises DatasetError with file and line where a line has another form, and where there is none.
    """
    form = re.compile(rf"([^#\t]+){mark}[0-9]+[\t ](.*\S.*)", re.DOTALL)
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        if not (match := form.fullmatch(line)):
            raise DatasetError(
                "{}, line {}: expected name.jpg{}0<TAB or space>caption.", path, number, mark
            )
        name, caption = match.groups()
        captions.setdefault(name, []).append(caption.strip())
    if not captions:
        raise DatasetError("{} holds no captions.", path)
    return captions


def read_splits(lists: Mapping[str, Path]) -> dict[str, str]:
    """The split of each photo name, from lists of names, of which some may be missing.

    Raises DatasetError where there is none at all.
    """
    splits: dict[str, str] = {}
    for split, path in lists.items():
        if os.path.isfile(path):
            names = (line.strip() for line in read_lines(path))
            splits.update((name, split) for name in names if name)
    if not splits:
        first = next(iter(lists.values()))
        raise DatasetError("{} has no split list such as {}.", first.parent, first.name)
    return splits


FLICKR8K = Layout(
    "flickr8k",
    read_flickr8k,
    files=tuple(file for file, _ in _CAPTIONS.values()),
    says_splits=True,
)
