"""Many photos: what the server answers to the gallery, which is the browser's."""

import hashlib
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from captioner import Captioner, CaptionOptions
from captioner.images import Photo
from captioner.model import CaptioningModel
from captioner.ui import batching, bulk
from captioner.ui.batching import Batcher
from captioner.ui.bulk import captions_of
from captioner.ui.gallery import caption_photos, list_photos
from captioner.ui.models import Models
from captioner.ui.options import MOST_AT_ONCE
from captioner.ui.service import Service
from captioner.ui.words import CHINESE

Draw = Callable[[str], Path]


@pytest.fixture
def photos(draw: Draw, tmp_path: Path) -> list[Photo]:
    """Nine, the fifth of which is no photo, under names that are no HTML."""
    listed = [Photo(f"<i>{n}</i>.png", str(draw(f"{n}.png"))) for n in range(9)]
    (tmp_path / "4.png").write_text("no photo")
    return listed


def test_each_photo_has_its_own_caption_and_a_bad_one_its_reason(
    tiny: Captioner, batcher: Batcher, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AHEAD", 2)
    results = list(captions_of(batcher, tiny, photos, CaptionOptions(top=1)))

    assert [result.name for result in results] == [photo.name for photo in photos]
    for photo, result in zip(photos, results, strict=True):
        if photo.path.endswith("4.png"):
            assert str(result.error) == "<i>4</i>.png is not a photo in any known format."
        else:
            assert result.caption is not None
            assert result.caption.text == tiny.caption(photo.path).text


def test_no_more_photos_are_opened_than_are_ahead(
    tiny: Captioner, batcher: Batcher, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AHEAD", 2)
    taken: list[str] = []
    own = bulk.opened

    def watched(captioner: Captioner, photo: Photo) -> Image.Image:
        taken.append(photo.name)
        return own(captioner, photo)

    monkeypatch.setattr(bulk, "opened", watched)
    results = captions_of(batcher, tiny, photos, CaptionOptions())
    next(results)
    results.close()
    assert len(taken) == 3


def asked(*photos: Path, member: str = "") -> list[Any]:
    uploads = [{"path": str(path), "orig_name": f"<i>{path.name}</i>"} for path in photos]
    return [{"upload": upload, "member": member} for upload in uploads]


FIELDS = ["en", "", 3, 3, 20, False, 1, 1, "", ""]  # as the page's fields begin


def test_a_visitor_with_one_photo_does_not_wait_for_one_with_many(
    service: Service, tiny: Captioner, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw("12.png")
    at_many, go_on = threading.Event(), threading.Event()
    own = batching.work_through

    def slow(jobs: list[batching.Job]) -> None:
        if jobs[0].options.top == 1:
            at_many.set()
            assert go_on.wait(60)
        own(jobs)

    monkeypatch.setattr(batching, "work_through", slow)
    with ThreadPoolExecutor(2) as visitors:
        many = [asked(*[path] * MOST_AT_ONCE), ["en", "", 3, 1, *FIELDS[4:]], False]
        waiting = visitors.submit(caption_photos, service, many)
        assert at_many.wait(60)
        one = visitors.submit(caption_photos, service, [asked(path), FIELDS, False])
        (photo,) = one.result(timeout=60)["photos"]
        assert not waiting.done()
        go_on.set()
        assert len(waiting.result(timeout=60)["photos"]) == MOST_AT_ONCE
    assert photo["captions"][0]["row"]["caption"] == tiny.caption(path, top=3).text


def test_what_the_browser_keeps_of_a_photo(service: Service, tiny: Captioner, draw: Draw) -> None:
    path = draw("12.png")
    (photo,) = caption_photos(service, [asked(path), FIELDS, False])["photos"]
    best = tiny.caption(path, top=3, words=True)

    (own,) = photo["captions"]
    assert own["row"] == {
        "image": "<i>12.png</i>", "language": "en", "caption": best.text, "model": "tiny",
        "log_prob": pytest.approx(best.log_prob, abs=1e-3),
        "score": pytest.approx(best.score, abs=1e-3),
    }  # fmt: skip
    assert [other["caption"] for other in own["alternatives"]] == [
        other.text for other in best.alternatives
    ]
    assert own["certainty"] == pytest.approx(best.certainty, abs=1e-3)
    assert own["level"] is None  # this model's limits are not known
    assert photo["picture"].startswith("data:image/jpeg;base64,")
    assert photo["key"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_photo_without_a_caption_has_its_reason_in_every_language(
    service: Service, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.jpg"
    notes.write_text("no photo")
    (photo,) = caption_photos(service, [asked(notes), FIELDS, False])["photos"]
    assert photo["error"]["en"] == "<i>notes.jpg</i> is not a photo in any known format."
    assert photo["error"]["zh"].endswith("。")
    assert photo["error_row"] == photo["error"]["en"]
    assert "captions" not in photo


def test_photos_inside_a_zip_file_are_asked_for_by_name(
    service: Service, tiny: Captioner, draw: Draw, tmp_path: Path
) -> None:
    path, pack = draw("b.png"), tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        archive.write(path, "../folder/b.png")
        archive.writestr("more.zip", b"PK")
    listed = list_photos(service, [{"path": str(pack), "orig_name": "pack.zip"}])["photos"]
    assert [photo["name"] for photo in listed] == ["folder/b.png", "more.zip"]
    assert "error" not in listed[0]
    assert "zip file inside a zip file" in listed[1]["error"]["en"]

    photos = asked(pack, member="folder/b.png") + asked(pack, member="absent.png")
    inside, absent = caption_photos(service, [photos, FIELDS, False])["photos"]
    assert inside["captions"][0]["row"]["caption"] == tiny.caption(path).text
    assert inside["path"] == "folder/b.png"
    assert absent["error"]["en"] == "absent.png is not in the zip file."


def test_both_languages_are_written_from_one_look_at_the_photo(
    service: Service, tiny: Captioner, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(tiny.model.config, language="zh")
    chinese = Captioner(CaptioningModel(config), tiny.vocabulary, "tiny", "cpu")
    monkeypatch.setattr(Captioner, "in_language", lambda own, code: {"zh": chinese}.get(code, own))
    both = replace(service, models=Models(tiny, {}))
    both.models.languages["tiny"] = ("en", "zh")
    encoded: list[int] = []
    encode = Captioner.encode
    monkeypatch.setattr(
        Captioner, "encode", lambda own, batch: (encoded.append(len(batch)), encode(own, batch))[1]
    )
    paths = [draw("a.png"), draw("b.png")]
    photos = caption_photos(both, [asked(*paths), FIELDS, True])["photos"]
    for photo in photos:
        assert [own["row"]["language"] for own in photo["captions"]] == ["en", "zh"]
    assert sum(encoded) == 2


def test_sentences_in_another_language_than_the_pages_are_told_of(
    service: Service, draw: Draw
) -> None:
    photos = asked(draw("a.png"))
    assert caption_photos(service, [photos, FIELDS, False])["note"] is None
    any_model, chosen = ["zh", *FIELDS[1:]], ["zh", "tiny", *FIELDS[2:]]
    assert caption_photos(service, [photos, any_model, False])["note"] == {"zh": CHINESE.no_model}
    told = caption_photos(service, [photos, chosen, False])["note"]
    assert told == {"zh": CHINESE.other_language}


def test_an_upload_that_is_gone_is_asked_for_again(service: Service, draw: Draw) -> None:
    path = draw("a.png")
    path.unlink()
    assert caption_photos(service, [asked(path), FIELDS, False]) == {"gone": True}
    assert list_photos(service, [{"path": str(path)}]) == {"gone": True}


def test_an_impossible_choice_concerns_all_photos(service: Service, draw: Draw) -> None:
    fields = [*FIELDS[:-2], "qwertz", ""]
    told = caption_photos(service, [asked(draw("a.png")), fields, False])
    assert "qwertz" in told["problem"]["en"]
    assert "qwertz" in told["problem"]["zh"]


@pytest.mark.parametrize("request_", [None, [], [1, 2, 3], [[1], FIELDS, False], [[], [], False]])
def test_what_no_page_asks_is_answered_in_a_sentence(service: Service, request_: object) -> None:
    assert caption_photos(service, request_)["problem"]["en"].endswith(".")


def test_nobody_asks_for_more_at_once_than_others_can_wait_for(
    service: Service, draw: Draw
) -> None:
    photos = asked(draw("a.png")) * (MOST_AT_ONCE + 1)
    assert "problem" in caption_photos(service, [photos, FIELDS, False])
