"""Many photos with the shipped model, in a real browser."""

import io
import re
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from browsing import EVERY, IN_A_BROWSER_WITH_A_MODEL, Visit, sync_api, visiting

import captioner
from captioner.ui.words import ENGLISH, WORDS

pytestmark = IN_A_BROWSER_WITH_A_MODEL


@pytest.mark.parametrize("any_visit", EVERY, indirect=True)
def test_many_photos_from_the_gallery_to_the_files(
    any_visit: Visit, model: captioner.Captioner, drawing: Path, tmp_path: Path
) -> None:
    visit, page = any_visit, any_visit.page
    writer = model.in_language(visit.language)
    nasty = tmp_path / "猫 '<b onmouseover=x>' &.png"
    shutil.copy(drawing, nasty)
    notes = tmp_path / "notes.jpg"
    notes.write_text("no photo")
    pack = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        archive.write(drawing, "../../up/in.png")
        archive.writestr("more.zip", b"PK")
    expected = writer.caption(drawing, top=5, beam=5).text
    visit.pile_up([nasty, notes, pack])

    visit.is_captioned()
    cards = page.locator("#gallery li")
    assert cards.locator(".name").all_inner_texts() == [
        *(nasty.name, "notes.jpg", "more.zip", "up/in.png")
    ]
    assert page.locator("#gallery b").count() == 0
    texts = page.locator("#gallery textarea")
    assert [text.input_value() for text in texts.all()] == [expected, expected]
    reasons = cards.locator(".reason").all_inner_texts()
    assert ("notes.jpg is not a photo in any known format." in reasons) == (visit.words is ENGLISH)
    assert visit.words.done_except.format(2, 4) in page.locator("#gallery .end").inner_text()
    assert not visit.scrolls_sideways()

    texts.nth(0).fill('my "own" words')
    other = "zh" if visit.language == "en" else "en"
    page.locator(f"#language input[value={other}]").check()
    said = page.locator("#gallery .end [role=status]")
    sync_api.expect(said).to_contain_text(WORDS[other].done_except.format(2, 4))
    assert {name: file_of(visit, name) for name in ("CSV", "JSONL", "COCO", "TXT")} == {
        "CSV": "captions.csv", "JSONL": "captions.jsonl", "COCO": "captions.json",
        "TXT": "captions.zip",
    }  # fmt: skip
    page.locator("#gallery .start-over").click()
    assert page.locator("#gallery li").count() == 0
    assert visit.complaints == []


def file_of(visit: Visit, form: str) -> str:
    """The name without the time of the file behind a button, which holds the edited caption."""
    with visit.page.expect_download() as download:
        visit.page.locator(f"#gallery [data-form={form}]").click()
    content = Path(download.value.path()).read_bytes()
    if form == "TXT":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert len(archive.namelist()) == 2
            content = b"".join(map(archive.read, archive.namelist()))
    assert b"own" in content
    return re.sub(r"-[0-9]+-[0-9]+", "", download.value.suggested_filename)


def test_stopping_keeps_the_captions_so_far(
    any_visit: Visit, drawing: Path, tmp_path: Path
) -> None:
    visit = any_visit
    pack = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        for number in range(400):
            archive.write(drawing, f"{number}.png")
    visit.pile_up([pack])
    visit.page.locator("#gallery li").first.wait_for()
    visit.page.locator("#gallery .stop").click()
    visit.is_captioned()

    said = visit.page.locator("#gallery .end [role=status]").inner_text()
    done = visit.page.locator("#gallery li").count()
    assert done < 400
    assert said == visit.words.stopped.format(done, 400)
    visit.page.reload()
    visit.page.locator("#gallery li").nth(done - 1).wait_for()
    assert visit.page.locator("#gallery .notice").inner_text() == ""


def test_a_visitor_who_leaves_in_the_middle_disturbs_nobody(
    server: SimpleNamespace, browser: "sync_api.Browser", model: captioner.Captioner,
    drawing: Path, tmp_path: Path,
) -> None:  # fmt: skip
    pack = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        for number in range(400):
            archive.write(drawing, f"{number}.png")
    with visiting(server, browser, "desktop", "en-US") as other:
        other.pile_up([pack])
        other.page.locator("#gallery li").first.wait_for()
    with visiting(server, browser, "desktop", "en-US") as visit:
        visit.choose(drawing)
        visit.is_said(model.caption(drawing, top=5, beam=5).text)


def test_of_many_files_those_that_are_too_large_are_refused_and_the_others_taken(
    any_visit: Visit, drawing: Path, tmp_path: Path
) -> None:
    visit = any_visit
    large = tmp_path / "<large>.png"
    large.write_bytes(drawing.read_bytes() + bytes(1000))
    visit.page.evaluate(f"captioner.mostBytes = {drawing.stat().st_size}")
    visit.dispatch("drop", [drawing, large])
    visit.is_captioned()
    assert visit.page.locator("#gallery .name").all_inner_texts() == ["drawing.png"]
    said = visit.notice("#gallery")
    assert said.startswith(visit.words.too_large.format("<large>.png", "x").partition("x")[0])


def test_several_photos_dropped_at_once_go_to_the_many(
    any_visit: Visit, drawing: Path, tmp_path: Path
) -> None:
    visit = any_visit
    shutil.copy(drawing, tmp_path / "second.png")
    visit.dispatch("drop", [drawing, tmp_path / "second.png"])
    visit.is_captioned()
    assert visit.page.locator("#gallery .name").all_inner_texts() == ["drawing.png", "second.png"]
