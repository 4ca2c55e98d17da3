"""The layouts that caption datasets come in: a module for each, which describes it as a `Layout`.

A new layout is a new module here; nothing else lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from captioner.datasets.finding import PhotoIndex, find_photos, images_below
from captioner.datasets.records import Dataset
from captioner.datasets.splits import VAL_SHARE, share_out


@dataclass(frozen=True)
class Options:
    """What a reader may be told; see `read_dataset`."""

    images: tuple[Path, ...] = ()
    split: str = ""
    val_share: float = VAL_SHARE
    language: str = "en"
    skip: bool = False

    def photos(self, folder: Path) -> PhotoIndex:
        """The photos of the dataset, in that folder where nothing else is said."""
        return find_photos(self.images or images_below(folder), folder)

    def splits(self, names: Iterable[str]) -> dict[str, str]:
        """A split for each photo of a dataset that says none, see `share_out`."""
        return share_out(names, self.split, self.val_share)


@dataclass(frozen=True)
class Layout:
    """How a dataset is read, and what it is recognised by.

    name: what a recipe calls it. read: of its folder, or of its captions file; raises DatasetError,
    naming file and line, where something is missing or malformed. files: names of files, each of
    which tells that a folder is of this layout. suffixes: of its captions file, where that may have
    any name. is_file: whether a file is one, by its suffix and how it begins. is_folder: whether a
    folder is of this layout, by more than such a file. is_last: whether a folder is taken for it
    only where it fits no other layout. says_splits: whether it always says each photo's split.
    """

    name: str
    read: Callable[[Path, Options], Dataset]
    files: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    is_file: Callable[[str, str], bool] = lambda suffix, head: False
    is_folder: Callable[[Path], bool] = lambda folder: False
    is_last: bool = False
    says_splits: bool = False


def _all() -> Iterator[Layout]:
    for found in iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        yield from (value for value in vars(module).values() if isinstance(value, Layout))


LAYOUTS = {layout.name: layout for layout in sorted(_all(), key=lambda layout: layout.name)}
