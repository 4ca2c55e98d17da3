"""One photo as a person meets it: the real server, the shipped model, a real browser."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from browsing import EVERY, IN_A_BROWSER_WITH_A_MODEL, ROOT, Visit, sync_api
from PIL import Image

import captioner
from captioner import CaptionOptions
from captioner.ui.sentences import worth_reading
from captioner.ui.words import WORDS

pytestmark = IN_A_BROWSER_WITH_A_MODEL

SHARED = Path(os.environ.get("CAPTIONER_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="module")
def real_photo() -> Path:
    photos = sorted((SHARED / "coco_mini" / "train2017").glob("*.jpg"))
    if not photos:
        pytest.skip("no folder of real photos; CAPTIONER_SHARED names one")
    return photos[0]


@pytest.mark.parametrize("any_visit", EVERY, indirect=True)
def test_one_photo_from_its_sentence_to_its_maps(
    any_visit: Visit, model: captioner.Captioner, drawing: Path, tmp_path: Path
) -> None:
    visit, page = any_visit, any_visit.page
    writer = model.in_language(visit.language)
    options = CaptionOptions(beam=5, top=5)
    best = writer.caption(drawing, options, attention=True)
    visit.choose(drawing)

    visit.is_said(best.text)
    listed = worth_reading(best, options)
    assert visit.sentences() == [own.text for own in listed]
    sure = page.locator("#answer article:visible .sure strong").inner_text()
    assert sure in visit.words.sureness
    assert page.locator("#photo img").get_attribute("alt") == best.text
    assert page.locator("#announcer").inner_text() == f"{best.text} {sure}"
    assert not visit.scrolls_sideways()

    words = page.locator("#answer article:visible [data-word]")
    assert tuple(words.all_inner_texts()) == best.tokens
    assert visit.tint() == []
    words.nth(1).click()
    page.wait_for_function("document.querySelector('#photo > canvas.seen')")
    tint = visit.tint()
    assert words.nth(1).get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    sync_api.expect(words.nth(2)).to_be_focused()
    assert visit.tint() != tint
    page.keyboard.press("Home")
    sync_api.expect(words.nth(0)).to_be_focused()
    page.keyboard.press("Escape")
    words.nth(0).blur()
    page.wait_for_function("!document.querySelector('#photo > canvas.seen')")

    page.locator("[data-choose='1']").click()
    visit.is_said(listed[1].text)
    with page.expect_download() as download:
        page.get_by_role("button", name=visit.words.save).click()
    assert download.value.suggested_filename == "drawing-attention.png"
    with Image.open(download.value.path()) as strip:
        assert strip.format == "PNG"
        assert strip.width > 300
        colours = strip.convert("HSV").getchannel("S")
        assert colours.getextrema()[1] > 100  # the orange of the drawing, not only the tint
    assert visit.complaints == []


def test_the_tint_is_strongest_where_a_word_looked_more_than_the_others(
    visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    best = model.caption(drawing, top=5, beam=5, attention=True)
    visit.choose(drawing)
    visit.is_said(best.text)
    assert best.attention is not None
    words = visit.page.locator("#answer article:visible [data-word]")
    mean = best.attention.mean(dim=0)
    for number, own in enumerate(best.attention - mean):
        words.nth(number).hover()
        visit.page.wait_for_function(
            f"document.querySelector('[data-word=\"{number}\"].shown') !== null"
        )
        # The same places, read from the map instead of from the screen.
        size = len(own)
        places = [int((place + 0.5) / 4 * size) for place in range(4)]
        expected = [float(own[row, column]) for row in places for column in places]
        tint = visit.tint()
        strongest, faintest = tint.index(max(tint)), tint.index(min(tint))
        assert expected[strongest] >= expected[faintest]


def test_a_real_photo_gets_the_models_sentence(
    visit: Visit, model: captioner.Captioner, real_photo: Path
) -> None:
    visit.choose(real_photo)
    visit.is_said(model.caption(real_photo, top=5, beam=5).text)


def test_a_photo_that_the_browser_cannot_show_is_shown_all_the_same(
    visit: Visit, model: captioner.Captioner, drawing: Path, tmp_path: Path
) -> None:
    tiff = tmp_path / "drawing.tiff"
    Image.open(drawing).save(tiff)
    visit.choose(tiff)
    visit.is_said(model.caption(tiff, top=5, beam=5).text)
    visit.page.wait_for_function("document.querySelector('#photo > canvas.seen')")
    assert min(visit.tint()) == 255  # the photo itself, opaque


def test_the_copy_button_copies_the_sentence(
    any_visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit = any_visit
    writer = model.in_language(visit.language)
    visit.choose(drawing)
    sentence = writer.caption(drawing, top=5, beam=5).text
    visit.is_said(sentence)
    visit.page.locator("#answer article:visible .copy").click()
    visit.page.wait_for_function(
        f"async () => (await navigator.clipboard.readText()) === {json.dumps(sentence)}"
    )
    visit.page.get_by_role("button", name=visit.words.copied).wait_for()


def test_an_example_picture_is_given_by_a_click(visit: Visit, model: captioner.Captioner) -> None:
    page = visit.page
    page.get_by_role("button", name=visit.words.example_names[1]).press("Enter")
    folder = ROOT / "captioner" / "ui" / "examples"
    visit.is_said(model.caption(folder / "dog.jpg", top=5, beam=5).text)
    assert not page.locator("#examples").is_visible()
    assert visit.complaints == []


def test_the_language_is_the_browsers_until_another_is_chosen(
    any_visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit, page = any_visit, any_visit.page
    writer = model.in_language(visit.language)
    other = "zh" if visit.language == "en" else "en"
    visit.choose(drawing)
    visit.is_said(writer.caption(drawing, top=5, beam=5).text)
    assert page.locator("html").get_attribute("lang") == ("en" if other == "zh" else "zh")

    page.locator(f"#language input[value={other}]").check()
    for where, said in (
        ("#heading p", WORDS[other].introduction),
        ("#many-button", WORDS[other].many),
        ("#answer h2", WORDS[other].sentences),
        ("#how button >> nth=0", WORDS[other].how),
    ):
        sync_api.expect(page.locator(where)).to_contain_text(said)
    assert page.locator("html").get_attribute("lang") == other
    visit.is_said(model.in_language(other).caption(drawing, top=5, beam=5).text)

    page.reload()
    sync_api.expect(page.locator("#one-button")).to_have_text(WORDS[other].one)
    assert visit.complaints == []


def test_a_page_at_rest_draws_nothing(visit: Visit, server: SimpleNamespace, drawing: Path) -> None:
    """Not even what nobody sees: a browser that draws for ever slows the model beside it."""
    visit.page.add_init_script("""
        window.frames = 0;
        const ask = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (act) => ((window.frames += 1), ask(act));
    """)
    visit.page.goto(server.url)
    visit.choose(drawing)
    visit.page.locator("#answer .sentence").first.wait_for()
    visit.page.wait_for_function("""async () => {
        const before = window.frames;
        await new Promise((later) => setTimeout(later, 500));
        return before === window.frames;
    }""")
