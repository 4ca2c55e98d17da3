"""Photos as a person names them one by one: files, folders, archives, patterns, standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from PIL.Image import Image

from captioner.errors import FolderError, ImageError
from captioner.files import MB
from captioner.folder.scan import STANDARD_INPUT, Problem, Scan, Source
from captioner.images import Photo, open_image
from captioner.images.archives import is_archive
from captioner.images.names import natural
from captioner.messages import Message

_LARGEST = 1000 * MB  # as of a photo in a file


def photos_named(names: Sequence[str], problem: Problem) -> Iterator[Photo]:
    """The photos of those names: a folder or an archive stands for all photos in it, "-" for one on
    standard input, and a pattern such as "*.jpg", which a shell may leave as it is, for what fits.

    problem: is told of what cannot be read, and of a folder or pattern without a photo.
    """
    for name in names:
        photos = _photos(name, problem)
        first = next(photos, None)
        if first is None:
            problem(Message("{} holds no photo.", name))
            continue
        yield first
        yield from photos


def _photos(name: str, problem: Problem) -> Iterator[Photo]:
    if os.path.isdir(name) or (is_archive(name) and os.path.isfile(name)):
        try:
            for photo in Scan(Source(name), problem):
                yield replace(photo, name=os.path.join(name, photo.name))
        except FolderError as error:
            problem(error)
    elif glob.has_magic(name) and not os.path.lexists(name):
        for found in sorted(glob.glob(name, recursive=True), key=natural):
            if not os.path.isdir(found):
                yield Photo.at(found)
    else:
        yield Photo.at(name)


def open_named(photo: Photo, at_least: int | None = None) -> Image:
    """A photo as `photos_named` gives it, opened. Raises ImageError as `Photo.open`."""
    if photo.path != STANDARD_INPUT:
        return photo.open(at_least)
    if sys.stdin.isatty():
        raise ImageError("Standard input is a keyboard, which gives no photo.")
    content = sys.stdin.buffer.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ImageError("{} is too large: the limit is {} MB.", "standard input", _LARGEST // MB)
    return open_image(content, "standard input", at_least=at_least)
