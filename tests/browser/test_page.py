"""The page as a person meets it: the real server, the shipped model, a real browser."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw

import captioner
from captioner import CaptionOptions
from captioner.errors import ImageError
from captioner.messages import translate
from captioner.ui import free_port
from captioner.ui.sentences import worth_reading
from captioner.ui.words import ENGLISH, WORDS, Words

pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not BROWSER, reason="no Chromium is installed"),
    pytest.mark.skipif(not captioner.available_models(), reason="weights/ holds no model"),
]

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("CAPTIONER_SHARED", ROOT.parent / "shared"))
PATIENCE_SECONDS = 300  # a busy computer is no reason to fail
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    # Without a name service the page must work all the same.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

# Python runs a module of this name at its start: it writes down each host that the server
# process looks up or connects to, whichever library does it.
SITECUSTOMIZE = """
import os, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
    elif event == "socket.getaddrinfo":
        address = arguments
    else:
        return
    if isinstance(address, tuple):
        with open(os.environ["TOUCHED_HOSTS"], "a") as file:
            print(address[0], file=file)

sys.addaudithook(note)
"""


@dataclass
class Visit:
    """A browser's page, with every host it asked and everything it complained of."""

    page: "sync_api.Page"
    words: Words = ENGLISH
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("websocket", lambda websocket: self._note(websocket.url))
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @property
    def language(self) -> str:
        return "en" if self.words is ENGLISH else "zh"

    def _note(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("data", "blob"):
            self.hosts.add(address.hostname or url)

    def _listen(self, message: "sync_api.ConsoleMessage") -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def choose(self, photo: Path) -> None:
        self.page.locator("#photo input[type=file]").set_input_files(photo)

    def pile_up(self, photos: Sequence[Path]) -> None:
        self.page.locator("#many-button").click()
        self.page.locator("#photos input[type=file]").set_input_files(photos)

    def is_said(self, sentence: str) -> None:
        """Wait until the sentence that is shown large is this one."""
        sync_api.expect(self.page.locator("#answer article:visible .sentence")).to_have_text(
            sentence
        )

    def sentences(self) -> list[str]:
        return self.page.locator("#answer [data-choose] span").all_inner_texts()

    def problem(self) -> str:
        message = self.page.locator("#problem [role=alert]")
        message.wait_for()
        return message.inner_text()

    def notice(self, box: str = "#photo") -> str:
        """What the page says of its own accord, with photo and sentence left as they are."""
        message = self.page.locator(f"{box} .notice")
        message.wait_for()
        return message.inner_text()

    def is_captioned(self) -> None:
        """Wait until no photo of the gallery is left to be captioned."""
        self.page.locator("#gallery .end [role=status] span").first.wait_for(state="attached")

    def dispatch(self, event: str, files: Sequence[Path]) -> None:
        """Let the page's heading meet a paste or drop event that carries files."""
        script = """([constructor, type, member, files]) => {
            const data = new DataTransfer();
            for (const [name, bytes] of files) {
                const decoded = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
                data.items.add(new File([decoded], name, { type: "image/png" }));
            }
            const options = { [member]: data, bubbles: true, cancelable: true };
            const target = document.querySelector("#heading h1");
            target.dispatchEvent(new window[constructor](type, options));
        }"""
        kind = {
            "paste": ("ClipboardEvent", "paste", "clipboardData"),
            "drop": ("DragEvent", "drop", "dataTransfer"),
        }[event]
        contents = [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]
        self.page.evaluate(script, [*kind, contents])

    def scrolls_sideways(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth")

    def tint(self) -> list[int]:
        """How strong the tint over the photo is, at 4 by 4 places; nothing where it is not seen."""
        return self.page.evaluate("""() => {
            const canvas = document.querySelector("#photo > canvas.seen");
            if (!canvas) return [];
            const pen = canvas.getContext("2d");
            const at = (n) => [((n % 4) + 0.5) / 4, (Math.floor(n / 4) + 0.5) / 4];
            return [...Array(16).keys()].map((n) => {
                const [x, y] = at(n);
                return pen.getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3];
            });
        }""")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    temporary = folder / "temporary"
    temporary.mkdir()
    hosts = folder / "hosts.txt"
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    environment = {"PYTHONPATH": path, "TMPDIR": str(temporary), "TOUCHED_HOSTS": str(hosts)}
    port = free_port("127.0.0.1", 0)
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "ui.py", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_until_up(url, process, Path(output.name))
            yield SimpleNamespace(url=url, hosts=hosts)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
    assert process.returncode == 0
    assert list(temporary.glob("captioner-*")) == []  # no photo outlives the server


def wait_until_up(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        try:
            direct.open(url, timeout=5).close()
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"The server does not answer:\n{output.read_text()}")


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


WINDOWS = {"desktop": (1280, 900), "phone": (390, 844), "wide": (1920, 1080)}


@contextmanager
def visiting(
    server: SimpleNamespace, browser: "sync_api.Browser", window: str, locale: str
) -> Iterator[Visit]:
    width, height = WINDOWS[window]
    context = browser.new_context(
        permissions=["clipboard-read", "clipboard-write", "camera"],
        viewport={"width": width, "height": height},
        has_touch=window == "phone",
        locale=locale,
    )
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    sync_api.expect.set_options(timeout=1000 * PATIENCE_SECONDS)
    visit = Visit(context.new_page(), WORDS[locale[:2]])
    visit.page.goto(server.url)
    visit.page.locator("#photo input[type=file]").wait_for(state="attached")
    yield visit
    context.close()


@pytest.fixture
def visit(server: SimpleNamespace, browser: "sync_api.Browser") -> Iterator[Visit]:
    with visiting(server, browser, "desktop", "en-US") as visit:
        yield visit


@pytest.fixture(params=["desktop-en-US", "desktop-zh-CN", "phone-en-US", "phone-zh-HK"])
def any_visit(
    server: SimpleNamespace, browser: "sync_api.Browser", request: pytest.FixtureRequest
) -> Iterator[Visit]:
    """In both languages, on both sizes of window."""
    window, _, locale = request.param.partition("-")
    with visiting(server, browser, window, locale) as visit:
        sync_api.expect(visit.page.locator("#one-button")).to_have_text(visit.words.one)
        yield visit


@pytest.fixture(scope="module")
def model() -> captioner.Captioner:
    return captioner.load_model()


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = Image.linear_gradient("L").resize((320, 240)).convert("RGB")
    ImageDraw.Draw(image).ellipse((90, 50, 230, 190), fill="orange", outline="brown", width=8)
    path = tmp_path_factory.mktemp("photos") / "drawing.png"
    image.save(path)
    return path


@pytest.fixture(scope="module")
def real_photo() -> Path:
    photos = sorted((SHARED / "coco_mini" / "train2017").glob("*.jpg"))
    if not photos:
        pytest.skip("no folder of real photos; CAPTIONER_SHARED names one")
    return photos[0]


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
        (visit.words.length, 14, {"top": 3, "beam": 3}),
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


def test_a_real_photo_gets_the_models_sentence(
    visit: Visit, model: captioner.Captioner, real_photo: Path
) -> None:
    visit.choose(real_photo)
    visit.is_said(model.caption(real_photo, top=5, beam=5).text)


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_photo_may_be_pasted_or_dropped_anywhere(
    event: str, any_visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit = any_visit
    writer = model.in_language(visit.language)
    visit.dispatch(event, [drawing])
    visit.is_said(writer.caption(drawing, top=5, beam=5).text)


def test_several_photos_dropped_at_once_go_to_the_many(
    any_visit: Visit, drawing: Path, tmp_path: Path
) -> None:
    visit = any_visit
    shutil.copy(drawing, tmp_path / "second.png")
    visit.dispatch("drop", [drawing, tmp_path / "second.png"])
    visit.is_captioned()
    assert visit.page.locator("#gallery .name").all_inner_texts() == ["drawing.png", "second.png"]


def test_a_photo_that_the_browser_cannot_show_is_shown_all_the_same(
    visit: Visit, model: captioner.Captioner, drawing: Path, tmp_path: Path
) -> None:
    tiff = tmp_path / "drawing.tiff"
    Image.open(drawing).save(tiff)
    visit.choose(tiff)
    visit.is_said(model.caption(tiff, top=5, beam=5).text)
    visit.page.wait_for_function("document.querySelector('#photo > canvas.seen')")
    assert min(visit.tint()) == 255  # the photo itself, opaque


def test_a_photo_may_be_taken_with_the_webcam(any_visit: Visit) -> None:
    visit = any_visit
    photo = visit.page.locator("#photo")
    photo.get_by_role("button", name=visit.words.camera).click()
    photo.get_by_role("button", name=visit.words.take).click()

    visit.page.locator("#answer .sentence").first.wait_for()


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
        visit.page.wait_for_timeout(1000)  # until colours have faded over
        poor += visit.page.evaluate(POOR_CONTRAST)
        visit.choose(notes)
        visit.problem()
        visit.pile_up([drawing, notes])
        visit.is_captioned()
        visit.page.wait_for_timeout(1000)
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
    left = shown.locator(".tree button").first
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
        visit.page.wait_for_function("!document.querySelector('#answer .pending')")
        visit.page.wait_for_timeout(700)  # until colours have faded over
        violations = axe.run(visit.page).response["violations"]
        found[state] = [
            f"{own['id']}: {node['html'][:150]}" for own in violations for node in own["nodes"]
        ]

    with visiting(server, browser, "phone", locale) as visit:
        page = visit.page
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.reload()
        page.locator("#answer .waiting").wait_for()
        look("nothing given")
        visit.choose(drawing)
        page.locator("#answer article:visible [data-word]").first.click()
        page.locator("#answer article:visible summary").click()
        page.locator("#how > button").click()
        page.locator("#compare > button").click()
        page.locator("#compare input[value=beams]").check()
        page.locator("#compare table").wait_for()
        look("a sentence, all unfolded")
        visit.choose(notes)
        visit.problem()
        look("a problem")
        visit.pile_up([drawing, notes])
        page.locator("#gallery .downloads").wait_for()
        look("many photos")
    assert {state: own for state, own in found.items() if own} == {}


def test_an_example_picture_is_given_by_a_click(visit: Visit, model: captioner.Captioner) -> None:
    page = visit.page
    page.get_by_role("button", name=visit.words.example_names[2]).press("Enter")
    folder = ROOT / "captioner" / "ui" / "examples"
    visit.is_said(model.caption(folder / "dog.jpg", top=5, beam=5).text)
    assert not page.locator("#examples").is_visible()
    assert visit.complaints == []
