"""A page with photos and captions."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from bad_files import generate
from command import folder
from conftest import MakePhotos
from PIL import Image

from captioner.folder import gallery


class Page(HTMLParser):
    """What a browser would find on a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.photos: list[Image.Image] = []
        self.words: list[str] = []
        self.leads_out: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        known = dict(attrs)
        if tag == "img":
            kind, _, content = (known["src"] or "").partition(",")
            assert kind == "data:image/jpeg;base64"
            self.photos.append(Image.open(io.BytesIO(base64.b64decode(content))))
        elif known.keys() & {"src", "href"}:
            self.leads_out.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_a_page_shows_every_photo_and_every_failure(tmp_path: Path, model: Path) -> None:
    good, bad = generate(tmp_path / "photos")
    html = tmp_path / "page.html"
    arguments = ("-o", tmp_path / "out.jsonl", "--model", model, "--html", html, "--top", "2")
    folder(tmp_path / "photos", *arguments)
    page = Page(html)
    assert len(page.photos) == len(good)
    assert all(max(photo.size) <= 320 for photo in page.photos)
    assert page.tags.count("li") == len(good) + len(bad)
    assert "quote'\"<b>&.png" in page.words
    assert r"two\nlines.png" in page.words
    assert f"{len(bad)} photos could not be read." in page.words
    assert "b" not in page.tags
    assert "script" not in page.tags
    assert not page.leads_out
    assert not re.search("https?:", html.read_text(encoding="utf-8"))
    first = html.read_bytes()
    folder(tmp_path / "photos", *arguments)  # nothing left to caption, and the same page
    assert html.read_bytes() == first


def test_of_very_many_photos_some_are_shown(
    tmp_path: Path, model: Path, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "MOST_PHOTOS", 4)
    make_photos(tmp_path / "photos", *(f"{number}.png" for number in range(11)))
    html = tmp_path / "page.html"
    folder(tmp_path / "photos", "-o", tmp_path / "o.csv", "--model", model, "--html", html)
    page = Page(html)
    assert [word for word in page.words if word.endswith(".png")] == [
        "0.png", "3.png", "6.png", "9.png",
    ]  # fmt: skip
    assert "A selection, evenly spread over the collection." in page.words


def test_without_jinja2_it_is_said_before_anything_is_captioned(
    tmp_path: Path, model: Path, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_photos(tmp_path / "photos", "1.png")
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    out = tmp_path / "out.jsonl"
    result = folder(tmp_path / "photos", "-o", out, "--model", model, "--html", tmp_path / "h")
    assert result.code == 2
    assert "needs jinja2: pip install 'captioner[report]'" in result.stderr
    assert not out.exists()
