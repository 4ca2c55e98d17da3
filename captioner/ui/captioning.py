"""Captioning what a visitor uploaded, and writing about it again without looking again."""

from __future__ import annotations

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
