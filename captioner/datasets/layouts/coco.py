"""COCO captions JSON (Chen et al. 2015): `images` with id and file_name, `annotations`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from captioner.datasets.files import read_json
from captioner.datasets.layouts import Layout, Options
from captioner.datasets.records import Dataset, match_photos
from captioner.errors import DatasetError
from captioner.fields import shown

ImageId: TypeAlias = int | float | str

# Addresses, sizes and dates of COCO's photos would take as much memory as their captions.
_KEYS = frozenset(("images", "id", "file_name", "annotations", "image_id", "caption"))


def read_coco(path: Path, options: Options) -> Dataset:
    """Read one captions file; COCO keeps a file per split, which does not say it itself."""
    content = read_coco_captions(path, options.skip)
    captions = {content.names[key]: texts for key, texts in content.captions.items() if texts}
    found = match_photos(captions, options.splits(captions), options.photos(path.parent))
    return replace(found, unlisted=content.unlisted)


def read_captions(path: Path, skip: bool = False) -> dict[str, list[str]]:
    """Captions by photo name, in the file's order; photos without a caption are left out.

    skip, and what is raised: as of `read_coco_captions`.
    """
    content = read_coco_captions(path, skip)
    names = content.names
    return {names[number]: texts for number, texts in content.captions.items() if any(texts)}


@dataclass(frozen=True)
class CocoCaptions:
    """What a COCO captions file holds, by image id, in the file's order.

    names: what the file calls each photo. captions: of each photo, stripped; one may be empty, and
    a photo may have none. unlisted: how many captions of other photos were left out.
    """

    path: Path
    names: dict[ImageId, str]
    captions: dict[ImageId, list[str]]
    unlisted: int = 0


def read_coco_captions(path: Path, skip: bool = False) -> CocoCaptions:
    """Read one captions file, without its photos.

    skip: whether captions of photos that are not listed are left out, and a null stands for an
    empty caption.

    Raises DatasetError, naming the file and the entry, where it is missing or malformed, where an
    id has two names or a name two ids, and where not one caption has a word.
    """
    content = read_json(path, _KEYS)
    names: dict[ImageId, str] = {}
    ids: dict[str, ImageId] = {}
    for number, image in enumerate(_list(content, "images", path)):
        try:
            key, name = image["id"], image["file_name"]
        except (KeyError, TypeError):
            key = name = None
        if not (is_image_id(key) and isinstance(name, str) and name):
            raise DatasetError("{}, images[{}]: expected id and file_name.", path, number)
        if names.setdefault(key, name) != name or ids.setdefault(name, key) != key:
            raise DatasetError(
                "{}, images[{}]: the id {} or the name {} belongs to another image already.",
                path,
                number,
                shown(key),
                name,
            )
    captions: dict[ImageId, list[str]] = {key: [] for key in names}
    unlisted = 0
    for number, annotation in enumerate(_list(content, "annotations", path)):
        try:
            key, text = annotation["image_id"], annotation["caption"]
            if skip and key not in captions:
                unlisted += 1
            else:
                captions[key].append("" if skip and text is None else text.strip())
        except (KeyError, TypeError, AttributeError):
            raise DatasetError(
                "{}, annotations[{}]: expected the image_id of a listed image and a caption; "
                "`skip = true` in a recipe, or --skip, leaves out captions of others, and null.",
                path,
                number,
            ) from None
    if not any(any(texts) for texts in captions.values()):
        raise DatasetError("{} holds no captions.", path)
    return CocoCaptions(path, names, captions, unlisted)


def is_image_id(value: Any) -> bool:
    """Whether COCO's files may use the value as an image's id: a finite number or a text."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _list(content: Any, key: str, path: Path) -> list[Any]:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, list):
        raise DatasetError("{} is not a COCO captions file: it has no list '{}'.", path, key)
    return value


def _is_coco(suffix: str, head: str) -> bool:
    """Karpathy's files list images, too, each with its sentences."""
    keys = set(re.findall(r'"(images|annotations|sentences|sentids)"\s*:', head))
    return not head.startswith("[") and bool(keys) and keys <= {"images", "annotations"}


COCO = Layout(
    "coco",
    read_coco,
    suffixes=(".json",),
    is_file=_is_coco,
)
