"""Text files: what a photo's is called, and what stands in it.

dog.jpg has dog.txt. Where that could be another photo's as well, as beside dog.png, each of them
has its whole name in front: dog.jpg.txt and dog.png.txt. `captioner.datasets.sidecar` reads both.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from captioner.captions.rows import Row
from captioner.images.names import safe_path


def twins(photos: Collection[str]) -> set[str]:
    """Of the photos of a folder those whose texts go by their whole names.

    As where a computer takes Dog and dog for the same name, one would overwrite the other.
    """
    whole = {photo.casefold() for photo in photos}
    seen: set[str] = set()
    twice: set[str] = set()
    for photo in photos:
        stem = _stem(photo).casefold()
        (twice if stem in seen else seen).add(stem)
    return {photo for photo in photos if _stem(photo).casefold() in twice | whole}


def text_name(photo: str, twin: bool, suffix: str = ".txt") -> str:
    """What the text of a photo is called. twin: whether it is one of `twins`."""
    return f"{photo if twin else _stem(photo)}{suffix}"


def text_names(photos: Sequence[str]) -> list[str]:
    """The same for photos of anywhere, of which some may have one name: below a common folder, all
    different."""
    safe = [safe_path(photo) for photo in photos]
    doubtful = twins(safe)
    taken: set[str] = set()
    names = []
    for photo in safe:
        numbered = (f"{photo} ({number}).txt" for number in range(2, len(safe) + 2))
        candidates = (text_name(photo, photo in doubtful), *numbered)
        name = next(name for name in candidates if name.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def text_of(rows: Iterable[Row]) -> str:
    """A line for each caption of a photo, best first."""
    return "".join(f"{text}\n" for row in rows for text in row.texts)


def _stem(photo: str) -> str:
    return os.path.splitext(photo)[0]
