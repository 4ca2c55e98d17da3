"""All photos of a dataset, decoded once, as one array on disk that is read in place."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache as cached
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch

from captioner.datasets.processes import in_processes
from captioner.datasets.records import Record
from captioner.errors import DatasetError, ImageError
from captioner.files import write_whole, writing
from captioner.images import Photo, to_pixels
from captioner.messages import Message, progress_bar, translate

Item = TypeVar("Item")
Result = TypeVar("Result")


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
        return _decoded(partial(decode, size=self.size), photos, rows, processes)


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
    for row, error in enumerate(_decoded(partial(_decode_to, path=part, size=size), photos)):
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


def _decoded(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    order: Iterable[int] | None = None,
    processes: int | None = None,
) -> Iterator[Result]:
    """`in_processes`, each of which has one thread."""
    return in_processes(work, items, order, processes, partial(torch.set_num_threads, 1))


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
