"""COCO results JSON, the form in which captions are handed in to be scored (Chen et al. 2015).

[{"image_id": 42, "caption": "a dog runs on the grass"}, ...]
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from captioner.datasets.files import read_json
from captioner.datasets.layouts.coco import CocoCaptions, ImageId, is_image_id
from captioner.errors import DatasetError
from captioner.messages import Message


def read_coco_results(path: Path, references: CocoCaptions) -> dict[ImageId, str]:
    """One caption for each image that has references, by image id in the order of the results.

    An image goes by its id, or by its file name where that is no id. A caption may be empty.

    Raises DatasetError, naming the file and the entry, where it is missing or malformed, where an
    image is unknown, has no reference or comes twice, and where an image with references has no
    caption.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetError("{} is not in COCO results format: a list of captions.", path)
    captions: dict[ImageId, str] = {}
    ids = {name: image for image, name in references.names.items()}
    for number, row in enumerate(content):
        where = Message("{}, entry {}", path, number)
        image, caption = _image_and_caption(row, where)
        if image not in references.names:  # `captioner folder` knows photos by their names alone
            image = ids.get(str(image), image)
        _check_image(image, references, where)
        if image in captions:
            raise DatasetError(
                "{}, entry {}: a second caption for {}.", path, number, references.names[image]
            )
        captions[image] = caption
    missing = [i for i, texts in references.captions.items() if any(texts) and i not in captions]
    if missing:
        raise DatasetError(
            "{} has no caption for {} photos of {}, as {}.",
            path,
            len(missing),
            references.path,
            references.names[missing[0]],
        )
    return captions


def _image_and_caption(row: Any, where: Message) -> tuple[ImageId, str]:
    try:
        image, caption = row["image_id"], row["caption"].strip()
    except (KeyError, TypeError, AttributeError):
        image = caption = None
    if not is_image_id(image) or caption is None:
        raise DatasetError("{}: expected an image_id and a caption.", where)
    return image, caption


def _check_image(image: ImageId, references: CocoCaptions, where: Message) -> None:
    shown = json.dumps(image, ensure_ascii=False)
    if image in references.names:
        if not any(references.captions[image]):
            name = references.names[image]
            raise DatasetError(
                "{}: {} has no reference caption in {}.", where, name, references.path
            )
        return
    alike = next((key for key in references.names if _same_digits(key, image)), None)
    if alike is None:
        raise DatasetError("{}: no image of {} has the id {}.", where, references.path, shown)
    raise DatasetError(
        "{}: the image_id {} looks like the id {} of {}, but they are written differently.",
        where,
        shown,
        json.dumps(alike, ensure_ascii=False),
        references.path,
    )


def _same_digits(first: ImageId, second: ImageId) -> bool:
    return str(first).strip().lstrip("0") == str(second).strip().lstrip("0")
