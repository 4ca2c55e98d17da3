"""Captioning what a visitor uploaded, and writing about it again without looking again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from captioner.images import Photo
from captioner.ui.batching import Batcher, Job, Seen
from captioner.ui.html import small_picture
from captioner.ui.opening import opened
from captioner.ui.options import check
from captioner.ui.uploads import Upload

if TYPE_CHECKING:
    from captioner.captioning import Caption
    from captioner.options import CaptionOptions
    from captioner.pipeline import Captioner


@dataclass(frozen=True)
class Kept:
    """What the page remembers of a visitor's photo.

    path: of the upload. picture: the photo in small, as an address. seen: the photo as each model
    saw it, by the model's name.
    """

    path: str
    picture: str
    seen: Mapping[str, Seen] = field(default_factory=dict)


class Memory:
    """What is kept of the visitors' photos, by the upload's path.

    seconds: after which a photo is forgotten. most: photos; those that nobody has asked about for
    longest go first.
    """

    def __init__(self, seconds: float = 3000, most: int = 200) -> None:
        self._seconds, self._most = seconds, most
        self._kept: OrderedDict[str, tuple[float, Kept]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: str) -> Kept | None:
        """What is kept of a photo."""
        self.forget_old()
        with self._lock:
            return self._kept[path][1] if path in self._kept else None

    def keep(self, kept: Kept) -> None:
        """In the place of what was kept of the same photo."""
        with self._lock:
            since, _ = self._kept.pop(kept.path, (time.monotonic(), None))
            self._kept[kept.path] = since, kept
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def forget_old(self) -> None:
        """Forget photos that have been kept for longer than they may be."""
        limit = time.monotonic() - self._seconds
        with self._lock:
            for path in [path for path, (since, _) in self._kept.items() if since < limit]:
                del self._kept[path]


class Told(NamedTuple):
    """A photo's caption and what is kept of the photo."""

    caption: Caption
    kept: Kept


def tell(
    batcher: Batcher,
    captioner: Captioner,
    upload: Upload,
    options: CaptionOptions,
    kept: Kept | None,
    **asked: Any,
) -> Told:
    """Caption an uploaded photo; one that the model has seen already is not opened again.

    asked: what else of `Job`.

    Raises:
        CaptionerError: as `opened`, and for options that do not suit the model.
    """
    check(options, captioner)
    if kept and kept.path == upload.path and captioner.name in kept.seen:
        seen = kept.seen[captioner.name]
        job = Job(captioner, options, seen=seen, attention=True, **asked)
    else:
        image = opened(captioner, Photo(upload.name, upload.path))
        job = Job(captioner, options, image, attention=True, **asked)
        if kept is None or kept.path != upload.path:
            kept = Kept(upload.path, small_picture(image))
    caption, seen = batcher.submit(job).result()
    return Told(caption, Kept(kept.path, kept.picture, {**kept.seen, captioner.name: seen}))
