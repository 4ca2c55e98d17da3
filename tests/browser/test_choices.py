"""Other choices for the same photo, in a real browser."""

import json
from pathlib import Path

from browsing import IN_A_BROWSER_WITH_A_MODEL, Visit, sync_api

import captioner
from captioner import CaptionOptions
from captioner.ui.sentences import worth_reading

pytestmark = IN_A_BROWSER_WITH_A_MODEL


def test_other_choices_write_other_sentences(
    any_visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit, page = any_visit, any_visit.page
    writer = model.in_language(visit.language)
    five = {"top": 5, "beam": 5}
    first = writer.caption(drawing, **five)
    visit.choose(drawing)
    visit.is_said(first.text)
    fold = page.locator("#how button").first
    assert fold.get_attribute("aria-expanded") == "false"
    fold.click()
    sync_api.expect(fold).to_have_attribute("aria-expanded", "true")

    for name, value, options in (
        (visit.words.top, 2, {"top": 2, "beam": 5}),
        (visit.words.length, 4, {"top": 2, "max_length": 4, "beam": 5}),
        (visit.words.beam, 1, {"top": 1, "max_length": 4, "beam": 1}),
        (visit.words.top, 3, {"top": 3, "max_length": 4, "beam": 3}),
        (visit.words.length, 20, {"top": 3, "beam": 3}),
        (visit.words.top, 5, {"top": 5, "beam": 5}),
    ):
        number = page.get_by_role("spinbutton", name=name)
        number.fill(str(value))
        number.press("Enter")
        chosen = CaptionOptions(**options)
        shown = worth_reading(writer.caption(drawing, chosen), chosen)
        visit.is_said(shown[0].text)
        listed = len(shown) if len(shown) > 1 else 0
        sync_api.expect(page.locator("#answer [data-choose]")).to_have_count(listed)
    number.fill("")  # which says nothing, and is no mistake
    number.press("Tab")
    sync_api.expect(page.locator("#problem p")).to_have_count(0)
    number.fill("5")
    number.press("Enter")

    avoid = page.get_by_role("textbox", name=visit.words.avoid)
    avoid.fill(first.tokens[1])
    avoid.press("Enter")
    avoided = writer.caption(drawing, **five, avoid=[first.tokens[1]])
    visit.is_said(avoided.text)

    require = page.get_by_role("textbox", name=visit.words.require)
    word = {"en": "dog", "zh": "狗"}[visit.language]
    require.fill(word)
    require.press("Enter")
    both = {"avoid": [first.tokens[1]], "require": [word]}
    both_said = writer.caption(drawing, **five, **both).text
    visit.is_said(both_said)
    require.fill("qwertz")
    require.press("Enter")
    assert "qwertz" in visit.problem()
    visit.is_said(both_said)
    require.fill("")
    require.press("Enter")
    visit.is_said(avoided.text)

    assert not visit.scrolls_sideways()
    assert visit.complaints == []


def test_sentences_drawn_at_random_can_be_drawn_again(
    visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    page = visit.page
    visit.choose(drawing)
    visit.is_said(model.caption(drawing, top=5, beam=5).text)
    page.locator("#how button").first.click()
    page.get_by_label(visit.words.sampling).check()
    page.get_by_label(visit.words.seed).wait_for()
    assert not page.get_by_role("textbox", name=visit.words.require).is_visible()
    visit.is_said(model.caption(drawing, top=5, seed=1).text)
    assert page.locator("#answer h2").inner_text() == visit.words.draws
    page.locator("#answer .draw").click()
    visit.is_said(model.caption(drawing, top=5, seed=2).text)
    sync_api.expect(page.locator("#answer .draw")).to_be_focused()
    assert visit.complaints == []


def test_what_is_typed_at_the_moment_the_choices_unfold_stays(visit: Visit, drawing: Path) -> None:
    visit.choose(drawing)
    choices = visit.page.locator("#answer [data-choose]")
    sync_api.expect(choices).to_have_count(5)
    visit.page.evaluate("""async () => {
        const fold = document.querySelector("#how");
        await new Promise((there) => {
            const seen = { attributes: true, childList: true, subtree: true };
            new MutationObserver(there).observe(fold, seen);
            fold.querySelector("button").click();
        });
        await new Promise(requestAnimationFrame);
        const field = fold.querySelector("input[type=number]");
        field.value = 2;
        field.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    sync_api.expect(choices).to_have_count(2)
    number = visit.page.get_by_role("spinbutton", name=visit.words.top)
    sync_api.expect(number).to_have_value("2")


def test_a_number_beyond_its_limits_or_emptied_is_brought_back_and_takes_no_other_along(
    visit: Visit, drawing: Path
) -> None:
    page = visit.page
    visit.choose(drawing)
    page.locator("#answer .sentence").first.wait_for()
    page.locator("#how > button").click()
    top, beam = (
        page.get_by_role("spinbutton", name=name, exact=True)
        for name in (visit.words.top, visit.words.beam)
    )
    for value, kept in (("99", "10"), ("", "10"), ("-3", "1")):
        top.fill(value)
        top.press("Tab")
        sync_api.expect(top).to_have_value(kept)
        sync_api.expect(page.locator("#problem p")).to_have_count(0)
        assert 1 <= float(beam.input_value()) <= 10


def test_two_settings_stand_side_by_side(
    visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    page = visit.page
    visit.choose(drawing)
    page.locator("#answer .sentence").first.wait_for()
    page.locator("#compare > button").click()
    page.get_by_role("radio", name=visit.words.beams).check()
    rows = page.locator("#compare tr")
    sync_api.expect(rows).to_have_count(3)
    expected = [model.caption(drawing, beam=beam).text for beam in (1, 3, 10)]
    assert page.locator("#compare td > span").all_inner_texts() == expected
    page.get_by_role("radio", name=visit.words.models).check()
    sync_api.expect(rows).to_have_count(len(captioner.available_models()))
    page.get_by_role("radio", name=visit.words.avoid).check()
    page.locator("#compare [role=alert]").wait_for()
    assert visit.complaints == []


def test_the_answer_that_stays_is_the_one_to_the_newest_choice(visit: Visit, drawing: Path) -> None:
    """As on a slow network, where the answer to an older choice is still to come."""
    page = visit.page
    visit.choose(drawing)
    choices = page.locator("#answer [data-choose]")
    sync_api.expect(choices).to_have_count(5)
    page.locator("#how > button").click()
    number = page.get_by_role("spinbutton", name=visit.words.top)
    number.wait_for()
    asked: list[int] = []
    held: list[sync_api.Route] = []
    top = 3  # its place among the fields

    def hold_the_first(route: "sync_api.Route") -> None:
        _, _, _, _, fields = json.loads(route.request.post_data or "")["data"]
        asked.append(fields[top])
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/component_server/", hold_the_first)
    with page.expect_request("**/component_server/"):
        number.fill("2")
        number.press("Enter")
    for value in ("4", "3"):
        number.fill(value)
        number.press("Enter")
    sync_api.expect(page.locator("#answer .pending")).to_be_visible()
    held[0].continue_()
    sync_api.expect(choices).to_have_count(3)
    sync_api.expect(page.locator("#answer .pending")).to_have_count(0)
    assert (asked[0], asked[-1]) == (2, 3)
