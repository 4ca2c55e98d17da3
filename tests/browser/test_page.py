"""The page as a person meets it: the real server, the shipped model, a real browser."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw

import captioner
from captioner.errors import ImageError
from captioner.ui import free_port

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
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("websocket", lambda websocket: self._note(websocket.url))
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("data", "blob"):
            self.hosts.add(address.hostname or url)

    def _listen(self, message: "sync_api.ConsoleMessage") -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def choose(self, photo: Path) -> None:
        self.page.locator("#photo input[type=file]").set_input_files(photo)

    def sentence(self) -> str:
        box = self.page.locator("#sentence textarea")
        sync_api.expect(box).not_to_have_value("")
        return box.input_value()

    def problem(self) -> str:
        message = self.page.locator("#problem [role=alert]")
        message.wait_for()
        return message.inner_text()

    def dispatch(self, event: str, photo: Path) -> None:
        """Let the page's heading meet a paste or drop event that carries the photo."""
        script = """([constructor, type, member, bytes, name]) => {
            const data = new DataTransfer();
            const decoded = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
            data.items.add(new File([decoded], name, { type: "image/png" }));
            const options = { [member]: data, bubbles: true, cancelable: true };
            const target = document.querySelector("#heading h1");
            target.dispatchEvent(new window[constructor](type, options));
        }"""
        kind = {
            "paste": ("ClipboardEvent", "paste", "clipboardData"),
            "drop": ("DragEvent", "drop", "dataTransfer"),
        }[event]
        content = base64.b64encode(photo.read_bytes()).decode()
        self.page.evaluate(script, [*kind, content, photo.name])


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


@pytest.fixture
def visit(server: SimpleNamespace, browser: "sync_api.Browser") -> Iterator[Visit]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write", "camera"])
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    sync_api.expect.set_options(timeout=1000 * PATIENCE_SECONDS)
    visit = Visit(context.new_page())
    visit.page.goto(server.url)
    visit.page.locator("#photo input[type=file]").wait_for(state="attached")
    yield visit
    context.close()


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


@pytest.mark.parametrize("name", ["drawing", "real_photo"])
def test_a_chosen_photo_gets_the_models_sentence(
    name: str, visit: Visit, model: captioner.Captioner, request: pytest.FixtureRequest
) -> None:
    photo = request.getfixturevalue(name)
    visit.choose(photo)

    assert visit.sentence() == model.caption(photo).text
    others = visit.page.locator("#others li span").all_inner_texts()
    assert others == [other.text for other in model.caption(photo, top=5).alternatives]


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_photo_may_be_pasted_or_dropped_anywhere(
    event: str, visit: Visit, model: captioner.Captioner, drawing: Path
) -> None:
    visit.dispatch(event, drawing)

    assert visit.sentence() == model.caption(drawing).text


def test_a_photo_may_be_taken_with_the_webcam(visit: Visit) -> None:
    photo = visit.page.locator("#photo")
    photo.get_by_label("Capture from camera").click()
    photo.get_by_text("Click to Access Webcam").click()
    # Before its first picture the camera has nothing to be captured.
    visit.page.wait_for_function("document.querySelector('#photo video')?.videoWidth > 0")
    visit.page.wait_for_timeout(1000)
    photo.get_by_label("capture photo").click()

    assert visit.sentence()


def test_the_copy_button_copies_the_sentence(visit: Visit, drawing: Path) -> None:
    visit.choose(drawing)
    sentence = visit.sentence()
    visit.page.locator("#sentence button").click()
    visit.page.wait_for_function(
        f"async () => (await navigator.clipboard.readText()) === {json.dumps(sentence)}"
    )


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


@pytest.mark.parametrize("name", ["notes.jpg", "notes.txt"])
def test_no_photo_gets_a_plain_sentence_and_the_next_photo_is_captioned(
    name: str, visit: Visit, model: captioner.Captioner, drawing: Path, tmp_path: Path
) -> None:
    notes = tmp_path / name
    notes.write_text("Milk, bread, two photographs of a dog.\n")
    with pytest.raises(ImageError) as expected:
        model.caption(notes)

    visit.choose(notes)
    assert visit.problem() == str(expected.value).replace(str(notes), name)
    assert not visit.page.locator("#sentence").is_visible()
    visit.choose(drawing)
    assert visit.sentence() == model.caption(drawing).text
    assert not visit.page.locator("#problem").is_visible()


def test_nothing_leaves_this_computer_and_the_browser_has_no_complaint(
    visit: Visit, server: SimpleNamespace, drawing: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.jpg"
    notes.write_text("no photo\n")
    visit.choose(drawing)
    visit.sentence()
    visit.choose(notes)
    visit.problem()

    assert visit.hosts == {"127.0.0.1"}
    assert visit.complaints == []
    assert set(server.hosts.read_text().split()) <= LOOPBACK
    assert server.hosts.read_text()  # gradio asks its own page whether it is up
