"""Which photos a collection holds: a folder, an archive, or a list, always in the same order."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from captioner.datasets.finding import PHOTO_SUFFIXES
from captioner.errors import FolderError, OptionError
from captioner.files import check_file, raising
from captioner.folder.archives import Member, is_archive, members
from captioner.folder.photos import Photo
from captioner.messages import Message, reason

SUFFIXES = PHOTO_SUFFIXES | frozenset(
    (".jpe", ".jfif", ".heic", ".heif", ".hif", ".jp2", ".ppm", ".pgm", ".pnm", ".qoi")
)
STANDARD_INPUT = "-"

Problem = Callable[[Message], None]


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a collection, counted from 1.

    A photo's name decides which part it is in, so that it stays there when others are added.
    """

    number: int
    count: int

    def __contains__(self, name: str) -> bool:
        digest = hashlib.blake2b(os.fsencode(name), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """The shard that a text such as "3/16" means. Raises OptionError where it means none."""
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    shard = Shard(*map(int, found.groups())) if found else None
    if not shard or not 1 <= shard.number <= shard.count:
        raise OptionError("A shard is written as 3/16, from 1/16 to 16/16, not '{}'.", text)
    return shard


@dataclass(frozen=True)
class Source:
    """Where photos come from.

    place: a folder, a zip or tar archive, a file that lists photos one a line, or "-" for such a
    list on standard input. recursive: whether to go into folders below. include, exclude: patterns
    such as "*.png" or "holidays/*", of which one must match a photo's name or path, or none the
    photo's or that of a folder above it; capitals do not matter. shard: only this part. archives:
    whether to look into zip and tar archives.
    """

    place: str
    recursive: bool = True
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    shard: Shard | None = None
    archives: bool = True


class Scan:
    """The photos of a source; each pass over it looks again.

    Files are taken by their suffix; hidden ones are left out. A folder's files come before the
    folders in it, both in natural order: photo2 before photo10. Links are followed, and no folder
    is walked twice: folders that are links come last, so that photos keep their real path.

    Raises FolderError where there is no such place. `problem` is called with a message for each
    folder or archive inside it that cannot be read; the rest goes on.
    """

    def __init__(self, source: Source, problem: Problem = lambda message: None) -> None:
        self.source = source
        self._problem = problem
        self._included = _pattern(source.include) if source.include else None
        self._excluded = _pattern(source.exclude) if source.exclude else None
        self._list: list[str] | None = None
        if source.place == STANDARD_INPUT:
            self._list = _names(sys.stdin.buffer.read())
        elif not os.path.isdir(source.place) and not is_archive(source.place):
            self._list = _names(_read_list(source.place))
        elif not os.path.exists(source.place):
            raise FolderError("{} does not exist.", source.place)
        elif not os.path.isdir(source.place):
            with raising(FolderError):
                check_file(Path(source.place))

    def silently(self) -> Scan:
        """The same scan with nobody to tell of problems."""
        again = object.__new__(Scan)
        again.__dict__.update(self.__dict__, _problem=lambda message: None)
        return again

    def __iter__(self) -> Iterator[Photo]:
        shard = self.source.shard
        return (photo for photo in self._all() if shard is None or photo.name in shard)

    def _all(self) -> Iterator[Photo]:
        place = self.source.place
        if self._list is not None:
            return self._listed(self._list)
        if os.path.isdir(place):
            return self._walk(place)
        return self._archived("", place)

    def _walk(self, root: str) -> Iterator[Photo]:
        walked: set[tuple[int, int]] = set()
        waiting = [_Place("", root, False)]
        links: list[_Place] = []
        while waiting or links:
            place = waiting.pop() if waiting else links.pop(0)
            if place.is_archive:
                yield from self._archived(place.name, place.path)
                continue
            folder = self._open_folder(place, walked)
            yield from self._photos(place, folder.files)
            inside = [_Place(place.below(n), place.beside(n), True) for n in folder.archives]
            if self.source.recursive:
                inside += [_Place(place.below(n), place.beside(n), False) for n in folder.folders]
                linked = (_Place(place.below(n), place.beside(n), False) for n in folder.links)
                links += (link for link in linked if not self._is_excluded(link.name))
            inside = [found for found in inside if not self._is_excluded(found.name)]
            waiting += sorted(inside, key=lambda found: natural(found.name), reverse=True)

    def _open_folder(self, place: _Place, walked: set[tuple[int, int]]) -> _Folder:
        try:
            status = os.stat(place.path)
            if (status.st_dev, status.st_ino) in walked:
                return _Folder([], [], [], [])
            walked.add((status.st_dev, status.st_ino))
            return _list_folder(place.path)
        except OSError as error:
            self._problem(Message("{} cannot be read ({}).", place.path, reason(error)))
            return _Folder([], [], [], [])

    def _photos(self, place: _Place, files: list[str]) -> Iterator[Photo]:
        wanted = [name for name in files if self._wants(place.below(name))]
        twins = _twins(wanted)
        for name in sorted(wanted, key=natural):
            yield Photo(place.below(name), place.beside(name), None, _stem(name) in twins)

    def _archived(self, name: str, path: str) -> Iterator[Photo]:
        """The photos in an archive that the output calls `name`; "" where it is the collection."""
        found: dict[str, Member] = {}
        try:
            for member in members(path):
                if _is_photo(member.name) and not _is_hidden(member.name):
                    found[_normal(member.name)] = member
        except FolderError as error:  # what stands before the damage is good
            if not (name or found):
                raise
            self._problem(error)
        if found and not self.source.archives:
            refusal = FolderError("Nothing can be written beside the photos inside {}.", path)
            if not name:
                raise refusal
            self._problem(refusal)
            return
        place = _Place(name, path, True)
        wanted = [inside for inside in found if self._wants(place.below(inside))]
        twins = _twins(wanted)
        for inside in sorted(wanted, key=natural):
            yield Photo(place.below(inside), path, found[inside], _stem(inside) in twins)

    def _listed(self, names: list[str]) -> Iterator[Photo]:
        """A list names its photos itself, whatever their suffix."""
        twins = _twins(names)
        for path in names:
            name = path.replace(os.sep, "/")
            if is_archive(path):
                yield from self._archived(name, path)
            elif not self._is_excluded(name) and self._is_included(name):
                yield Photo(name, path, None, _stem(path) in twins)

    def _wants(self, name: str) -> bool:
        return self._is_included(name) and not self._is_excluded(name)

    def _is_included(self, name: str) -> bool:
        return self._included is None or _matches(self._included, name)

    def _is_excluded(self, name: str) -> bool:
        if self._excluded is None:
            return False
        parts = name.split("/")
        paths = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
        return any(_matches(self._excluded, path) for path in paths)


def natural(name: str) -> str:
    """What sorts names as people do: numbers by their value, capitals beside small letters.

    One text, not a list of parts, as a folder can hold a million names. The name itself comes last,
    so that no two names are equal.
    """
    numbered = re.sub(r"[0-9]+", _by_value, name.casefold())
    return f"{numbered}\0{name}"


def _by_value(digits: re.Match[str]) -> str:
    value = digits[0].lstrip("0")
    return f"0{len(value):05}{value}"


class _Place(NamedTuple):
    """A folder or archive that waits to be looked into, under its name in the output."""

    name: str
    path: str
    is_archive: bool

    def below(self, name: str) -> str:
        return f"{self.name}/{name}" if self.name else name

    def beside(self, name: str) -> str:
        return os.path.join(self.path, name)


class _Folder(NamedTuple):
    """The names in one folder; links: those of folders that are links."""

    files: list[str]
    archives: list[str]
    folders: list[str]
    links: list[str]


def _list_folder(path: str) -> _Folder:
    found = _Folder([], [], [], [])
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and os.path.isdir(entry.path):
                found.links.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                found.folders.append(entry.name)
            elif _is_photo(entry.name):
                found.files.append(entry.name)
            elif is_archive(entry.name):
                found.archives.append(entry.name)
    found.links.sort(key=natural)
    return found


def _is_photo(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _is_hidden(path: str) -> bool:
    """Whether a file in an archive is what some program left behind, such as `._photo.jpg`."""
    parts = path.replace("\\", "/").split("/")
    return "__MACOSX" in parts or any(p.startswith(".") and p not in (".", "..") for p in parts)


def _normal(path: str) -> str:
    """A path inside an archive with forward slashes, and nothing that leads out of the archive."""
    parts = path.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def _stem(path: str) -> str:
    return os.path.splitext(path)[0]


def _twins(paths: Iterable[str]) -> set[str]:
    """The paths without suffix that more than one photo has."""
    seen: set[str] = set()
    twice: set[str] = set()
    for path in paths:
        stem = _stem(path)
        (twice if stem in seen else seen).add(stem)
    return twice


def _pattern(patterns: Iterable[str]) -> re.Pattern[str]:
    alternatives = (fnmatch.translate(pattern.rstrip("/")) for pattern in patterns)
    return re.compile("|".join(alternatives), re.IGNORECASE)


def _matches(pattern: re.Pattern[str], path: str) -> bool:
    return bool(pattern.match(path) or pattern.match(path.rpartition("/")[2]))


def _read_list(place: str) -> bytes:
    if os.path.splitext(place)[1].lower() in SUFFIXES and os.path.exists(place):
        raise FolderError("{} is one photo: `captioner caption` is for that.", place)
    try:
        if not stat.S_ISREG(os.stat(place).st_mode):  # it might never end
            raise FolderError("{} is not an ordinary file.", place)
        with open(place, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise FolderError("{} does not exist.", place) from None
    except OSError as error:
        raise FolderError("{} cannot be read ({}).", place, reason(error)) from None


def _names(content: bytes) -> list[str]:
    """The names of a list, one a line, or ended by null characters as `find -print0` does."""
    if b"\0" in content:
        lines = content.split(b"\0")
    else:
        content = content.removeprefix(b"\xef\xbb\xbf")
        lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return list(dict.fromkeys(os.fsdecode(line) for line in lines if line.strip()))
