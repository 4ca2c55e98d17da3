"""Many photos: a gallery that fills, and stops when it is told to."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from captioner import Captioner, CaptionOptions
from captioner.errors import ImageError
from captioner.images import Photo
from captioner.ui import bulk, gallery
from captioner.ui.batching import Batcher
from captioner.ui.bulk import Captioned, captions_of
from captioner.ui.gallery import card, end_html, galleries
from captioner.ui.words import CHINESE, ENGLISH

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

    def watched() -> Iterator[Photo]:
        for photo in photos:
            taken.append(photo.name)
            yield photo

    results = captions_of(batcher, tiny, watched(), CaptionOptions())
    next(results)
    results.close()
    assert len(taken) == 3


def cards_in(html: str) -> list[dict[str, object]]:
    rows = re.findall(r'data-row="([^"]*)"', html)
    import html as module

    return [json.loads(module.unescape(row)) for row in rows]


def test_the_gallery_fills_and_ends_with_the_downloads(
    tiny: Captioner, batcher: Batcher, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PACE", 0)
    results = captions_of(batcher, tiny, photos, CaptionOptions(), pictures=True)
    shown = list(galleries(results, len(photos), tiny, threading.Event()))

    assert [len(cards_in(html)) for html in shown] == list(range(10))
    assert all("<progress" in html for html in shown[:-1])
    assert "data-form" not in "".join(shown[:-1])
    assert "8 of 9 photos have a caption" in shown[-1]
    assert shown[-1].count("data-form") == 4
    assert "<i>" not in shown[-1]
    assert shown[-1].count("data:image/jpeg;base64,") == 8
    rows = cards_in(shown[-1])
    assert rows[4] == {
        "image": "<i>4</i>.png", "error": "<i>4</i>.png is not a photo in any known format.",
    }  # fmt: skip
    assert rows[0]["caption"] == tiny.caption(photos[0].path).text
    assert rows[0]["model"] == "tiny"


def test_each_gallery_begins_with_the_cards_of_the_one_before(
    tiny: Captioner, batcher: Batcher, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the browser would make a card anew, and lose what was typed there."""
    monkeypatch.setattr(gallery, "PACE", 0)
    results = captions_of(batcher, tiny, photos, CaptionOptions(), pictures=True)
    lists = [
        re.search("<ul.*", html)[0].removesuffix("</ul>")  # type: ignore[index]
        for html in galleries(results, len(photos), tiny, threading.Event())
    ]
    assert all(later.startswith(earlier) for earlier, later in pairwise(lists))


def test_stopping_keeps_what_is_there(tiny: Captioner, photos: list[Photo]) -> None:
    stopped = threading.Event()

    def results() -> Iterator[Captioned]:
        yield Captioned("a.png", tiny.caption(photos[0].path))
        stopped.set()
        yield Captioned("b.png", error=ImageError("b.png is empty."))
        pytest.fail("it went on")

    *_, last = galleries(results(), 9, tiny, stopped)
    assert [row["image"] for row in cards_in(last)] == ["a.png", "b.png"]
    assert "Stopped: 1 of 9 photos." in last
    assert "data-form" in last


def test_the_end_is_said_in_both_languages() -> None:
    assert ENGLISH.done.format(3) in end_html(3, 0, 3)
    assert CHINESE.done.format(3) in end_html(3, 0, 3)
    assert CHINESE.done_except.format(2, 3) in end_html(3, 1, 3)
    assert CHINESE.stopped.format(2, 9) in end_html(3, 1, 9)


def test_a_card_can_be_edited_and_is_labelled_by_its_photo(
    tiny: Captioner, photos: list[Photo]
) -> None:
    html = card(7, Captioned("a&b.png", tiny.caption(photos[0].path), "data:,"), tiny)
    assert 'id="card-7">a&amp;b.png</span>' in html
    assert '<textarea rows="2" lang="en" aria-labelledby="card-7">' in html
    assert f'alt="{tiny.caption(photos[0].path).text}"' in html
