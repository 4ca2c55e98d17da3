"""How a sentence came about, word by word, in a real browser."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from browsing import IN_A_BROWSER_WITH_A_MODEL, Visit, sync_api, visiting

import captioner

pytestmark = IN_A_BROWSER_WITH_A_MODEL


def test_the_player_tells_how_the_sentence_came_about_by_keyboard_alone(
    any_visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit, page = any_visit, any_visit.page
    writer = model.in_language(visit.language)
    best = writer.caption(drawing, beam=5, top=5, words=True)
    visit.choose(drawing)
    visit.is_said(best.text)
    shown = page.locator("#answer article:visible")
    first = shown.locator("[data-word='0']")
    first.focus()
    likely = [word for word, _ in best.words[0].likeliest]
    thought = shown.locator(".thought ol button")
    assert [own or visit.words.the_end for own in likely] == thought.all_inner_texts()
    assert shown.locator(".gates data").count() == 3

    page.keyboard.press("Space")  # plays, from the word that has the focus
    sync_api.expect(shown.locator(".play")).to_have_text(visit.words.pause)
    sync_api.expect(first).not_to_have_class(re.compile("shown"))  # another word's turn
    page.keyboard.press("Space")
    sync_api.expect(shown.locator(".play")).to_have_text(visit.words.play)

    page.keyboard.press("Home")  # where the focus has stayed, while other words were told of
    other = next(word for word in likely if word and word != best.tokens[0])
    name = visit.words.what_if_word.format(other)
    shown.get_by_role("button", name=name).press("Enter")
    instead = writer.caption(drawing, beam=5, top=5, begin=[other])
    visit.is_said(instead.text)
    back = page.locator("#answer .back")
    sync_api.expect(back).to_be_focused()
    back.press("Enter")
    visit.is_said(best.text)
    assert not visit.scrolls_sideways()

    shown.locator("summary").press("Enter")
    page.keyboard.press("Tab")
    sync_api.expect(shown.locator(".tree")).to_be_focused()
    left = shown.locator(".tree button").first
    page.keyboard.press("ArrowDown")
    sync_api.expect(left).to_be_focused()
    begin = json.loads(left.get_attribute("data-begin") or "")
    left.press("Enter")
    visit.is_said(writer.caption(drawing, beam=5, top=5, begin=begin).text)
    assert visit.complaints == []


@pytest.mark.parametrize("window", ["phone", "desktop", "wide"])
def test_the_photo_stays_in_sight_beside_the_words(
    window: str, server: SimpleNamespace, browser: "sync_api.Browser", drawing: Path
) -> None:
    with visiting(server, browser, window, "zh-CN") as visit:
        visit.choose(drawing)
        words = visit.page.locator("#answer article:visible [data-word]")
        words.first.click()
        visit.page.locator("#answer article:visible summary").click()
        visit.page.mouse.wheel(0, 350)
        photo = visit.page.locator("#photo")
        visit.page.wait_for_function("scrollY > 100")
        sync_api.expect(photo).to_be_in_viewport(ratio=0.9)
        place, word = photo.bounding_box(), visit.page.locator("#answer").bounding_box()
        assert place is not None
        assert word is not None
        beside = place["x"] + place["width"] <= word["x"]
        assert beside == (window != "phone")
        assert not visit.scrolls_sideways()
