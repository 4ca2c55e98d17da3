"""Many photos in a real browser, with a server that is killed in the midst."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import IN_A_BROWSER, PATIENCE_SECONDS, ROOT, sync_api
from PIL import Image

from captioner.captions import CocoResults, Csv, Row, spelt, text_names
from captioner.model import CaptioningModel
from captioner.model.saving import save_model
from captioner.text import Vocabulary
from captioner.ui import free_port
from captioner.ui.words import ENGLISH, WORDS

pytestmark = IN_A_BROWSER

LONG = ["a" * 80 + ".png", "看图说话照片档案馆收藏照片编号第一百二十三.png"]


class Server:
    """The page with a model whose sentences do not matter, which can be killed and come back."""

    def __init__(self, model: Path) -> None:
        self.model = model
        self.port = free_port("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-m", "captioner", "serve", "--model", str(self.model)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], cwd=ROOT, stderr=subprocess.DEVNULL
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None
            try:
                return direct.open(self.url, timeout=5).close()
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.2)
        pytest.fail("The server does not answer.")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def server(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, tiny_model, vocabulary, "")
    server = Server(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def page(server: Server, browser: "sync_api.Browser") -> Iterator["sync_api.Page"]:
    sync_api.expect.set_options(timeout=1000 * PATIENCE_SECONDS)
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US")
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    page = context.new_page()
    page.goto(server.url)
    page.locator("#photo .surface").wait_for()
    yield page
    context.close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    paths = [folder / name for name in (*LONG, "c.png", "d.png", "e.png")]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    return paths


def give(page: "sync_api.Page", photos: list[Path]) -> None:
    page.locator("#many-button").click()
    page.locator("#photos input").set_input_files(photos)


def await_all(page: "sync_api.Page", count: int) -> None:
    sync_api.expect(page.locator(".card")).to_have_count(count)
    page.locator("#gallery .end [role=status] span").first.wait_for(state="attached")


def drop(page: "sync_api.Page", count: int) -> None:
    """Drop so many new photos on the page's heading."""
    page.evaluate(
        """async (count) => {
            const data = new DataTransfer();
            for (let n = 0; n < count; n += 1) {
                const canvas = new OffscreenCanvas(20, 20 + n);
                canvas.getContext("2d").fillRect(n, n, 5, 5);
                data.items.add(new File([await canvas.convertToBlob()], `dropped-${n}.png`));
            }
            const options = { dataTransfer: data, bubbles: true, cancelable: true };
            document.querySelector("h1").dispatchEvent(new DragEvent("drop", options));
        }""",
        count,
    )


def downloaded(page: "sync_api.Page", form: str) -> bytes:
    with page.expect_download() as download:
        page.locator(f"[data-form={form}]").click()
    return Path(download.value.path()).read_bytes()


def captions(page: "sync_api.Page") -> list[str]:
    return [area.input_value() for area in page.locator(".card textarea").all()]


def test_corrections_outlive_the_server_the_page_and_starting_over(
    page: "sync_api.Page", server: Server, photos: list[Path]
) -> None:
    give(page, photos[:3])
    await_all(page, 3)
    first = page.locator(".card textarea").first
    original = first.input_value()
    first.fill("in my own words")
    sync_api.expect(page.locator(".card .edited").first).to_be_visible()

    other = page.context.new_page()
    other.goto(server.url)
    other.locator("#photo .surface").wait_for()

    server.kill()
    other.locator("#photo input").set_input_files(photos[0])
    sync_api.expect(other.locator("#photo .notice")).to_contain_text(ENGLISH.away)
    rows = [json.loads(line) for line in downloaded(page, "JSONL").splitlines()]
    assert rows[0] == {
        "image": LONG[0], "language": "en", "caption": "in my own words", "model": "tiny",
        "edited": True, "original": original,
    }  # fmt: skip
    assert "edited" not in rows[1]
    assert rows[1]["log_prob"] < 0
    drop(page, 2)
    sync_api.expect(page.locator("#gallery .notice")).to_contain_text(ENGLISH.away)
    assert page.locator(".card").count() == 3
    server.start()
    await_all(page, 5)
    sync_api.expect(page.locator("#gallery .notice")).to_be_empty()
    assert captions(page)[0] == "in my own words"

    page.locator(".start-over").click()
    sync_api.expect(page.locator(".card")).to_have_count(0)
    page.locator("#gallery .offer button").click()
    sync_api.expect(page.locator(".card")).to_have_count(5)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    sync_api.expect(page.locator(".card textarea").first).to_have_value("in my own words")
    assert page.locator(".card").count() == 5

    # A photo that was given meanwhile is captioned, too. Another tab is offered the gallery; the
    # same photo, given anew, brings its correction along.
    other.locator("#answer .sentence").first.wait_for()
    sync_api.expect(other.locator("#photo .notice")).to_be_empty()
    other.locator("#many-button").click()
    other.locator("#gallery .offer button").wait_for()
    other.locator("#photos input").set_input_files(photos[:1])
    await_all(other, 1)
    assert captions(other) == ["in my own words"]
    other.locator(".card .original").click()
    assert captions(other) == [original]


def test_reviewing_by_keyboard_alone(page: "sync_api.Page", photos: list[Path]) -> None:
    give(page, photos[:3])
    await_all(page, 3)
    texts = page.locator(".card textarea")
    texts.nth(0).focus()
    page.keyboard.press("Control+Enter")
    sync_api.expect(texts.nth(1)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("a horse by the sea")
    before = page.evaluate("scrollY")
    drop(page, 2)
    await_all(page, 5)
    sync_api.expect(texts.nth(1)).to_be_focused()
    assert page.evaluate("scrollY") == before

    page.locator(".replace summary").press("Enter")
    page.locator(".from").fill("horse")
    page.locator(".to").fill("donkey")
    page.keyboard.press("Enter")
    sync_api.expect(texts.nth(1)).to_have_value("a donkey by the sea")
    page.locator(".offer button").press("Enter")
    sync_api.expect(texts.nth(1)).to_have_value("a horse by the sea")
    assert page.evaluate("document.activeElement !== document.body")

    page.locator(".filter").fill("HORSE")
    sync_api.expect(page.locator(".card:visible")).to_have_count(1)
    page.locator(".filter").fill("")
    page.locator(".sort").press("Enter")
    rows = {row["image"]: row for row in map(json.loads, downloaded(page, "JSONL").splitlines())}
    sorted_rows = [rows[name] for name in page.locator(".card .name").all_inner_texts()]
    assert len(sorted_rows) == 5
    certainties = [
        row["log_prob"] / (len(row["caption"].split()) + 1)
        for row in sorted_rows
        if "edited" not in row
    ]
    assert certainties == sorted(certainties)

    card = page.locator(".card").first
    card.locator(".others summary").press("Enter")
    other = card.locator(".pick").nth(1)
    said = other.inner_text()
    other.press("Enter")
    sync_api.expect(card.locator("textarea")).to_have_value(said)
    sync_api.expect(card.locator(".edited")).to_be_hidden()  # it is the model's all the same
    card.locator(".enlarge").press("Enter")
    page.locator("dialog img").wait_for()
    page.keyboard.press("Escape")
    card.locator(".anew").press("Enter")
    sync_api.expect(card.locator("textarea")).not_to_have_value(said)
    assert page.evaluate("document.activeElement.closest('.card') !== null")


def test_replacing_says_what_it_changed_and_offers_to_undo_that_alone(
    page: "sync_api.Page", photos: list[Path]
) -> None:
    give(page, photos[:2])
    await_all(page, 2)
    text = page.locator(".card textarea").first
    text.fill("a horse by the sea")
    page.locator(".replace summary").click()

    def replace(sought: str, instead: str) -> None:
        page.locator(".from").fill(sought)
        page.locator(".to").fill(instead)
        page.keyboard.press("Enter")

    said, undo = page.locator(".offer [role=status]"), page.locator(".offer button")
    replace("horse", "horse for $&")
    sync_api.expect(said).to_contain_text(ENGLISH.replaced.format(1))
    sync_api.expect(text).to_have_value("a horse for $& by the sea")
    undo.click()
    sync_api.expect(text).to_have_value("a horse by the sea")
    for sought, instead in (("zebra", "horse"), ("horse", "horse")):
        replace(sought, instead)
        sync_api.expect(said).to_contain_text(ENGLISH.not_found)
        sync_api.expect(undo).to_have_count(0)


def test_a_server_that_breaks_off_an_answer_takes_neither_photo_nor_choices_with_it(
    page: "sync_api.Page", server: Server, photos: list[Path]
) -> None:
    words = WORDS["zh"]
    page.locator("#language input[value=zh]").check()
    page.locator("#photo input").set_input_files(photos[0])
    page.locator("#answer .sentence").first.wait_for()
    page.locator("#how > button").click()
    length = page.get_by_role("spinbutton", name=words.length)
    length.fill("3")
    length.press("Enter")
    page.evaluate("window.isOld = true")
    page.once("dialog", lambda dialog: pytest.fail("Nothing is lost, so there is no question."))
    server.process.send_signal(signal.SIGSTOP)  # so that the answer is still to come
    page.locator("#photo input").set_input_files(photos[2])
    with page.expect_request("**/component_server/"):
        server.process.send_signal(signal.SIGCONT)
    server.kill()
    sync_api.expect(page.locator("#photo .notice")).to_contain_text(words.away)
    assert not page.locator("#answer").is_visible()  # which is about the photo before
    assert page.locator("[data-testid=toast-text]").count() == 0  # gradio's own, in English

    server.start()
    sync_api.expect(page.locator("#answer .pending")).to_have_count(0)
    # The third thing that it writes is the end.
    assert page.locator("#answer article:visible [data-word]").count() == 2
    sync_api.expect(page.locator("#photo .notice")).to_be_empty()
    assert page.evaluate("window.isOld")  # the page itself is the same
    assert page.locator("#photo img").evaluate("(own) => own.naturalWidth") == 60
    sync_api.expect(length).to_have_value("3")

    # A server that was started again does not have the photo, which goes there once more.
    server.kill()
    server.start()
    page.locator("#compare > button").click()
    page.get_by_role("radio", name=words.beams).check()
    sync_api.expect(page.locator("#compare tr")).to_have_count(3)


def test_a_photo_that_the_server_no_longer_has_goes_there_once_more(
    page: "sync_api.Page", photos: list[Path]
) -> None:
    """Uploads are deleted within the hour."""
    uploads: list[str] = []
    page.on("request", lambda own: uploads.append(own.url) if "/upload" in own.url else None)

    def refuse_once() -> None:
        page.route(
            "**/component_server/", lambda route: route.fulfill(status=403, body="Gone."), times=1
        )

    refuse_once()
    page.locator("#photo input").set_input_files(photos[2])
    page.locator("#answer .sentence").first.wait_for()
    assert len(uploads) == 2

    give(page, photos[:1])
    await_all(page, 1)
    card = page.locator(".card")
    said = card.locator("textarea").input_value()
    assert len(uploads) == 3
    refuse_once()
    card.locator("textarea").fill("in my own words")
    card.locator(".anew").click()
    sync_api.expect(card.locator("textarea")).to_have_value(said)
    assert len(uploads) == 4


def test_a_correction_that_was_taken_out_can_be_had_back(
    page: "sync_api.Page", photos: list[Path]
) -> None:
    give(page, photos[2:3])
    await_all(page, 1)
    card = page.locator(".card")
    text, back = card.locator("textarea"), card.locator(".mine")
    sync_api.expect(back).to_be_hidden()
    card.locator(".others summary").click()
    for button in (".original", ".pick >> nth=1", ".anew"):
        text.fill("in my own words")
        card.locator(button).press("Enter")
        sync_api.expect(text).not_to_have_value("in my own words")
        back.press("Enter")
        sync_api.expect(text).to_have_value("in my own words")
        sync_api.expect(text).to_be_focused()
        sync_api.expect(back).to_be_hidden()
    rows = [json.loads(line) for line in downloaded(page, "JSONL").splitlines()]
    assert [row["caption"] for row in rows] == ["in my own words"]


def test_a_browser_that_lets_pages_keep_nothing_is_told_of_no_keeping(
    page: "sync_api.Page", server: Server, photos: list[Path]
) -> None:
    page.add_init_script("""
        Object.defineProperty(window, "indexedDB", { get: () => { throw new Error("private"); } });
    """)
    page.goto(server.url)
    page.locator("#photo .surface").wait_for()
    give(page, photos[2:4])
    await_all(page, 2)
    page.locator(".card textarea").first.fill("in my own words")
    assert "in my own words" in downloaded(page, "CSV").decode("utf-8-sig")
    sync_api.expect(page.locator("#gallery .kept")).to_be_hidden()


@pytest.mark.parametrize("language", WORDS)
def test_nothing_widens_the_page(language: str, page: "sync_api.Page", photos: list[Path]) -> None:
    page.locator(f"#language input[value={language}]").check()
    give(page, photos)
    await_all(page, 5)
    page.locator(".replace summary").click()
    page.locator(".card .others summary").first.click()
    for width in (320, 360, 390, 480, 600, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        beyond = page.evaluate("""() => [...document.querySelectorAll("main, main *")]
            .filter((own) => own.checkVisibility())
            .map((own) => [own.getBoundingClientRect(), `${own.tagName}.${own.className}`])
            .filter(([box]) => box.width > 1 && box.right > document.documentElement.clientWidth)
            .map(([, own]) => own)""")
        assert beyond == []
    small = page.evaluate("""() => [...document.querySelectorAll("#gallery button, summary")]
        .filter((own) => own.checkVisibility() && own.getBoundingClientRect().height < 44)
        .map((own) => own.outerHTML.slice(0, 80))""")
    assert small == []


def test_a_failed_paste_keeps_the_photo_and_its_sentence(
    page: "sync_api.Page", photos: list[Path]
) -> None:
    page.locator("#photo input").set_input_files(photos[0])
    sentence = page.locator("#answer .sentence").first
    sentence.wait_for()
    said = sentence.inner_text()
    page.evaluate("""() => {
        const data = new DataTransfer();
        data.setData("text/plain", "words");
        const options = { clipboardData: data, bubbles: true, cancelable: true };
        document.querySelector("h1").dispatchEvent(new ClipboardEvent("paste", options));
    }""")
    sync_api.expect(page.locator("#photo .notice")).to_contain_text(ENGLISH.no_picture)
    assert sentence.inner_text() == said
    assert page.locator("#photo img").evaluate("(own) => own.naturalWidth") == 60
    with page.expect_file_chooser() as chooser:
        page.locator("#photo img").click()
    chooser.value.set_files(photos[1])
    sync_api.expect(page.locator("#photo .notice")).to_be_empty()


def test_while_a_file_is_dragged_the_page_shows_where_it_may_be_dropped(
    page: "sync_api.Page",
) -> None:
    page.evaluate("""() => {
        const data = new DataTransfer();
        data.items.add(new File(["x"], "x.png"));
        const drag = { dataTransfer: data, bubbles: true, cancelable: true };
        document.querySelector("h1").dispatchEvent(new DragEvent("dragover", drag));
    }""")
    assert page.locator("html.dragging").count() == 1
    sync_api.expect(page.locator("html.dragging")).to_have_count(0)


def test_without_https_there_is_neither_camera_nor_clipboard_to_press(
    page: "sync_api.Page", server: Server
) -> None:
    """What a browser lets no page have at another computer's plain http is not there."""
    page.add_init_script("""
        for (const name of ["clipboard", "mediaDevices"])
            Object.defineProperty(Navigator.prototype, name, { get: () => undefined });
    """)
    page.goto(server.url)
    page.locator("#photo .surface").wait_for()
    sync_api.expect(page.locator("#photo .choose")).to_be_visible()
    for name in ("paste", "camera-on"):
        sync_api.expect(page.locator(f"#photo .{name}")).to_be_hidden()


NASTY: list[dict[str, Any]] = [
    {"image": "000042.jpg", "language": "en", "caption": 'a "dog", running', "log_prob": -3.5},
    {"image": "夏天/猫.png", "language": "zh", "caption": "一只猫\n在睡觉"},
    {"image": "=1+1.jpg", "language": "en", "caption": "@SUM(1);-1"},
    {"image": "夏天/猫.jpg", "language": "en", "caption": "'+1,\t=2", "model": "m"},
    {"image": "notes.jpg", "error": "notes.jpg is not a photo in any known format."},
]


def test_the_browser_spells_files_as_the_command_does(page: "sync_api.Page") -> None:
    rows = [Row.from_dict(own) for own in NASTY]
    given = [
        {"rows": [own], "path": own["image"], "imageId": json.dumps(own["image"])} for own in NASTY
    ]
    given[0]["imageId"] = "42"

    def spelled(form: str) -> bytes:
        with page.expect_download() as download:
            page.evaluate("([form, given]) => captioner.download(form, given)", [form, given])
        return Path(download.value.path()).read_bytes()

    table = list(csv.DictReader(io.StringIO(spelled("CSV").decode("utf-8-sig"))))
    expected = list(csv.DictReader(io.StringIO(spelt(rows, Csv()).decode())))
    assert [{name: own[name] for name in expected[0]} for own in table] == expected
    assert json.loads(spelled("COCO")) == json.loads(spelt(rows, CocoResults()))
    assert [json.loads(line) for line in spelled("JSONL").splitlines()] == NASTY
    with zipfile.ZipFile(io.BytesIO(spelled("TXT"))) as archive:
        assert archive.testzip() is None
        names = text_names([row.image for row in rows if not row.error])
        assert archive.namelist() == names
        assert archive.read(names[1]).decode() == "一只猫\n在睡觉\n"
