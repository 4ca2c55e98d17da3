"""The page by keyboard, by screen reader and for weak eyes, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from browsing import IN_A_BROWSER_WITH_A_MODEL, Visit, sync_api, visiting

from captioner.ui.words import WORDS

pytestmark = IN_A_BROWSER_WITH_A_MODEL


def test_the_keyboard_reaches_everything_in_reading_order(any_visit: Visit, drawing: Path) -> None:
    visit = any_visit
    visit.choose(drawing)
    visit.page.locator("#answer .sentence").first.wait_for()
    visit.page.locator("#language input:checked").focus()
    reached = []
    for _ in range(40):
        visit.page.keyboard.press("Tab")
        reached.append(
            visit.page.evaluate("""() => {
            const own = document.activeElement;
            const parts = ["#one-button", "#photo", ".copy", ".words", "ol", "#how", "#strip"];
            return parts.find((part) => own.closest(part)) ?? "";
        }""")
        )
        if reached[-1] == "#strip":
            break
    order = [part for part in dict.fromkeys(reached) if part]
    assert order == ["#one-button", "#photo", ".copy", ".words", "ol", "#how", "#strip"]
    assert reached.count(".words") == 1


def test_tabs_and_languages_answer_to_arrow_keys(visit: Visit) -> None:
    page = visit.page
    page.locator("#one-button").focus()
    page.keyboard.press("ArrowRight")
    sync_api.expect(page.locator("#many-button")).to_be_focused()
    sync_api.expect(page.locator("#many-button")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    sync_api.expect(page.locator("#one-button")).to_have_attribute("aria-selected", "true")
    page.locator("#language input:checked").focus()
    page.keyboard.press("ArrowRight")
    chinese = WORDS["zh"]
    sync_api.expect(page.locator("#one-button")).to_have_text(chinese.one)
    sync_api.expect(page.locator("#language input[value=zh]")).to_be_focused()
    sync_api.expect(page.locator("#foot a")).to_have_text(chinese.programs)
    page.locator("#how > button").focus()
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider", name=chinese.beam)
    number = page.get_by_role("spinbutton", name=chinese.top, exact=True)
    slider.press("Home")  # a beam of 1 finds one sentence
    sync_api.expect(number).to_have_value("1")
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_told_from_its_ground(
    scheme: str, server: SimpleNamespace, browser: "sync_api.Browser", drawing: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    """The Web Content Accessibility Guidelines ask for a contrast of 4.5, of 3 for large text."""
    notes = tmp_path / "notes.jpg"
    notes.write_text("no photo\n")
    with visiting(server, browser, "phone", "en-US") as visit:
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.reload()
        visit.page.locator("#answer .waiting").wait_for()
        poor = visit.page.evaluate(POOR_CONTRAST)
        visit.choose(drawing)
        visit.page.locator("#answer .sentence").first.wait_for()
        visit.page.locator("#how button").first.click()
        visit.is_settled()
        poor += visit.page.evaluate(POOR_CONTRAST)
        visit.choose(notes)
        visit.problem()
        visit.pile_up([drawing, notes])
        visit.is_captioned()
        visit.is_settled()
        poor += visit.page.evaluate(POOR_CONTRAST)
    assert poor == []


# Every visible element with text of its own, unless its contrast with its ground suffices: the
# relative luminance of WCAG 2.1, with grounds that shine through laid over one another.
POOR_CONTRAST = """() => {
    const canvas = new OffscreenCanvas(1, 1);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const over = ([r, g, b, a], below) =>
        [r, g, b].map((value, n) => (value * a + below[n] * (255 - a)) / 255);
    const ground = (element) => {
        const own = rgba(getComputedStyle(element).backgroundColor);
        if (own[3] === 255) return own.slice(0, 3);
        const below = element.parentElement ? ground(element.parentElement) : [255, 255, 255];
        return over(own, below);
    };
    const light = (colour) => {
        const [r, g, b] = colour.map((value) => value / 255).map((value) =>
            value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const poor = [];
    for (const element of document.querySelectorAll("main *")) {
        const text = [...element.childNodes]
            .filter((node) => node.nodeType === 3).map((node) => node.textContent.trim()).join("");
        const style = getComputedStyle(element);
        if (!text || !element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true }))
            continue;
        const size = parseFloat(style.fontSize);
        if (size < 6 || element.getBoundingClientRect().width < 2) continue;
        const below = ground(element);
        const both = [light(over(rgba(style.color), below)), light(below)].sort((a, b) => b - a);
        const contrast = (both[0] + 0.05) / (both[1] + 0.05);
        if (contrast < (size >= 24 ? 3 : 4.5))
            poor.push(`${text.slice(0, 30)}: ${contrast.toFixed(2)} (${element.className})`);
    }
    return poor;
}"""


def without_a_photo(visit: Visit, *_: Path) -> Iterator[str]:
    """Each state of the page, by its name, once the page is in it."""
    page = visit.page
    yield "nothing given, with the examples"
    page.locator("#photo .camera-on").click()
    page.locator("#photo .take:enabled").wait_for()
    yield "the camera"
    page.locator("#photo .leave").click()
    visit.dispatch("paste", [])
    visit.notice()
    yield "a clipboard without a picture"


def all_unfolded(visit: Visit, drawing: Path) -> Any:
    """The answer to one photo, with whatever unfolds on the page."""
    page = visit.page
    visit.choose(drawing)
    shown = page.locator("#answer article:visible")
    shown.locator("[data-word]").first.click()
    shown.locator("summary").click()
    page.locator("#how > button").click()
    page.locator("#compare > button").click()
    return shown


def with_a_photo(visit: Visit, drawing: Path, notes: Path) -> Iterator[str]:
    """States of the page with one photo."""
    page, words = visit.page, visit.words
    shown = all_unfolded(visit, drawing)
    page.locator("#compare input[value=beams]").check()
    page.locator("#compare table").wait_for()
    page.locator("#both input").check()
    page.locator("#answer .also").wait_for()
    yield "a sentence in both languages, all unfolded, side by side"
    shown.locator(".play").click()
    yield "the player"
    shown.locator(".play").click()
    page.locator("#compare input[value=avoid]").check()
    page.locator("#compare [role=alert]").wait_for()
    yield "nothing to compare"
    shown.locator("[data-word]").first.click()
    shown.locator(".thought button:enabled").first.click()
    page.locator("#answer .back").wait_for()
    yield "what if"
    page.locator("#answer .back").click()
    require = page.get_by_role("textbox", name=words.require)
    require.fill("qwertz")
    require.press("Enter")
    visit.problem()
    yield "a choice that cannot be"
    page.get_by_label(words.sampling).check()
    page.locator("#answer .draw").wait_for()
    yield "drawn at random"
    visit.choose(notes)
    visit.problem()
    yield "a problem"


def with_many_photos(visit: Visit, drawing: Path, notes: Path) -> Iterator[str]:
    """The same, in the gallery."""
    page = visit.page
    page.locator("#many-button").click()
    yield "no photos"
    visit.pile_up([drawing, notes])
    visit.is_captioned()
    yield "many photos"
    page.locator(".card textarea").first.fill("in other words")
    page.locator(".card .others summary").first.click()
    page.locator(".replace summary").click()
    page.locator(".filter").fill("words")
    yield "a corrected card, its other sentences, find and replace"
    page.locator(".card .original").click()
    yield "a correction that was taken out"
    page.locator(".card .enlarge").first.click()
    page.locator("dialog img").wait_for()
    yield "enlarged"
    page.keyboard.press("Escape")
    page.route("**/gradio_api/**", lambda route: route.abort())
    page.locator("#photos input").set_input_files([notes])
    visit.notice("#gallery")
    yield "many photos without a server"
    page.unroute_all()
    page.locator("#gallery .stop").click()
    visit.is_captioned()
    page.locator("#gallery .start-over").click()
    yield "started over"


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to(
    *,
    scheme: str, locale: str, server: SimpleNamespace, browser: "sync_api.Browser",
    drawing: Path, tmp_path: Path,
) -> None:  # fmt: skip
    """The rules of WCAG 2.2 A and AA and the best practices of axe-core, in the states that the
    page can be in."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    notes = tmp_path / "notes.jpg"
    notes.write_text("no photo\n")
    found: dict[str, list[str]] = {}

    def look(state: str) -> None:
        visit.page.wait_for_function("!document.querySelector('.pending')")
        visit.is_settled()
        violations = axe.run(visit.page).response["violations"]
        found[state] = [
            f"{own['id']}: {node['html'][:150]}" for own in violations for node in own["nodes"]
        ]

    with visiting(server, browser, "phone", locale) as visit:
        page = visit.page
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.reload()
        page.locator("#answer .waiting").wait_for()
        for states in (without_a_photo, with_a_photo, with_many_photos):
            for state in states(visit, drawing, notes):
                look(state)
    assert {state: own for state, own in found.items() if own} == {}


# All that is pressed and is lower or narrower than a finger; of a field in a label, the label.
SMALL = """() => {
    const pressed = (own) => {
        if (own.matches("[type=radio], [type=checkbox], [type=file]")) return own.closest("label");
        return own.matches("[role=combobox]") ? own.closest(".wrap") : own;
    };
    return [...document.querySelectorAll("main *")]
        .filter((own) => own.matches("button, a, summary, textarea, [role=tab], input"))
        .map(pressed)
        .filter((own) => own.checkVisibility() && !own.closest("[aria-hidden=true]"))
        .filter((own) => own.offsetParent && Math.min(own.offsetWidth, own.offsetHeight) < 44)
        .map((own) => `${own.outerHTML.slice(0, 80)}: ${own.offsetWidth} x ${own.offsetHeight}`);
}"""


def test_whatever_is_pressed_is_as_large_as_a_finger(any_visit: Visit, drawing: Path) -> None:
    visit, page = any_visit, any_visit.page
    assert page.evaluate(SMALL) == []
    all_unfolded(visit, drawing)
    page.locator("#compare input[value=beams]").wait_for()
    assert page.evaluate(SMALL) == []
    visit.pile_up([drawing])
    visit.is_captioned()
    page.locator(".card .others summary").click()
    page.locator(".replace summary").click()
    assert page.evaluate(SMALL) == []


def test_enlarged_four_times_the_photo_does_not_cover_the_words(
    any_visit: Visit, drawing: Path
) -> None:
    """A window of 1,280 by 1,024 then is as large as 320 by 256 pixels."""
    visit, page = any_visit, any_visit.page
    page.set_viewport_size({"width": 320, "height": 256})
    visit.choose(drawing)
    last = page.locator("#answer article:visible [data-word]").last
    last.focus()
    last.evaluate("(own) => own.scrollIntoView()")
    photo = page.locator("#photo").bounding_box()
    assert photo is not None
    assert photo["y"] + photo["height"] <= 0
    assert not visit.scrolls_sideways()


def test_every_control_has_a_name(any_visit: Visit, drawing: Path) -> None:
    """As the browser's own accessibility tree has it, which is what screen readers read."""
    visit = any_visit
    visit.choose(drawing)
    visit.page.locator("#answer .sentence").first.wait_for()
    visit.page.locator("#how button").first.click()
    visit.pile_up([drawing])
    visit.is_captioned()
    tree = visit.page.context.new_cdp_session(visit.page).send("Accessibility.getFullAXTree")
    controls = {"button", "textbox", "slider", "checkbox", "radio", "combobox", "spinbutton", "tab"}
    nameless = [
        node["role"]["value"]
        for node in tree["nodes"]
        if not node["ignored"]
        and node["role"]["value"] in controls
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
