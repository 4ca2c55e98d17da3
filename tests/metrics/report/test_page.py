"""The report's web page, without a browser: what is on it, and that it needs nothing else."""

import builtins
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from captioner.errors import CaptionerError
from captioner.messages import Message
from captioner.metrics.report import Captions, Entry, compare, make_report, report_page

pytest.importorskip("jinja2")

EVIL = "<script>alert('&')</script> \"quoted\""
PIXEL = "data:image/jpeg;base64,/9j/4AAQ+w=="


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.found if name == tag]


def captions(photos: int = 100) -> Captions:
    """The caption of photo n shares n words with its reference, so it is the better, the more."""
    words = ["same", *(f"w{n}" for n in range(photos))]
    entries = tuple(
        Entry(f"{n}.jpg", " ".join(words[: n + 1]), (" ".join(words), "other"))
        for n in range(photos)
    )
    return Captions("ours", "en", entries)


def test_best_worst_and_a_random_fifty_are_shown() -> None:
    asked: list[str] = []
    report = make_report(captions())

    def photo(image: str) -> str:
        asked.append(image)
        return PIXEL

    elements = Elements(report_page(report, photo))
    shown = [image["alt"] for image in elements.named("img")]
    assert {image["src"] for image in elements.named("img")} == {PIXEL}
    ranked = sorted(range(100), key=lambda n: report.each[n].cider)
    assert shown[:12] == [f"{n}.jpg" for n in ranked[: -12 - 1 : -1]]
    assert shown[12:24] == [f"{n}.jpg" for n in ranked[:12]]
    assert len(set(shown[24:])) == len(shown[24:]) == 50
    assert max(Counter(asked).values()) == 1
    assert report_page(report, photo) == report_page(report, photo)


def test_each_card_has_caption_scores_and_references() -> None:
    report = make_report(captions(3))
    text = " ".join(Elements(report_page(report)).text.split())
    for entry, own in zip(report.captions.entries, report.each, strict=True):
        assert entry.caption in text
        assert all(reference in text for reference in entry.references)
        assert f"CIDEr {own.cider:.1f}ROUGE-L {own.rouge_l:.1f}BLEU-4 {own.bleu_4:.1f}" in text
    for note in report.notes:
        assert str(note) in text
    assert "a person" in text


def test_no_text_becomes_markup() -> None:
    entries = (
        Entry(f"{EVIL}.jpg", f"a {EVIL}", (f"one {EVIL}", f"two {EVIL}")),
        Entry("b.jpg", "a dog", ("a dog", "one dog")),
    )
    ours = Captions(EVIL, "en", entries, EVIL)
    theirs = replace(ours, title=f"their {EVIL}", entries=entries[:1])
    report = make_report(ours, [EVIL], notes=[Message("Note {}", EVIL)])
    html = report_page(report, lambda image: PIXEL, compare(ours, theirs))
    elements = Elements(html)
    assert elements.named("script") == []
    assert "<script" not in html
    assert elements.text.count(EVIL) >= 10
    assert f"{EVIL}.jpg" in [image["alt"] for image in elements.named("img")]


def test_the_page_needs_nothing_from_elsewhere() -> None:
    ours = captions(4)
    html = report_page(make_report(ours), lambda image: PIXEL, compare(ours, ours))
    elements = Elements(html)
    for tag, attributes in elements.found:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/jpeg")), (tag, name)
    assert not {tag for tag, _ in elements.found} & {"link", "script", "iframe", "object", "base"}
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
    policy = next(m["content"] for m in elements.named("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")


def test_a_page_without_photos_has_no_pictures() -> None:
    report = make_report(captions(5))
    assert Elements(report_page(report)).named("img") == []
    some = Elements(report_page(report, {"2.jpg": PIXEL}.get)).named("img")
    assert {image["alt"] for image in some} == {"2.jpg"}


def test_a_comparison_is_shown_with_the_other_captions() -> None:
    ours = captions(5)
    theirs = replace(
        ours,
        title="theirs.json",
        entries=tuple(replace(e, caption=f"their {e.image}") for e in ours.entries[:4]),
    )
    comparison = compare(ours, theirs)
    text = " ".join(Elements(report_page(make_report(ours), comparison=comparison)).text.split())
    assert "Compared with theirs.json 4 photos in both" in text
    assert "theirs.json: their 2.jpg" in text
    assert "their 4.jpg" not in text
    found = comparison.differences["cider"]
    assert f"{found.low:+.1f} to {found.high:+.1f}" in text
    assert str(comparison.notes()[0]) in text


def test_an_empty_caption_is_named_so() -> None:
    report = make_report(Captions("ours", "en", (Entry("a.jpg", "", ("a dog",)),)))
    assert "(empty)" in Elements(report_page(report)).text


def test_without_jinja2_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = builtins.__import__

    def without_jinja2(name: str, *rest: Any) -> Any:
        if name == "jinja2":
            raise ImportError
        return load(name, *rest)

    report = make_report(captions(2))
    monkeypatch.setattr(builtins, "__import__", without_jinja2)
    with pytest.raises(CaptionerError, match=r"needs jinja2: pip install 'captioner\[report\]'\."):
        report_page(report)
