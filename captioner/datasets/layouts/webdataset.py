"""WebDataset's shards: tar archives with 17.jpg and, beside it, 17.txt, 17.caption or 17.json.

A sample's key is its path up to the first dot of the file's name, as WebDataset has it.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from captioner.datasets.files import decode
from captioner.datasets.layouts import Layout, Options
from captioner.datasets.layouts.tables import captions_in
from captioner.datasets.records import Dataset, Record
from captioner.datasets.splits import split_called
from captioner.errors import DatasetError, ImageError
from captioner.files import parse_json, raising
from captioner.images import Photo
from captioner.images.archives import Member, members, read_member
from captioner.images.names import SUFFIXES, is_hidden, natural
from captioner.images.walking import walk

_TEXTS = ("txt", "caption", "json")  # the first one counts


def read_webdataset(path: Path, options: Options) -> Dataset:
    """Read one shard, or all below a folder; photos lie in a dataset as they lie in its shards.

    A shard called train, val or test, as in train-000017.tar, is of that split. A caption without a
    photo counts as a missing photo, and photos without a caption are left out.
    """
    shards = [shard for place in options.images or (path,) for shard in _shards(place)]
    if not shards:
        raise DatasetError("{} holds no tar archive.", path)
    samples = [
        (f"{shard.stem}/{key}", shard, files)
        for shard in shards
        for key, files in _samples(shard).items()
    ]
    stated = {shard: split for shard in shards if (split := _split(shard))}
    if options.split and stated:
        raise DatasetError("{} says each photo's split itself: leave `split` out.", path)
    shared = options.splits(name for name, shard, _ in samples if shard not in stated)
    records: list[Record] = []
    missing: list[str] = []
    empty: list[str] = []
    for name, shard, files in samples:
        found = [text.strip() for text in _captions(shard, files, options.skip)]
        texts = tuple(text for text in found if text)
        photo = next((files[kind] for kind in files if f".{kind}" in SUFFIXES), None)
        if texts and photo:
            member = Photo(f"{shard.name}/{photo.name}", str(shard), photo)
            split = stated.get(shard) or shared[name]
            records.append(Record(member, texts, split, name))
        if found and not photo:
            missing.append(name)
        empty += [name] * found.count("")
    if not (records or missing):
        raise DatasetError("{} holds no captions.", path)
    return Dataset(tuple(records), tuple(missing), tuple(empty))


def _shards(path: Path) -> list[Path]:
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        raise DatasetError("There is no photo folder or archive {}.", path)
    found = (Path(folder.path) for folder in walk(str(path), ()) if folder.is_archive)
    tars = [archive for archive in found if archive.suffix.lower() == ".tar"]
    return sorted(tars, key=lambda archive: natural(str(archive)))


def _samples(shard: Path) -> dict[str, dict[str, Member]]:
    """The files of each key, by their ending, in the shard's order."""
    found: dict[str, dict[str, Member]] = defaultdict(dict)
    with raising(DatasetError):
        for member in members(str(shard)):
            name = PurePosixPath(member.name)
            stem, _, ending = name.name.partition(".")
            if not is_hidden(member.name):
                found[str(name.with_name(stem or name.name))][ending.lower()] = member
    return found


def _captions(shard: Path, files: dict[str, Member], skip: bool) -> Iterator[str]:
    """A line each of a text; a blank text is an empty caption."""
    kind = next((kind for kind in _TEXTS if kind in files), None)
    if kind is None:
        return
    called = f"{shard}/{files[kind].name}"
    try:
        text = decode(read_member(str(shard), files[kind], called), called)
    except ImageError as error:
        raise DatasetError.of(error) from None
    if kind != "json":
        yield from [line for line in text.splitlines() if line.strip()] or [""]
        return
    with raising(DatasetError):
        raw = parse_json(text, called)
    if isinstance(raw, dict):
        lowered = {key.strip().lower(): value for key, value in raw.items()}
        yield from captions_in(lowered, called, skip)


def _split(shard: Path) -> str | None:
    return split_called(re.split("[^a-zA-Z]", shard.stem)[0])


def _is_shards(folder: Path) -> bool:
    """Whether the first shard of a folder begins with a photo and its JSON, which only WebDataset
    has; photos with texts alone are read as such."""
    shards = _shards(folder)[:1]
    return any("json" in files and len(files) > 1 for s in shards for files in _samples(s).values())


WEBDATASET = Layout(
    "webdataset",
    read_webdataset,
    suffixes=(".tar",),
    is_folder=_is_shards,
    is_last=True,
)
