"""All photos of a dataset, decoded once, as one array on disk that is read in place."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache as cached
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from captioner.datasets.records import Record
from captioner.errors import DatasetError, ImageError
from captioner.files import write_whole, writing
from captioner.images import Photo, to_pixels
from captioner.messages import Message, progress_bar, translate
from captioner.speed.cores import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_FEW = 256  # photos that are opened sooner than processes are started
_AT_ONCE = 16  # photos that a process gives back together
_AHEAD = 4  # times so many that it may be ahead


@dataclass(frozen=True)
class Photos:
    """records: those whose photo could be read. pixels: `uint8 [n, 3, S, S]`, in their order.

    unreadable: why, for each photo that was left out.
    """

    records: tuple[Record, ...]
    pixels: np.ndarray
    unreadable: tuple[Message, ...]
    key: str

    def subset(self, rows: Sequence[int]) -> Photos:
        """Some of the photos, whose pixels stay where they are."""
        digest = hashlib.sha256(f"{self.key}{rows}".encode()).hexdigest()
        pixels = cast(np.ndarray, _Rows(self.pixels, np.array(rows)))
        return Photos(tuple(self.records[row] for row in rows), pixels, (), digest[:16])


@dataclass(frozen=True)
class Undecoded:
    """Photos of which no array is kept: each is decoded when it is its turn.

    size: of the pixels `uint8 [3, size, size]`.
    """

    records: tuple[Record, ...]
    size: int
    unreadable: tuple[Message, ...] = ()  # nothing is known before they are read

    def subset(self, rows: Sequence[int]) -> Undecoded:
        """Some of the photos."""
        return Undecoded(tuple(self.records[row] for row in rows), self.size)

    @cached_property
    def archives(self) -> np.ndarray:
        """`[n]`: the number of the archive that each photo lies in; a file of its own has one."""
        numbers: dict[str, int] = {}
        paths = (record.photo.path for record in self.records)
        return np.array([numbers.setdefault(path, len(numbers)) for path in paths])

    @cached_property
    def places(self) -> np.ndarray:
        """`[n]`: how far in its archive each photo begins, in bytes."""
        members = (record.photo.member for record in self.records)
        return np.array([member.offset if member else 0 for member in members])

    def decoded(self, rows: Iterable[int], processes: int) -> Iterator[np.ndarray | ImageError]:
        """The pixels of photos in that order, decoded ahead by so many processes."""
        photos = [record.photo for record in self.records]
        return in_processes(partial(decode, size=self.size), photos, rows, processes)


@dataclass(frozen=True)
class _Rows:
    """Some rows of an array on disk, read when they are asked for."""

    array: np.ndarray
    rows: np.ndarray

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return self.array[self.rows[which]]


def decode_photos(records: Sequence[Record], size: int, cache: Path) -> Photos:
    """Decode every photo once, squashed to `size` × `size`, into a file below `cache`.

    The next call with the same photos and size reads the file. What was decoded is kept only when
    all was: an interrupted call leaves nothing that could be taken for whole.

    Raises DatasetError where not one photo can be read, or the cache cannot be written.
    """
    key, array, listing = cached_at(records, size, cache)
    if not (array.exists() and listing.exists()):
        with writing(cache, DatasetError):
            cache.mkdir(parents=True, exist_ok=True)
            _decode_into(records, size, array, listing)
    kept = json.loads(listing.read_text(encoding="utf-8"))
    # Earlier versions kept sentences.
    told = ([error] if isinstance(error, str) else error for error in kept["unreadable"])
    unreadable = tuple(map(Message.from_json, told))
    if not kept["rows"]:
        raise DatasetError("None of the {} photos can be read: {}", len(records), unreadable[0])
    pixels = np.load(array, mmap_mode="r")
    readable = tuple(records[row] for row in kept["rows"])
    return Photos(readable, pixels[: len(readable)], unreadable, key)


def cached_at(records: Sequence[Record], size: int, cache: Path) -> tuple[str, Path, Path]:
    """The key of these photos, and where their pixels and what is told of them lie once decoded."""
    key = _key(records, size)
    return key, cache / f"photos-{key}.npy", cache / f"photos-{key}.json"


def _decode_into(records: Sequence[Record], size: int, array: Path, listing: Path) -> None:
    part = array.with_suffix(".part")
    shape = (len(records), 3, size, size)
    pixels = new_array(part, np.uint8, shape)
    rows: list[int] = []
    unreadable: list[ImageError] = []
    progress = progress_bar(
        total=len(records),
        desc=translate("Decoding photos"),
        unit=translate("photo"),
    )

    photos = [(row, record.photo) for row, record in enumerate(records)]
    for row, error in enumerate(in_processes(partial(_decode_to, path=part, size=size), photos)):
        if error:
            unreadable.append(error)
        else:
            rows.append(row)
        progress.update()
    progress.close()
    for new, old in enumerate(rows):
        if new < old:  # behind one that cannot be read
            pixels[new] = pixels[old]
    pixels.flush()
    _opened.cache_clear()
    os.replace(part, array)
    told = [error.as_json() for error in unreadable]
    content = json.dumps({"rows": rows, "unreadable": told}).encode()
    write_whole(listing, [content], DatasetError)


def new_array(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> np.memmap:
    """An array in a new file, to be written in place, that the disk has room for.

    Raises OSError where it has not; without asking, the first page too many would kill the process.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        if hasattr(os, "posix_fallocate"):  # not on Windows and macOS
            with path.open("rb+") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return array


def _decode_to(numbered: tuple[int, Photo], path: Path, size: int) -> ImageError | None:
    """Put a photo's pixels into its row of the array in a file, or say why there are none.

    The file is memory that all processes share; a pipe takes longer than decoding.
    """
    row, photo = numbered
    pixels = decode(photo, size)
    if isinstance(pixels, ImageError):
        return pixels
    _opened(path)[row] = pixels
    return None


@lru_cache(1)
def _opened(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r+")


def decode(photo: Photo, size: int) -> np.ndarray | ImageError:
    """A photo's pixels `uint8 [3, size, size]`, or why there are none."""
    try:
        return to_pixels(photo.open(), size).numpy()
    except ImageError as error:
        return error


def in_processes(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    order: Iterable[int] | None = None,
    processes: int | None = None,
) -> Iterator[Result]:
    """`work` done on photos ahead, by a process for each core, in the photos' order or another.

    Not by threads: much of opening a photo holds Python's lock, and of sixteen cores one and a half
    were busy. Results go through pipes, as containers often have little shared memory, and should
    be small.

    order: which items, one after another; it may be made as it is read. processes: how many.

    Raises DatasetError where a process is ended from outside, as one is that needs too much memory.
    """
    few = order is None and len(items) < _FEW
    count = 0 if few else usable_cores() if processes is None else processes
    loader = DataLoader(
        _Worked(work, items),
        batch_size=_AT_ONCE,
        sampler=range(len(items)) if order is None else order,
        num_workers=count,
        prefetch_factor=_AHEAD if count else None,
        collate_fn=_as_they_are,
        generator=torch.Generator(),  # a draw from torch's own would change all that comes after
        # Started at once and with what is in memory; elsewhere that is not safe.
        multiprocessing_context="fork" if count and sys.platform == "linux" else None,
    )
    with watched_processes():
        for results in loader:
            yield from results


@contextmanager
def watched_processes() -> Iterator[None]:
    """Raise DatasetError where a process that opens photos is ended from outside.

    torch tells of that whatever is done at the time, so whoever uses results is to watch, too.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DatasetError(
            "A process that opened photos was ended from outside; was there too little memory?"
        ) from None


class _Worked(Dataset[Result], Generic[Item, Result]):
    """Items with work done on them, as torch's DataLoader asks for them."""

    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item]) -> None:
        self._work, self._items = work, items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, row: int) -> Result:
        return self._work(self._items[row])


def _as_they_are(results: list[Any]) -> list[Any]:
    return results


def _key(records: Sequence[Record], size: int) -> str:
    """Names, places and dates of the photos: another photo under the same name is seen."""
    digest = hashlib.sha256(f"{size}".encode())
    places: dict[str, tuple[str, int]] = {}
    folder = cached(os.path.realpath)
    for record in records:
        photo = record.photo
        if photo.path not in places:
            places[photo.path] = _place(photo.path, folder)
        path, changed = places[photo.path]
        inside = photo.member.name if photo.member else os.path.basename(photo.path)
        line = f"{path}\0{inside}\0{changed}\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _place(path: str, folder: Callable[[str], str]) -> tuple[str, int]:
    """Where a file really lies, and when it was changed, in nanoseconds; 0 where it is gone.

    folder: resolves a folder, once for all of its files, of which there may be a hundred thousand.
    """
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return os.path.realpath(path), os.stat(path).st_mtime_ns
    except OSError:
        return os.path.realpath(path), 0
    return os.path.join(folder(os.path.dirname(path)), os.path.basename(path)), status.st_mtime_ns
