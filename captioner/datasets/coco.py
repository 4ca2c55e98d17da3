"""COCO captions JSON (Chen et al. 2015): `images` with id and file_name, `annotations`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from captioner.datasets.records import Dataset, find_photos, join, photo_places
from captioner.errors import DatasetError


def read_coco(path: Path, images: Iterable[Path] | None = None, split: str = "train") -> Dataset:
    """Read one captions file; all its photos belong to `split`, as COCO keeps a file per split.

    images: folders or tar archives with the photos; found beside the file where not given.

    Raises DatasetError, naming the file and the entry, where it is missing or malformed.
    """
    captions = read_captions(path)
    splits = dict.fromkeys(captions, split)
    return join(captions, splits, find_photos(images or photo_places(path.parent)))


def read_captions(path: Path) -> dict[str, list[str]]:
    """Captions by photo file name, in the file's order; photos without a caption are left out.

    Raises DatasetError as `read_coco`.
    """
    content = _load(path)
    names: dict[Any, str] = {}
    for number, image in enumerate(_list(content, "images", path)):
        try:
            names[image["id"]] = Path(image["file_name"]).name
        except (KeyError, TypeError):
            raise DatasetError(f"{path}, images[{number}]: expected id and file_name.") from None
    captions: dict[str, list[str]] = {name: [] for name in names.values()}
    for number, annotation in enumerate(_list(content, "annotations", path)):
        try:
            name, caption = names[annotation["image_id"]], annotation["caption"]
            captions[name].append(caption.strip())
        except (KeyError, TypeError, AttributeError):
            raise DatasetError(
                f"{path}, annotations[{number}]: expected the image_id of a listed image and a "
                "caption."
            ) from None
    captions = {name: kept for name, texts in captions.items() if (kept := [t for t in texts if t])}
    if not captions:
        raise DatasetError(f"{path} holds no captions.")
    return captions


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing.") from None
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as UTF-8 text ({error}).") from None


def _list(content: Any, key: str, path: Path) -> list[Any]:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, list):
        raise DatasetError(f"{path} is not a COCO captions file: it has no list '{key}'.")
    return value
