"""All ways to give a photo, and what is no photo, in a real browser."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from browsing import IN_A_BROWSER_WITH_A_MODEL, Visit
from PIL import Image

import captioner
from captioner.errors import ImageError
from captioner.messages import translate

pytestmark = IN_A_BROWSER_WITH_A_MODEL

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_photo_may_be_pasted_or_dropped_anywhere(
    event: str, any_visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit = any_visit
    writer = model.in_language(visit.language)
    visit.dispatch(event, [drawing])
    visit.is_said(writer.caption(drawing, top=5, beam=5).text)


def test_a_photo_may_be_taken_with_the_webcam(any_visit: Visit) -> None:
    visit = any_visit
    photo = visit.page.locator("#photo")
    photo.get_by_role("button", name=visit.words.camera).click()
    photo.get_by_role("button", name=visit.words.take).click()

    visit.page.locator("#answer .sentence").first.wait_for()


def test_the_very_first_moment_is_not_too_early(visit: Visit, server: SimpleNamespace) -> None:
    """A file that gradio itself would refuse, given as soon as there is a box to give it to."""
    visit.page.add_init_script("""
        new MutationObserver((_, observer) => {
            const input = document.querySelector("#photo input[type=file]");
            if (!input) return;
            observer.disconnect();
            const chosen = new DataTransfer();
            chosen.items.add(new File(["Milk"], "notes.txt", { type: "text/plain" }));
            input.files = chosen.files;
            input.dispatchEvent(new Event("change", { bubbles: true }));
        }).observe(document, { childList: true, subtree: true });
    """)
    visit.page.goto(server.url)

    assert "notes.txt" in visit.problem()


@pytest.mark.parametrize("name", ["notes.txt", "笔记 '<b>' ${1} {{x}}.jpg", f"{'n' * 150}.jpg"])
def test_no_photo_gets_a_plain_sentence_and_the_next_photo_is_captioned(
    name: str, any_visit: Visit, model: captioner.Captioner, drawing: Path, tmp_path: Path
) -> None:
    visit = any_visit
    writer = model.in_language(visit.language)
    notes = tmp_path / name
    notes.write_text("Milk, bread, two photographs of a dog.\n")
    with pytest.raises(ImageError) as expected:
        writer.caption(notes)

    visit.choose(notes)
    told = translate(expected.value, visit.language)
    assert visit.problem() == told.replace(str(notes), name)
    assert not visit.scrolls_sideways()
    assert not visit.page.locator("#answer").is_visible()
    visit.choose(drawing)
    visit.is_said(writer.caption(drawing, top=5, beam=5).text)
    assert not visit.page.locator("#problem").is_visible()


def test_a_bomb_and_a_dot_are_answered(any_visit: Visit, tmp_path: Path) -> None:
    visit = any_visit
    bomb, dot = tmp_path / "bomb.png", tmp_path / "dot.png"
    Image.new("1", (30000, 30000)).save(bomb)
    Image.new("RGB", (1, 1)).save(dot)
    visit.choose(bomb)
    assert "bomb.png" in visit.problem()
    visit.choose(dot)
    visit.page.locator("#answer .sentence").first.wait_for()


def test_a_file_that_is_too_large_is_refused_before_it_travels(
    any_visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit = any_visit
    writer = model.in_language(visit.language)
    visit.page.evaluate("captioner.mostBytes = 1000")
    assert drawing.stat().st_size > 1000
    visit.dispatch("drop", [drawing])
    assert visit.notice() == visit.words.too_large.format("drawing.png", 0)
    visit.page.evaluate("captioner.mostBytes = 1e6")
    visit.choose(drawing)
    visit.is_said(writer.caption(drawing, top=5, beam=5).text)


def test_nothing_leaves_this_computer_and_the_browser_has_no_complaint(
    any_visit: Visit, server: SimpleNamespace, drawing: Path, tmp_path: Path
) -> None:
    visit = any_visit
    notes = tmp_path / "notes.jpg"
    notes.write_text("no photo\n")
    visit.choose(drawing)
    visit.page.locator("#answer .sentence").first.wait_for()
    visit.choose(notes)
    visit.problem()
    visit.pile_up([drawing, notes])
    visit.is_captioned()

    assert visit.hosts == {"127.0.0.1"}
    assert visit.complaints == []
    assert set(server.hosts.read_text().split()) <= LOOPBACK
    assert server.hosts.read_text()  # gradio asks its own page whether it is up
