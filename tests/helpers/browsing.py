"""A real browser and what a person does in it; without one, tests that need it are skipped."""

import base64
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

import captioner
from captioner.ui import free_port
from captioner.ui.words import ENGLISH, WORDS, Words

pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(not BROWSER, reason="no Chromium is installed"),
]
IN_A_BROWSER_WITH_A_MODEL = [
    *IN_A_BROWSER,
    pytest.mark.skipif(not captioner.available_models(), reason="weights/ holds no model"),
]

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120  # a busy computer is no reason to fail
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
EVERY = ["desktop-en-US", "desktop-zh-CN", "phone-en-US", "phone-zh-HK"]  # kinds of visits
WINDOWS = {"desktop": (1280, 900), "phone": (390, 844), "wide": (1920, 1080)}

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

    def is_settled(self) -> None:
        """Wait until nothing fades or moves any more, but for what never ends."""
        self.page.wait_for_function("""() => document.getAnimations().every(
            (own) => own.playState !== "running" ||
                own.effect.getComputedTiming().endTime === Infinity
        )""")

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


@contextmanager
def serving(folder: Path) -> Iterator[SimpleNamespace]:
    """The page as `ui.py` starts it; afterwards it has ended well and left nothing behind."""
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


@contextmanager
def browsing() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


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
