"""One photo of a collection: what it is called and where its bytes are."""

from __future__ import annotations

import os
from dataclasses import dataclass

from captioner.folder.archives import Member


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that waits to be captioned.

    name: what the output calls it, its path below the folder, with forward slashes; a member of an
    archive goes by "archive.zip/inside.jpg". path: its file. member: where it lies inside that
    file, if that is an archive. twin: whether another photo beside it has the same name up to the
    suffix, so that one text file could not tell them apart.
    """

    name: str
    path: str
    member: Member | None = None
    twin: bool = False

    def stamp(self) -> str:
        """Changes when the photo does: its size and time of change, a zip member's checksum.

        Raises OSError where the file is gone.
        """
        if self.member:
            return self.member.stamp
        status = os.stat(self.path)
        return f"{status.st_size} {status.st_mtime_ns}"
