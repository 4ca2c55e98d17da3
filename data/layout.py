"""What the scripts beside this one share: laying out what a person has downloaded.

Nothing is downloaded, and nothing copied that a link will do for: files and folders are linked, so
are archives whose photos can be read in place (tar, and zip without compression), and only what
lies compressed in an archive is unpacked.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from captioner.datasets import read_dataset
from captioner.datasets.finding import images_below
from captioner.errors import CaptionerError, DatasetError
from captioner.images.archives import is_archive, list_archive, stream_archive
from captioner.images.walking import walk
from captioner.messages import reason

ROOT = Path(__file__).parent  # a recipe's data.root, where none is given


@dataclass(frozen=True)
class Download:
    """A downloaded file: `path` inside `source`, a folder or archive."""

    source: Path
    path: PurePosixPath

    @property
    def is_packed(self) -> bool:
        """Whether it lies in an archive."""
        return self.source.is_file()


class Layout:
    """A dataset's folder in the making, and what there is to say about it."""

    def __init__(self, sources: Sequence[Path], target: Path) -> None:
        self.target = target
        self.remarks: list[str] = []
        self._in_recipe: list[str] = []
        self._downloads = [download for source in sources for download in _look_into(source)]

    def put(self, name: str, below: str = "", origin: str = "") -> Path | None:
        """Lay out the file of that name, where there is one.

        origin: where it comes from, to be remarked on where it is missing.
        """
        out = self.target / below / name
        found = [d for d in self._downloads if d.path.name == name]
        if found and not out.exists():
            first = min(found, key=lambda d: len(d.path.parts))
            if first.is_packed:
                _unpack(first.source, {first.path: out})
            else:
                _link(first.source / first.path, out)
        if not out.exists():
            if origin:
                self.remarks.append(f"{name} is missing; it comes with {origin}.")
            return None
        return out

    def put_photos(self, names: Collection[str]) -> list[str]:
        """Lay out the folders and archives with photos of these names; where they are then.

        They are relative to the target; there are none where nothing was downloaded.
        """
        wanted = {PurePosixPath(name).name for name in names}
        photos = [d for d in self._downloads if d.path.name in wanted]
        images: list[str] = []
        for archive in dict.fromkeys(d.source for d in photos if d.is_packed):
            if _is_read_in_place(archive):
                images.append(self._put_link(archive))
            else:
                inside = [d.path for d in photos if d.source == archive]
                images += self._put_unpacked(archive, inside)
        folders = dict.fromkeys(d.source / d.path.parent for d in photos if not d.is_packed)
        return images + [self._put_link(folder) for folder in folders]

    def _put_link(self, path: Path) -> str:
        inside = Path(os.path.relpath(path.resolve(), self.target.resolve()))
        if inside.parts[:1] != ("..",):  # it was downloaded to where it is to lie
            return inside.as_posix()
        _link(path, self.target / path.name)
        return path.name

    def _put_unpacked(self, archive: Path, photos: Sequence[PurePosixPath]) -> list[str]:
        folders = {path: path.parent.name.strip(".") or "photos" for path in photos}
        _unpack(archive, {p: self.target / folder / p.name for p, folder in folders.items()})
        return sorted(set(folders.values()))

    def expect(self, what: str, found: int, published: int) -> None:
        """Remark on a number that is not the published one."""
        if found != published:
            self.remarks.append(f"There are {found:,} {what} instead of {published:,}.")

    def add(
        self,
        path: Path,
        format: str,
        images: Sequence[str] = (),
        split: str = "",
        language: str = "en",
    ) -> None:
        """Read a source as a recipe would, remark on what is missing, and keep the recipe's lines.

        images: folders and archives, relative to the target; all that is below it where there are
        none. The rest is as for `read_dataset`.
        """
        found = self._images(path, images)
        dataset = read_dataset(path, format, found or None, split=split, language=language)
        if dataset.missing:
            total = len(dataset.records) + len(dataset.missing)
            self.remarks.append(
                f"{len(dataset.missing):,} of the {total:,} photos of {path.name} are missing, as "
                f"{dataset.missing[0]}."
            )
        lines = [f'[data]\nlanguage = "{language}"\n'] if language != "en" else []
        lines += ["[[data.sources]]", f'format = "{format}"', f"path = {_in_recipe(path)}"]
        if found:
            lines.append(f"images = [{', '.join(map(_in_recipe, found))}]")
        if split:
            lines.append(f'split = "{split}"')
        self._in_recipe.append("\n".join(lines) + "\n")

    def _images(self, path: Path, images: Sequence[str]) -> list[Path]:
        """What a recipe must name as `images`: nothing where a reader looks there by itself."""
        archives = (p for p in sorted(self.target.glob("*.*")) if p.suffix in (".tar", ".zip"))
        laid_out = [self.target, *filter(_is_read_in_place, archives)]
        found = [self.target / image for image in images] or laid_out
        by_itself = images_below(path)
        if by_itself == [self.target] and all(path.is_dir() for path in found):
            return []
        return [] if by_itself == sorted(found) else found

    def finish(self) -> int:
        """Print the recipe's lines, and the remarks to standard error; returns the exit code."""
        print("\n".join(self._in_recipe), end="")
        for remark in self.remarks:
            print(remark, file=sys.stderr)
        if not self.remarks:
            print(f"{self.target} is complete.", file=sys.stderr)
        return 1 if self.remarks else 0


def run(lay_out: Callable[[Layout], None], about: str) -> int:
    """Do as the command line says; returns the exit code.

    0: complete; 1: something is missing or unexpected; 2: a wrong call.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("downloads", nargs="+", type=Path, help="downloaded folders or archives")
    parser.add_argument("target", type=Path, help="the folder to lay out, such as data/NAME")
    options = parser.parse_args()
    for source in options.downloads:
        if not source.exists():
            parser.error(f"{source} does not exist")
    try:
        layout = Layout(options.downloads, options.target)
    except CaptionerError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        lay_out(layout)
    except CaptionerError as error:
        layout.remarks.append(str(error))
    return layout.finish()


def _look_into(source: Path) -> Iterator[Download]:
    """The files of a folder or archive, and of the archives in a folder; or the one file."""
    if source.is_dir():
        for found in walk(str(source), suffixes=None):
            if found.is_archive:
                yield from _look_into(Path(found.path))
            yield from (Download(source, PurePosixPath(found.below(name))) for name in found.files)
    elif is_archive(source.name):
        yield from (Download(source, PurePosixPath(f.name)) for f in stream_archive(str(source)))
    else:
        yield Download(source.parent, PurePosixPath(source.name))


def _is_read_in_place(archive: Path) -> bool:
    listing = list_archive(str(archive))
    return listing.is_stored and not listing.error


def _unpack(archive: Path, outs: Mapping[PurePosixPath, Path]) -> None:
    """Unpack files of an archive to new paths; those that are there already stay."""
    title = f"Unpacking {archive.name}"
    with tqdm(total=len(outs), desc=title, unit="file") as bar:
        for packed in stream_archive(str(archive)):
            out = outs.get(PurePosixPath(packed.name))
            if not out:
                continue
            if not (out.exists() and out.stat().st_size == packed.size):
                _write(packed.chunks, out)
            bar.update()


def _write(chunks: Iterable[bytes], out: Path) -> None:
    part = out.with_name(f"{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.writelines(chunks)
        os.replace(part, out)
    except OSError as error:
        raise DatasetError("{} cannot be written ({}).", out, reason(error)) from None


def _link(path: Path, out: Path) -> None:
    try:
        if out.is_symlink() and not out.exists():  # what it led to has moved
            out.unlink()
        if out.exists():
            if not out.samefile(path):
                raise DatasetError("{} is there already, and is not {}: move it away.", out, path)
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        out.symlink_to(path.absolute(), target_is_directory=path.is_dir())
    except OSError as error:
        raise DatasetError("{} cannot be made a link ({}).", out, reason(error)) from None


def _in_recipe(path: Path) -> str:
    """A path as a recipe writes it: from data.root, or whole where it lies elsewhere."""
    inside = os.path.relpath(path.absolute(), ROOT.absolute())
    return json.dumps(str(path.absolute()) if inside.startswith("..") else Path(inside).as_posix())
