"""Which photos a collection holds: a folder, an archive, or a list, always in the same order."""

from __future__ import annotations

import codecs
import copy
import fnmatch
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from captioner.captions import twins
from captioner.errors import FolderError, OptionError
from captioner.files import MB, check_file, encoding_of, raising, read_bytes
from captioner.images import Photo
from captioner.images.archives import is_archive, list_archive
from captioner.images.names import is_photo, is_web_address
from captioner.images.walking import Folder, walk
from captioner.messages import Message

STANDARD_INPUT = "-"
_LONGEST_LIST = 4000 * MB  # room for tens of millions of paths

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

    path: a folder, a zip or tar archive, a file that lists photos one a line, or "-" for such a
    list on standard input. recursive: whether to go into folders below. include, exclude: patterns
    such as "*.png" or "holidays/*", of which one must match a photo's name or path, or none the
    photo's or that of a folder above it; capitals do not matter. shard: only this part. archives:
    whether to look into zip and tar archives.
    """

    path: str
    recursive: bool = True
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    shard: Shard | None = None
    archives: bool = True


class Scan:
    """The photos of a source; each pass over it looks again.

    They come as `captioner.images.walking.walk` finds them.

    Raises FolderError where it does not exist. `problem` is called with a message for each
    folder or archive inside it that cannot be read; the rest goes on.
    """

    def __init__(self, source: Source, problem: Problem = lambda message: None) -> None:
        self.source = source
        self._problem = problem
        self._included, self._excluded = Patterns(source.include), Patterns(source.exclude)
        self._list: list[str] | None = None
        if source.path == STANDARD_INPUT:
            self._list = _names(sys.stdin.buffer.read())
        elif not os.path.isdir(source.path) and not is_archive(source.path):
            self._list = _names(_read_list(source.path))
        elif not os.path.exists(source.path):
            raise FolderError("{} does not exist.", source.path)
        elif not os.path.isdir(source.path):
            with raising(FolderError):
                check_file(Path(source.path))

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The patterns that nothing has matched so far."""
        return (*self._included.unmatched, *self._excluded.unmatched)

    def silently(self) -> Scan:
        """The same scan with nobody to tell of problems."""
        again = copy.copy(self)
        again._problem = lambda message: None
        return again

    def __iter__(self) -> Iterator[Photo]:
        shard = self.source.shard
        return (photo for photo in self._all() if shard is None or photo.name in shard)

    def _all(self) -> Iterator[Photo]:
        path = self.source.path
        if self._list is not None:
            return self._listed(self._list)
        if os.path.isdir(path):
            return self._walk(path)
        return self._archived("", path)

    def _walk(self, root: str) -> Iterator[Photo]:
        folders = walk(
            root,
            problem=self._problem,
            recursive=self.source.recursive,
            is_wanted=lambda name: not self._is_excluded(name),
        )
        for folder in folders:
            if folder.is_archive:
                yield from self._archived(folder.name, folder.path)
                continue
            doubtful = twins(folder.files)  # of those that are not wanted, too
            for name in folder.files:
                if self._wants(folder.below(name)):
                    yield Photo(folder.below(name), folder.beside(name), None, name in doubtful)

    def _archived(self, name: str, path: str) -> Iterator[Photo]:
        """The photos in an archive that the output calls `name`; "" where it is the collection."""
        listing = list_archive(path)
        if listing.error:  # what stands before the damage is good
            if not (name or listing.members):
                raise FolderError.of(listing.error)
            self._problem(listing.error)
        if listing.members and not self.source.archives:
            refusal = FolderError("Nothing can be written beside the photos inside {}.", path)
            if not name:
                raise refusal
            self._problem(refusal)
            return
        archive = Folder(name, path, is_archive=True)
        doubtful = twins(listing.members)
        for inside, member in listing.members.items():
            if self._wants(archive.below(inside)):
                yield Photo(archive.below(inside), path, member, inside in doubtful)

    def _listed(self, names: list[str]) -> Iterator[Photo]:
        """A list names its photos itself, whatever their suffix."""
        doubtful = twins(names)
        for path in names:
            name = path.replace(os.sep, "/")
            if is_archive(path):
                yield from self._archived(name, path)
            elif self._wants(name):
                yield Photo(name, path, None, path in doubtful)

    def _wants(self, name: str) -> bool:
        is_excluded = self._is_excluded(name)  # always asked, as it notes what has matched
        return (not self.source.include or self._included.match(name)) and not is_excluded

    def _is_excluded(self, name: str) -> bool:
        parts = name.split("/") if self.source.exclude else []
        paths = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
        return any(self._excluded.match(path) for path in paths)


class Patterns:
    """Patterns of names and paths, and which of them have matched anything."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._compiled = {
            pattern: re.compile(fnmatch.translate(pattern.rstrip("/")), re.IGNORECASE)
            for pattern in patterns
        }
        self._matched: set[str] = set()

    @property
    def unmatched(self) -> list[str]:
        """Those that nothing has matched so far."""
        return [pattern for pattern in self._compiled if pattern not in self._matched]

    def match(self, path: str) -> bool:
        """Whether a path, or its last name alone, matches one of them."""
        name = path.rpartition("/")[2]
        found = {p for p, rule in self._compiled.items() if rule.match(path) or rule.match(name)}
        self._matched |= found
        return bool(found)


def _read_list(path: str) -> bytes:
    if is_photo(path) and os.path.exists(path):
        raise FolderError("{} is one photo: `captioner caption` is for that.", path)
    if not os.path.lexists(path):
        if is_web_address(path):
            raise FolderError(
                "{} is a web address: nothing is fetched, so download the photos first.", path
            )
        raise FolderError("{} does not exist.", path)
    with raising(FolderError):
        return read_bytes(Path(path), most=_LONGEST_LIST)


def _names(content: bytes) -> list[str]:
    """The names of a list, one a line, or ended by null characters as `find -print0` does;
    in UTF-16 where it begins so, as PowerShell's lists do."""
    if encoding_of(content) == "utf-16":
        content = content.decode("utf-16", "replace").encode()
    if b"\0" in content:
        lines = content.split(b"\0")
    else:
        content = content.removeprefix(codecs.BOM_UTF8)
        lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return list(dict.fromkeys(os.fsdecode(line) for line in lines if line.strip()))
