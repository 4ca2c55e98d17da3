"""COCO results JSON, the form in which captions are handed in to be scored (Chen et al. 2015).

[{"image_id": 42, "caption": "a dog runs on the grass"}, ...]
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from captioner.datasets.coco import CocoCaptions, ImageId, is_image_id
from captioner.datasets.files import read_json
from captioner.errors import DatasetError


def read_coco_results(path: Path, references: CocoCaptions) -> dict[ImageId, str]:
    """One caption for each image that has references, by image id in the order of the results.

    A caption may be empty.

    Raises DatasetError, naming the file and the entry, where it is missing or malformed, where an
    image is unknown, has no reference or comes twice, and where an image with references has no
    caption.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetError(f"{path} is not in COCO results format: a list of captions.")
    captions: dict[ImageId, str] = {}
    for number, row in enumerate(content):
        place = f"{path}, entry {number}"
        image, caption = _image_and_caption(row, place)
        _check_image(image, references, place)
        if image in captions:
            raise DatasetError(f"{place}: a second caption for {references.names[image]}.")
        captions[image] = caption
    missing = [i for i, texts in references.captions.items() if any(texts) and i not in captions]
    if missing:
        raise DatasetError(
            f"{path} has no caption for {len(missing)} photos of {references.path}, as "
            f"{references.names[missing[0]]}."
        )
    return captions


def _image_and_caption(row: Any, place: str) -> tuple[ImageId, str]:
    try:
        image, caption = row["image_id"], row["caption"].strip()
    except (KeyError, TypeError, AttributeError):
        image = caption = None
    if not is_image_id(image) or caption is None:
        raise DatasetError(f"{place}: expected an image_id and a caption.")
    return image, caption


def _check_image(image: ImageId, references: CocoCaptions, place: str) -> None:
    shown = json.dumps(image, ensure_ascii=False)
    if image in references.names:
        if not any(references.captions[image]):
            name = references.names[image]
            raise DatasetError(f"{place}: {name} has no reference caption in {references.path}.")
        return
    alike = next((key for key in references.names if _same_digits(key, image)), None)
    if alike is None:
        raise DatasetError(f"{place}: no image of {references.path} has the id {shown}.")
    other = json.dumps(alike, ensure_ascii=False)
    how = f"one is {_kind(image)}, the other {_kind(alike)}"
    if _kind(image) == _kind(alike):
        how = "they are written differently"
    raise DatasetError(
        f"{place}: the image_id {shown} looks like the id {other} of {references.path}, but {how}."
    )


def _same_digits(first: ImageId, second: ImageId) -> bool:
    return str(first).strip().lstrip("0") == str(second).strip().lstrip("0")


def _kind(image: ImageId) -> str:
    return "a text" if isinstance(image, str) else "a number"
