"""Which photos train and which evaluate: as the dataset says, else by a share of its photos."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

VAL_SHARE = 0.05

_SPLITS = {
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split_called(word: str) -> str | None:
    """The split that a dataset calls so, None where the word means none.

    "restval" is Karpathy's name for the photos of COCO's val set that train (Karpathy and Fei-Fei,
    CVPR 2015).
    """
    return _SPLITS.get(word.strip().lower())


def share_out(
    names: Iterable[str], split: str = "", val_share: float = VAL_SHARE
) -> dict[str, str]:
    """A split for each photo of a dataset that says none.

    split: that of all photos, where it is known.
    val_share: else the share that evaluates. A hash of a photo's name decides, so that a photo
        stays where it is when others are added, and on every computer.
    """
    return {name: split or ("val" if _fraction(name) < val_share else "train") for name in names}


def _fraction(name: str) -> float:
    """A number from 0 to 1 that depends on the name alone, evenly spread over names."""
    content = name.encode("utf-8", "surrogatepass")  # file names on a disk need not be valid text
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") / 2**64
