"""A photo: what it is called, where its bytes are, and how they are read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from captioner.errors import ImageError
from captioner.files import MB, raising, read_bytes
from captioner.images.archives import Member, read_member
from captioner.images.limits import DEFAULT_LIMITS, Limits
from captioner.images.opening import open_image

_LARGEST = 1000 * MB  # a photo's file; of 178 million pixels it has no more


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo in a file of its own, or inside an archive.

    name: what people know it by; errors call it so. path: its file. member: where it lies inside
    that file, if that is an archive. twin: whether another photo beside it has the same name up to
    the suffix, so that one text file could not tell them apart.
    """

    name: str
    path: str
    member: Member | None = None
    twin: bool = False

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Photo:
        """The photo in a file, which it is called by."""
        return cls(os.fspath(path), os.fspath(path))

    @property
    def file_name(self) -> str:
        """Its own, without folders."""
        if self.member:
            return self.member.name.replace("\\", "/").rpartition("/")[2]
        return os.path.basename(self.path)

    def stamp(self) -> str:
        """Changes when the photo does: its size and time of change, a zip member's checksum.

        Raises OSError where the file is gone.
        """
        if self.member:
            return self.member.stamp
        status = os.stat(self.path)
        return f"{status.st_size} {status.st_mtime_ns}"

    def read(self) -> bytes:
        """The photo's file as it is. Raises ImageError where it cannot be read."""
        if self.member:
            return read_member(self.path, self.member, self.name)
        with raising(ImageError):
            return read_bytes(Path(self.path), most=_LARGEST)

    def open(self, at_least: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Image:
        """The photo as `captioner.images.open_image` opens it. Raises ImageError as that does."""
        source = self.read() if self.member else self.path
        return open_image(source, self.name, at_least=at_least, limits=limits)
