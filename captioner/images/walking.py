"""Walking through folders: each once, whatever links lead to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from captioner.errors import FileError
from captioner.images.archives import is_archive
from captioner.images.names import SUFFIXES, is_hidden, natural, suffix
from captioner.messages import reason


class Folder(NamedTuple):
    """A folder, or an archive in one.

    name: its path below the root, "" for the root itself. path: its whole path. files: the names
    of the files in a folder, in natural order.
    """

    name: str
    path: str
    is_archive: bool = False
    files: tuple[str, ...] = ()

    def below(self, name: str) -> str:
        """The path below the root of what is called so here."""
        return f"{self.name}/{name}" if self.name else name

    def beside(self, name: str) -> str:
        """The whole path of what is called so here."""
        return os.path.join(self.path, name)


def walk(
    root: str,
    suffixes: Collection[str] | None = SUFFIXES,
    problem: Callable[[FileError], None] = lambda error: None,
    *,
    recursive: bool = True,
    is_wanted: Callable[[str], bool] = lambda name: True,
) -> Iterator[Folder]:
    """A folder and those below it, each with its files, and the archives in them.

    What is hidden is left out. A folder comes before what is in it, in natural order: photo2 before
    photo10. Links are followed, and no folder is walked twice: folders that are links come last, so
    that photos keep their real path.

    suffixes: of the files, in small letters; None for all files. problem: is told of each folder
    that cannot be read. recursive: whether to go into folders below. is_wanted: whether to go into
    a folder or archive, by its path below the root.
    """
    walked: set[tuple[int, int]] = set()
    waiting = [Folder("", root)]
    links: list[Folder] = []
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        if folder.is_archive:
            yield folder
            continue
        try:
            status = os.stat(folder.path)
            if (status.st_dev, status.st_ino) in walked:
                continue
            walked.add((status.st_dev, status.st_ino))
            listed = _list_folder(folder.path, suffixes)
        except (OSError, ValueError) as error:  # a null character in the path
            problem(FileError("{} cannot be read ({}).", folder.path, reason(error)))
            continue
        yield folder._replace(files=tuple(sorted(listed.files, key=natural)))
        inside = _inside(folder, listed.archives, is_wanted, is_archive=True)
        if recursive:
            inside += _inside(folder, listed.folders, is_wanted)
            links += _inside(folder, listed.links, is_wanted)
        waiting += sorted(inside, key=lambda found: natural(found.name), reverse=True)


class _Listed(NamedTuple):
    """The names in one folder; links: those of folders that are links."""

    files: list[str]
    archives: list[str]
    folders: list[str]
    links: list[str]


def _list_folder(path: str, suffixes: Collection[str] | None) -> _Listed:
    found = _Listed([], [], [], [])
    with os.scandir(path) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.is_symlink() and os.path.isdir(entry.path):
                found.links.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                found.folders.append(entry.name)
            elif is_archive(entry.name):
                found.archives.append(entry.name)
            elif suffixes is None or suffix(entry.name) in suffixes:
                found.files.append(entry.name)
    found.links.sort(key=natural)
    return found


def _inside(
    folder: Folder, names: list[str], is_wanted: Callable[[str], bool], is_archive: bool = False
) -> list[Folder]:
    there = (Folder(folder.below(name), folder.beside(name), is_archive) for name in names)
    return [found for found in there if is_wanted(found.name)]
