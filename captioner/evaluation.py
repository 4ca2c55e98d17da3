"""Scoring a model on a split of a dataset, or anybody's captions."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from tqdm import tqdm

from captioner.datasets import Dataset, open_photo, read_captions, read_coco, read_flickr8k
from captioner.errors import CaptionerError, DatasetError, ImageError
from captioner.metrics import Scores, score
from captioner.pipeline import Captioner
from captioner.text import tokenizer

log = logging.getLogger(__name__)


def evaluate_model(
    captioner: Captioner, data: Path, split: str, save: Path | None = None, **options: Any
) -> Scores:
    """Caption a split and score the captions against the references.

    data: a Flickr8k folder or a COCO captions file. save: where to keep the captions, as JSON
    Lines of `image` and `caption`. options: of the search, as for `Captioner.caption`.

    Photos that cannot be read are named and left out. Raises DatasetError where nothing is left.
    """
    records = _read(data, split).split(split).records
    if not records:
        raise DatasetError(f"{data} has no photo in its {split} split.")
    photos = tqdm((record.photo for record in records), total=len(records), unit="photo")
    results = [result for _, result in captioner.caption_each(photos, opener=open_photo, **options)]
    rows = []
    for record, result in zip(records, results, strict=True):
        if isinstance(result, ImageError):
            log.warning("%s", result)
        else:
            rows.append((record, result.text))
    if not rows:
        raise DatasetError(f"None of the {len(records)} photos of {data} can be read.")
    if save:
        _save(save, [{"image": record.name, "caption": text} for record, text in rows])
    tokenize = tokenizer(captioner.language).tokenize
    return score([text for _, text in rows], [record.captions for record, _ in rows], tokenize)


def score_results(results: Path, references: Path, language: str = "en") -> Scores:
    """Score captions in COCO results format against references in COCO captions format.

    Raises DatasetError where a file is malformed, or a caption or a reference is alone.
    """
    names = _file_names(references)
    groups = read_captions(references)
    captions: dict[str, str] = {}
    for number, row in enumerate(_load_list(results)):
        try:
            name, caption = names[row["image_id"]], str(row["caption"])
        except (KeyError, TypeError):
            raise DatasetError(
                f"{results}, entry {number}: expected the image_id of an image of {references} "
                "and a caption."
            ) from None
        if name in captions:
            raise DatasetError(f"{results}, entry {number}: a second caption for {name}.")
        captions[name] = caption
    missing = [name for name in groups if name not in captions]
    if missing:
        raise DatasetError(f"{results} has no caption for {len(missing)} photos, as {missing[0]}.")
    return score(
        list(captions.values()), [groups[n] for n in captions], tokenizer(language).tokenize
    )


def _read(data: Path, split: str) -> Dataset:
    dataset = read_flickr8k(data) if data.is_dir() else read_coco(data, split=split)
    if dataset.missing:
        shown = ", ".join(dataset.missing[:3])
        log.warning("%d photos are missing and left out, as %s.", len(dataset.missing), shown)
    return dataset


def _save(path: Path, rows: list[dict[str, str]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise CaptionerError(f"{path} cannot be written ({error.strerror}).") from None


def _file_names(references: Path) -> dict[Any, str]:
    content = _load(references)
    try:
        return {image["id"]: Path(image["file_name"]).name for image in content["images"]}
    except (KeyError, TypeError):
        raise DatasetError(f"{references} is not a COCO captions file.") from None


def _load_list(path: Path) -> list[Any]:
    content = _load(path)
    if not isinstance(content, list):
        raise DatasetError(f"{path} is not in COCO results format: a list of captions.")
    return content


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetError(f"{path} is not a readable JSON file ({error}).") from None
