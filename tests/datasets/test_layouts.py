"""Every layout recognised by its looks, and read to the same photos and captions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from captioner.datasets import FORMATS, read_dataset, recognise
from captioner.errors import DatasetError
from captioner.images import Photo

CAPTIONS = {"1.jpg": ["A dog.", "Dogs."], "2.jpg": ["A cat."]}
PAIRS = [(name, text) for name, texts in CAPTIONS.items() for text in texts]


def lines(root: Path, name: str, *rows: str) -> Path:
    (root / name).write_text("".join(f"{row}\n" for row in rows))
    return root / name


def flickr8k(root: Path) -> Path:
    lines(root, "Flickr8k.token.txt", *(f"{name}#0\t{text}" for name, text in PAIRS))
    lines(root, "Flickr_8k.trainImages.txt", "1.jpg", "2.jpg")
    return root


def flickr30k(root: Path) -> Path:
    lines(root, "results_20130124.token", *(f"{name}#0\t{text}" for name, text in PAIRS))
    return root


def coco_cn(root: Path) -> Path:
    rows = (f"{Path(name).stem}#0\t{text}" for name, text in PAIRS)
    lines(root, "imageid.human-written-caption.txt", *rows)
    lines(root, "coco-cn_train.txt", "1", "2")
    return root


def coco(root: Path) -> Path:
    images = [{"id": number, "file_name": name} for number, name in enumerate(CAPTIONS)]
    ids = {image["file_name"]: image["id"] for image in images}
    annotations = [{"image_id": ids[name], "caption": text} for name, text in PAIRS]
    return lines(root, "captions.json", json.dumps({"images": images, "annotations": annotations}))


def karpathy(root: Path) -> Path:
    images = [
        {"filename": name, "split": "train", "sentences": [{"raw": text} for text in texts]}
        for name, texts in CAPTIONS.items()
    ]
    return lines(root, "dataset_ours.json", json.dumps({"images": images}))


def csv(root: Path) -> Path:
    return lines(root, "captions.txt", "image,caption", *(f"{n},{text}" for n, text in PAIRS))


def jsonl(root: Path) -> Path:
    rows = (json.dumps({"image": name, "caption": text}) for name, text in PAIRS)
    return lines(root, "captions.jsonl", *rows)


def json_list(root: Path) -> Path:
    rows = [{"image": name, "caption": texts} for name, texts in CAPTIONS.items()]
    return lines(root, "captions.json", json.dumps(rows))


def imagefolder(root: Path) -> Path:
    rows = (json.dumps({"file_name": name, "text": text}) for name, text in PAIRS)
    lines(root, "metadata.jsonl", *rows)
    return root


def sidecar(root: Path) -> Path:
    for name, texts in CAPTIONS.items():
        lines(root, f"{Path(name).stem}.txt", *texts)
    return root


LAYOUTS: list[tuple[str, Callable[[Path], Path]]] = [
    ("coco", coco), ("coco-cn", coco_cn), ("csv", csv), ("flickr30k", flickr30k),
    ("flickr8k", flickr8k), ("imagefolder", imagefolder), ("jsonl", jsonl), ("jsonl", json_list),
    ("karpathy", karpathy), ("sidecar", sidecar),
]  # fmt: skip


def test_every_format_is_here() -> None:
    """Shards hold photos and captions together, see test_webdataset.py."""
    assert {format for format, _ in LAYOUTS} | {"webdataset"} == set(FORMATS)


@pytest.mark.parametrize(("format", "build"), LAYOUTS, ids=lambda x: getattr(x, "__name__", x))
def test_every_layout_is_recognised_and_read(
    tmp_path: Path, format: str, build: Callable[[Path], Path]
) -> None:
    for name in CAPTIONS:
        (tmp_path / name).touch()
    path = build(tmp_path)
    assert recognise(path) == (format, path)
    assert recognise(tmp_path) == (format, path)
    for dataset in (read_dataset(tmp_path, val_share=0), read_dataset(path, format, val_share=0)):
        found = {r.name: (r.photo, list(r.captions), r.split) for r in dataset.records}
        assert found == {
            n: (Photo.at(tmp_path / n), texts, "train") for n, texts in CAPTIONS.items()
        }


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize(("format", "build"), LAYOUTS, ids=lambda x: getattr(x, "__name__", x))
def test_texts_as_windows_programs_encode_them_are_read(
    tmp_path: Path, format: str, build: Callable[[Path], Path], encoding: str
) -> None:
    """AUTOMATIC1111/stable-diffusion-webui#3657: byte 0xff in position 0 stops the training."""
    path = build(tmp_path)
    for file in tmp_path.iterdir():
        text = "\ufeff" * (encoding == "utf-16-be") + file.read_text()  # others add it themselves
        file.write_bytes(text.encode(encoding))
    for name in CAPTIONS:
        (tmp_path / name).touch()
    assert recognise(tmp_path) == (format, path)
    dataset = read_dataset(tmp_path, val_share=0)
    assert {r.name: list(r.captions) for r in dataset.records} == CAPTIONS


@pytest.mark.parametrize("build", [flickr8k, coco_cn, karpathy])
def test_a_split_for_a_dataset_that_says_its_own_is_refused(
    tmp_path: Path, build: Callable[[Path], Path]
) -> None:
    with pytest.raises(DatasetError, match="leave `split` out"):
        read_dataset(build(tmp_path), split="train")


def test_a_coco_file_goes_by_its_split_or_a_share(tmp_path: Path) -> None:
    for name in CAPTIONS:
        (tmp_path / name).touch()
    assert {r.split for r in read_dataset(coco(tmp_path), split="test").records} == {"test"}
    whole = read_dataset(coco(tmp_path), val_share=0.99).records
    assert {r.split for r in whole} == {"val"}


def test_a_file_of_a_known_folder_stands_for_the_folder(tmp_path: Path) -> None:
    flickr8k(tmp_path)
    assert recognise(tmp_path / "Flickr8k.token.txt") == ("flickr8k", tmp_path)


def test_several_caption_files_are_listed(tmp_path: Path) -> None:
    coco(tmp_path)
    jsonl(tmp_path)
    with pytest.raises(DatasetError, match=r"several .*captions\.json, captions\.jsonl"):
        recognise(tmp_path)


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no captions in a known format: coco, coco-cn"):
        recognise(tmp_path)
    with pytest.raises(DatasetError, match=r"none\.csv does not exist"):
        recognise(tmp_path / "none.csv")
    with pytest.raises(DatasetError, match=r"notes\.txt is in no known format"):
        recognise(lines(tmp_path, "notes.txt", "Nothing of the kind."))
    with pytest.raises(DatasetError, match="Format 'xml' is unknown; there is: coco"):
        read_dataset(tmp_path, "xml")


def test_a_damaged_file_is_still_read_by_its_suffix_and_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"captions\.json, line 2: not valid JSON"):
        read_dataset(lines(tmp_path, "captions.json", "{"))
    with pytest.raises(DatasetError, match=r"captions\.csv, line 1: expected the columns"):
        read_dataset(lines(tmp_path, "captions.csv", "a,b", "c,d"))
