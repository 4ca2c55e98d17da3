"""Photos of the gallery: what the server answers to each few of them.

The gallery itself is the browser's, see gallery.js. It keeps its photos and their captions, so that
nothing is lost when this program ends, and asks for what is still to be captioned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from captioner.captions import Row, image_id
from captioner.errors import GoneError, ImageError
from captioner.images import Photo
from captioner.images.names import safe_path
from captioner.messages import translate
from captioner.ui.bulk import Captioned, captions_of, captions_too
from captioner.ui.options import check, text, values_of, visitor
from captioner.ui.sentences import level_of
from captioner.ui.words import WORDS, about_language, sentence_of
from captioner.ui.zips import Refusal, photos_in

if TYPE_CHECKING:
    from captioner.captioning import Caption
    from captioner.pipeline import Captioner
    from captioner.ui.service import Service
    from captioner.ui.uploads import Upload


@dataclass(frozen=True)
class Wanted:
    """A photo that the browser asks about: an upload, or a member of one that is a zip file."""

    upload: Upload
    member: str


def list_photos(service: Service, request: object) -> dict[str, Any]:
    """The names of the photos inside a zip file, as the browser gave it; or why it has none.

    request: [the upload].
    """
    try:
        (argument,) = values_of(request, 1)
        upload = service.uploads.take(argument)
        found = photos_in([upload], service.most_bytes)
    except Exception as error:
        return _told(error)
    return {"photos": [{"name": photo.name, **_refused(photo)} for photo in found]}


def caption_photos(service: Service, request: object) -> dict[str, Any]:
    """Caption a few photos.

    request: [list of photos, each with `upload` and for one inside a zip file `member`; the values
    of the page's fields, as `options.visitor` takes them; whether in both languages].

    Returns `photos`, see `answer_for`, and a `note` in the page's language where the sentences are
    in another; or a `problem` that concerns them all; or `gone` where an upload is no longer there
    and has to be given again.
    """
    try:
        asked, fields, both = values_of(request, 3)
        wanted = [_wanted(service, own) for own in values_of(asked)]
        captioners = _captioners(service, values_of(fields), both is True)
        who = visitor(*values_of(fields))
        options = who.options
        for captioner in captioners:
            check(options, captioner)
        photos = list(_photos(service, wanted))
        first, *others = captioners
        results = list(captions_of(service.batcher, first, photos, options, pictures=True))
        columns = [results]
        for other in others:
            if other.name == first.name:
                columns.append(captions_too(service.batcher, other, results, options))
            else:
                columns.append(list(captions_of(service.batcher, other, photos, options)))
    except Exception as error:
        return _told(error)
    told = zip(photos, zip(*columns, strict=True), strict=True)
    note = about_language(who.language, first.language, who.model)
    return {
        "photos": [answer_for(photo, own, captioners) for photo, own in told],
        "note": {who.language: note} if note else None,
    }


def answer_for(
    photo: Photo | Refusal, results: Sequence[Captioned], captioners: Sequence[Captioner]
) -> dict[str, Any]:
    """What the browser keeps of a photo.

    name; path: a safe one, image_id: JSON, by which downloads know it; key: a hash of its content,
    by which drafts do; picture: the photo in small, as an address; captions: for each
    language a row, how sure the model is of it (`level`, from 0, or None where that is unknown),
    and the next best ones; or the error in each language.
    """
    first = results[0]
    number = json.dumps(image_id(photo.name), ensure_ascii=False)
    about = {"name": photo.name, "path": safe_path(photo.name), "image_id": number}
    if first.caption is None:
        return {**about, **_error(first.error)}
    said = [
        _caption(photo.name, result.caption, captioner)
        for result, captioner in zip(results, captioners, strict=True)
        if result.caption is not None
    ]
    return {**about, "key": _key(photo), "picture": first.picture, "captions": said}


def _caption(name: str, caption: Caption, captioner: Captioner) -> dict[str, Any]:
    row = caption.row(name, captioner.name).as_dict()
    others = row.pop("alternatives", [])
    config = captioner.model.config
    levels = [level_of(own, config) for own in (caption, *caption.alternatives)]
    choices = [{**other, "level": own} for other, own in zip(others, levels[1:], strict=True)]
    return {
        "row": row, "level": levels[0], "certainty": caption.certainty, "alternatives": choices,
    }  # fmt: skip


def _captioners(service: Service, fields: Sequence[Any], both: bool) -> list[Captioner]:
    """The page's language first; of the others those that an installed model writes."""
    page, model = text("language", fields[0]), text("model", fields[1])
    first = service.captioner(model, page)
    return [first, *(service.models.others(first, model) if both else [])]


def _wanted(service: Service, photo: object) -> Wanted:
    if not isinstance(photo, Mapping):
        raise ImageError("No photo arrived; please give it again.")
    return Wanted(service.uploads.take(photo.get("upload")), text("member", photo.get("member")))


def _photos(service: Service, wanted: Iterable[Wanted]) -> Iterator[Photo | Refusal]:
    """Each zip file's table of contents is read but once."""
    inside: dict[str, dict[str, Photo | Refusal]] = {}
    for own in wanted:
        if not own.member:
            yield Photo(own.upload.name, own.upload.path)
            continue
        if own.upload.path not in inside:
            found = photos_in([own.upload], service.most_bytes)
            inside[own.upload.path] = {photo.name: photo for photo in found}
        gone = Refusal(own.member, ImageError("{} is not in the zip file.", own.member))
        yield inside[own.upload.path].get(own.member, gone)


def _key(photo: Photo | Refusal) -> str:
    assert isinstance(photo, Photo)
    return hashlib.sha256(photo.read()).hexdigest()


def _refused(photo: Photo | Refusal) -> dict[str, Any]:
    return _error(photo.error) if isinstance(photo, Refusal) else {}


def _error(error: Exception | None) -> dict[str, Any]:
    """Why a photo has no caption, for the page and for the downloads."""
    sentence = sentence_of(error)
    row = Row("", error=sentence).as_dict()["error"]
    return {"error": {code: translate(sentence, code) for code in WORDS}, "error_row": row}


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, GoneError):
        return {"gone": True}
    sentence = sentence_of(error)
    return {"problem": {code: translate(sentence, code) for code in WORDS}}
