"""A running page under attack: a second process, over HTTP, by whoever can reach it."""

from __future__ import annotations

import base64
import concurrent.futures
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from captioner import Captioner
from captioner.model import CaptioningModel, save_model
from captioner.options import OPTIONS
from captioner.text import Vocabulary
from captioner.ui import free_port

pytest.importorskip("gradio")
pytest.importorskip("mcp")

MOST = 12 * 10**6  # bytes of one upload
WAITING = 60 * 10**6  # bytes of all uploads
JSON = {"Content-Type": "application/json"}
MCP = {**JSON, "Accept": "application/json, text/event-stream"}
PATIENCE = 240  # a busy computer is no reason to fail
NO_PHOTO = "No photo arrived; please give it again."
Data = list[Any]
# What the page's scripts ask for, and the part of the page that it belongs to.
SCRIPTS = {
    "answered": "photo", "compared": "comparison", "listed": "gallery", "captioned": "gallery",
}  # fmt: skip
ARGUMENTS = ["photo", "model", "language", "details", *OPTIONS]
USUAL: dict[str, Data] = {
    name: [None, "", "", None, *[None] * len(OPTIONS)] for name in ("caption", "caption_many")
}


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Page:
    """A running server, and how a program without good manners talks to it."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    log: Path
    config: dict[str, Any] = field(default_factory=dict)

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.getheaders()), reply.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, value: Any, **headers: str) -> Reply:
        return self.send("POST", path, json.dumps(value).encode(), {**JSON, **headers})

    def upload(self, *files: tuple[str, bytes], **headers: str) -> Reply:
        head = '--x\r\nContent-Disposition: form-data; name="files"; filename="{}"\r\n\r\n'
        parts = [head.format(name).encode() + content + b"\r\n" for name, content in files]
        kind = {"Content-Type": "multipart/form-data; boundary=x", **headers}
        return self.send("POST", "/gradio_api/upload", b"".join([*parts, b"--x--\r\n"]), kind)

    def given(self, content: bytes, name: str = "photo.png") -> dict[str, Any]:
        """An uploaded file, as an ordinary visitor names it."""
        path = self.upload((name, content)).json[0]
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def call(self, name: str, *data: Any) -> str:
        """The outcome of an end point: what its events hold, or why the call is refused.

        data: the first arguments; the usual ones follow.
        """
        every = [*data, *USUAL[name][len(data) :]]
        asked = self.post(f"/gradio_api/call/{name}", {"data": every})
        if asked.status != 200:
            return asked.text
        return self.get(f"/gradio_api/call/{name}/{asked.json['event_id']}").text

    def join(self, function: int, data: Data, **more: Any) -> str:
        """The same for any function of the page, also a private one."""
        session = more.pop("session_hash", uuid.uuid4().hex)
        asked = self.post(
            "/gradio_api/queue/join",
            {"fn_index": function, "data": data, "session_hash": session, **more},
        )
        if asked.status != 200:
            return asked.text
        return self.get(f"/gradio_api/queue/data?session_hash={session}").text

    def script(self, function: str, request: Any) -> Reply:
        """What the server answers to the page's own scripts."""
        parts = self.config["components"]
        wanted = SCRIPTS.get(function, "gallery")
        (own,) = [part["id"] for part in parts if part["props"].get("elem_id") == wanted]
        asked = {"data": request, "component_id": own, "fn_name": function, "session_hash": "x"}
        return self.post("/gradio_api/component_server", asked)

    def tool(self, name: str, **arguments: Any) -> Reply:
        """What the MCP server answers."""
        call = {"name": name, "arguments": arguments}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        return self.send("POST", "/gradio_api/mcp/", json.dumps(request).encode(), MCP)

    def memory(self) -> int:
        """Bytes that the server holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1024

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(model: Path, folder: Path, *options: str, **environment: str) -> Iterator[Page]:
    """A server with the model, whose temporary files are in the folder."""
    folder.mkdir(exist_ok=True)
    port = free_port("127.0.0.1", 0)
    command = [sys.executable, "-m", "captioner", "serve", "--model", str(model)]
    log = folder / "log.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--device", "cpu", *options],
            stdout=file, stderr=file, cwd=folder,
            env={**os.environ, "TMPDIR": str(folder), **environment},
        )  # fmt: skip
    page = Page(process, port, folder, log)
    try:
        deadline = time.monotonic() + PATIENCE
        while "The page is at" not in log.read_text(errors="replace"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield page
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def model(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(folder, tiny_model, vocabulary, "A model for tests.\n")
    return folder


@pytest.fixture(scope="module")
def page(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One server for all attacks: what one of them breaks, the next ones meet."""
    limits = ("--max-upload", str(MOST), "--max-waiting", str(WAITING))
    with running(model, tmp_path_factory.mktemp("served"), "--mcp", *limits) as page:
        page.config = page.get("/config").json
        yield page


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def photo() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return png(Image.fromarray(pixels))


@pytest.fixture(scope="module")
def sentence(model: Path, photo: bytes, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the model says of the photo."""
    import captioner

    path = tmp_path_factory.mktemp("photos") / "photo.png"
    path.write_bytes(photo)
    loaded: Captioner = captioner.load_model(model, "cpu")
    return loaded.caption(path).text


@pytest.fixture(autouse=True)
def _afterwards_a_visitor_is_answered(page: Page, photo: bytes, sentence: str) -> Iterator[None]:
    yield
    assert page.process.poll() is None, page.log.read_text()[-3000:]
    outcome = page.call("caption", page.given(photo))
    assert outcome.startswith("event: complete"), outcome
    assert json.loads(outcome.partition("data: ")[2])[0]["caption"] == sentence


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> Path:
    """A picture on the computer that was given to nobody, a zip file beside it, and a pipe."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "secret.png").write_bytes(photo)
    with zipfile.ZipFile(folder / "secret.zip", "w") as archive:
        archive.writestr("secret-name.png", photo)
    os.mkfifo(folder / "pipe.png")
    return folder


# ---- 1. Paths ----


def forms(path: str) -> list[Any]:
    """Everything that might pass for a file."""
    meta = {"_type": "gradio.FileData"}
    return [
        {"path": path},
        {"path": path, "orig_name": "photo.png"},
        {"path": path, "meta": meta},
        {"path": path, "url": f"http://127.0.0.1/gradio_api/file={path}", "meta": meta},
        {"path": path, "is_stream": True, "meta": meta},
        {"path": path, "url": path, "meta": {"_type": "other"}},
        {"url": path},
        {"image": {"path": path}},
        {"path": {"path": path}},
        {"path": [path]},
        {"value": {"path": path}, "path": None},
        [path],
        [{"path": path}],
        path,
    ]


def test_only_what_was_uploaded_is_opened_whatever_form_it_has(page: Page, secret: Path) -> None:
    inside = Path(page.given(b"x")["path"]).parents[1]
    paths = [
        *(str(secret / name) for name in ("secret.png", "secret.zip", "pipe.png", "no such")),
        *("/dev/zero", "/dev/stdin", "/proc/self/environ", "/etc/passwd", str(secret), str(inside)),
        f"{inside}/../../../../../../../../../..{secret}/secret.png",
        os.path.relpath(secret / "secret.png", page.folder),
        "", "\0", "x" * 5000, "~/x", "file:///etc/passwd",
    ]  # fmt: skip
    fields = ["en", "", 3, 1, 5, False, 1, 1, "", ""]
    for number, path in enumerate(paths):
        every = forms(path)
        # Each form of the first path, and of the others one after another.
        chosen = every if number == 0 else [every[number % 6], every[number % len(every)]]
        for form in chosen:
            outcomes = [
                page.call("caption", form),
                page.call("caption_many", [form]),
                page.call("caption_many", form),
                page.script("answered", [form, False, False, "", fields]).text,
                page.script("compared", ["beams", form, fields]).text,
                page.script("captioned", [[{"upload": form}], fields, False]).text,
                page.script("listed", [form]).text,
            ]
            for outcome in outcomes:
                assert "data:image" not in outcome, (form, outcome)
                assert "secret-name" not in outcome, (form, outcome)
                assert '"caption"' not in outcome, (form, outcome)
                assert "<article" not in outcome, (form, outcome)
                assert "<table>" not in outcome, (form, outcome)
                assert str(secret) not in outcome, (form, outcome)
                assert "not exist" not in outcome, (form, outcome)
            assert NO_PHOTO in outcomes[0] or "No photos arrived" in outcomes[0], outcomes[0]


def test_a_link_in_the_upload_folder_leads_nowhere(page: Page, secret: Path, photo: bytes) -> None:
    given = page.given(photo, "linked.png")
    link = Path(given["path"])
    link.unlink()
    link.symlink_to(secret / "secret.png")
    assert NO_PHOTO in page.call("caption", given)
    assert page.get(f"/gradio_api/file={link}").status == 403
    link.unlink()
    os.mkfifo(link)
    assert NO_PHOTO in page.call("caption", given)


def test_a_tool_call_sends_no_file_of_the_computer(page: Page, secret: Path) -> None:
    path = str(secret / "secret.png")
    before = set(page.folder.rglob("*"))
    for form in forms(path):
        said = page.tool("caption", photo=form).text + page.tool("caption_many", photos=[form]).text
        assert '"log_prob"' not in said, (form, said)
    assert {own for own in page.folder.rglob("*") if own.name == "secret.png"} <= before


def test_a_tool_call_with_the_photo_itself_is_answered(
    page: Page, photo: bytes, sentence: str
) -> None:
    address = f"data:image/png;base64,{base64.b64encode(photo).decode()}"
    reply = page.tool("caption", photo=address).text
    content = json.loads(reply.partition("data: ")[2])["result"]["content"]
    assert json.loads(content[0]["text"])["caption"] == sentence


def test_no_address_of_gradios_shows_another_file(page: Page, secret: Path) -> None:
    path = secret / "secret.png"
    readable = [
        f"/gradio_api/file={path}", f"/gradio_api/file//{path}", f"/gradio_api/file={secret}",
        f"/gradio_api/file=%2e%2e/%2e%2e{path}", "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=http://127.0.0.1/", "/gradio_api/proxy=http://127.0.0.1/",
        f"/static/..{path}", "/assets/../../../routes.py", "/static/%2e%2e/%2e%2e/%2e%2e/routes.py",
        "/gradio_api/custom_component/x/client/y/z.js", "/gradio_api/deep_link?session_hash=x",
        "/gradio_api/vibe-code", "/gradio_api/runs", "/monitoring", "/gradio_api/dev/reload",
        "/gradio_api/stream/a/b/1/playlist-file", "/?deep_link=../../x", "/svelte/../x",
    ]  # fmt: skip
    for address in readable:
        reply = page.get(address)
        assert reply.status < 500, address
        assert reply.status >= 400 or address.startswith("/?"), (address, reply.status)
        assert "PNG" not in reply.text
        assert "root:x:" not in reply.text
    for address in ("/gradio_api/run/caption", "/gradio_api/process_recording"):
        assert page.post(address, {"data": []}).status == 404


# ---- 2. Wrong types ----

HUGE = 10**4000
NUMBERS: list[Any] = [
    True, "3", [], [[1]], {}, 1.5, -1, 0, 10**9, HUGE, float("nan"), float("inf"), 1e308,
]  # fmt: skip
WRONG: dict[str, list[Any]] = {
    "beam": NUMBERS,
    "top": NUMBERS,
    "max_length": NUMBERS,
    "temperature": [own for own in NUMBERS if own != 1.5 and own is not True],
    "seed": [own for own in NUMBERS if own not in (0, 10**9)],
    "require": [[["dog"]], [None], {"dog": 1}, 3, ["dog"] * 999, ["x" * 10**5], ["xyz"]],
    "avoid": [[["dog"]], [None], {"dog": 1}, 3, ["dog"] * 999, ["x" * 10**5]],
    "model": [[], {}, 3, "no such", "../tiny", "x" * 10**5, ["tiny"]],
    "language": [[], {}, 3, "x" * 10**5],
}


@pytest.mark.parametrize("name", WRONG)
def test_an_argument_of_another_type_or_out_of_range_is_one_sentence(
    page: Page, photo: bytes, name: str
) -> None:
    given = page.given(photo)
    for value in WRONG[name]:
        data = [given, *USUAL["caption"][1:]]
        data[ARGUMENTS.index(name)] = value
        outcome = page.call("caption", *data)
        assert outcome.startswith("event: error"), (value, outcome)
        said = json.loads(outcome.partition("data: ")[2])["error"]
        assert said.endswith(".") or said.endswith("xyz'."), (value, said)
        assert len(said) < 400, (value, said[:500])
        assert "wrong inside" not in said, (value, said)


def test_the_pages_own_fields_are_checked_as_well(page: Page, photo: bytes) -> None:
    given = page.given(photo)
    usual: Data = ["en", "", 3, 1, 5, False, 1, 1, "", ""]
    for place in range(len(usual)):
        for value in (None, [], {}, [[]], "x", -1, 10**9, HUGE, float("nan"), float("inf")):
            fields = list(usual)
            fields[place] = value
            for reply in (
                page.script("answered", [given, False, False, "", fields]),
                page.script("compared", ["beams", given, fields]),
                page.script("captioned", [[{"upload": given}], fields, False]),
            ):
                assert reply.status == 200, (place, value, reply.text)
                assert "wrong inside" not in reply.text, (place, value)


# ---- 3. Other pages ----


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "192.0.2.7", "", "[::1", "a@b"]
)
def test_a_name_that_is_not_its_own_is_not_answered_to(page: Page, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/config"), ("POST", "/gradio_api/mcp/")):
        reply = page.send(method, path, b"{}", {**MCP, "Host": host, "Origin": f"http://{host}"})
        assert reply.status in (400, 403), (path, reply.status)
        assert "Access-Control-Allow-Credentials" not in reply.headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "x", ""])
def test_another_pages_request_is_refused(page: Page, photo: bytes, origin: str) -> None:
    before = {own for own in page.folder.rglob("*") if own.is_file()}
    replies = [
        page.upload(("photo.png", photo), Origin=origin),
        page.post("/gradio_api/call/caption", {"data": []}, Origin=origin),
        page.post("/gradio_api/queue/join", {"data": []}, Origin=origin),
        page.send("POST", "/gradio_api/mcp/", b"{}", {**MCP, "Origin": origin}),
        page.send("POST", "/login", b"username=a&password=b", {"Origin": origin}),
        page.send("OPTIONS", "/gradio_api/upload", b"", {
            "Origin": origin, "Access-Control-Request-Method": "POST"}),
        page.get("/config", Origin=origin),
    ]  # fmt: skip
    for reply in replies:
        assert reply.status == 403
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    assert {own for own in page.folder.rglob("*") if own.is_file()} == before


def test_its_own_requests_are_taken_by_any_of_its_own_names(page: Page, photo: bytes) -> None:
    for host in (f"localhost:{page.port}", f"127.0.0.1:{page.port}", f"[::1]:{page.port}"):
        reply = page.upload(("photo.png", photo), Host=host, Origin=f"http://{host}")
        assert reply.status == 200
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]


def test_every_answer_says_how_browsers_are_to_treat_it(page: Page) -> None:
    for reply in (page.get("/"), page.get("/nothing"), page.get("/", Host="evil.example")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        assert reply.headers["content-security-policy"].startswith("default-src 'self' ")


def test_there_are_no_websockets(page: Page) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    reply = page.send("GET", "/", b"", {**headers, "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert reply.status in (400, 403, 404, 426) or reply.text.startswith("<!doctype")


# ---- 4. Memory ----


def bomb(side: int) -> bytes:
    """A PNG of that many pixels a side, RGBA and empty, made without ever being in memory."""
    line, packer = bytes(1 + 4 * side), zlib.compressobj(9)
    data = b"".join(packer.compress(line) for _ in range(side)) + packer.flush()
    head = side.to_bytes(4) * 2 + bytes((8, 6, 0, 0, 0))
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(own).to_bytes(4) + name + own + zlib.crc32(name + own).to_bytes(4)
        for name, own in chunks
    )


def test_large_photos_at_once_take_little_memory_and_give_it_back(page: Page) -> None:
    """As large as a photo may be, and at once: 3 GB each before there was a limit."""
    large = bomb(13_377)
    assert len(large) < 10**6
    files = [page.given(large, f"{number}.png") for number in range(2)]
    before, peak = page.memory(), 0
    calls = [threading.Thread(target=page.call, args=("caption", own)) for own in files]
    for call in calls:
        call.start()
    while any(call.is_alive() for call in calls):
        peak = max(peak, page.memory())
        time.sleep(0.02)
    assert before + 5 * 10**8 < peak < before + 15 * 10**8
    deadline = time.monotonic() + 60
    while page.memory() > before + 2 * 10**8:
        assert time.monotonic() < deadline, (before, peak, page.memory())
        time.sleep(0.5)


def test_a_request_in_json_has_a_limit_whatever_length_it_claims(page: Page) -> None:
    before = page.memory()
    for path in ("queue/join", "call/caption", "component_server", "cancel", "mcp/"):
        with socket.create_connection(("127.0.0.1", page.port), timeout=PATIENCE) as visitor:
            visitor.sendall(
                f"POST /gradio_api/{path} HTTP/1.1\r\nHost: localhost:{page.port}\r\n".encode()
                + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            part = b"100000\r\n" + b"[" * 2**20 + b"\r\n"
            for number in range(60):
                visitor.sendall(b'100002\r\n{"' + part[8:] if number == 0 else part)
            visitor.sendall(b"0\r\n\r\n")
            assert b" 413 " in visitor.recv(2**12).partition(b"\r\n")[0], path
    assert page.memory() < before + 10**8


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10**5, b'{"data":' + b"[" * 900 + b"]" * 900 + b"}", b'{"data":[' + b"[]," * 10**5,
        b'{"data":[' + b"9" * 5000 + b"]}", b"\xff\xfe", b"", b"null", b"[]", b"NaN",
        b'{"data":"' + b"x" * 10**6 + b'"}',
    ],
)  # fmt: skip
def test_json_that_costs_more_than_it_says_is_not_understood(page: Page, body: bytes) -> None:
    for path in ("queue/join", "call/caption", "component_server", "cancel", "mcp/"):
        reply = page.send("POST", f"/gradio_api/{path}", body, MCP)
        assert 400 <= reply.status < 500, (path, reply.status)


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(page: Page) -> None:
    before = {own for own in page.folder.rglob("*") if own.is_file()}
    assert page.upload(("large.png", bytes(MOST + 1))).status == 413
    assert {own for own in page.folder.rglob("*") if own.is_file()} == before


# ---- 5. Time ----


def test_a_zip_files_table_of_contents_is_read_once(page: Page) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(100_000):
            archive.writestr(f"{number}.png", b"")
    upload = page.given(packed.getvalue(), "many.zip")
    before = page.processor_seconds()
    rows = json.loads(page.call("caption_many", [upload]).partition("data: ")[2])[0]
    assert len(rows) == 501
    assert rows[0] == {"image": "0.png", "error": "0.png is empty."}
    assert rows[-1]["error"].startswith("Only the first 500 photos are taken")
    assert page.processor_seconds() - before < 30


def slow_zip() -> bytes:
    """Photos that take many times longer to open than to send."""
    photo, packed = bomb(4000), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(400):
            archive.writestr(f"{number}.png", photo)
    return packed.getvalue()


def listen_and_leave(page: Page, path: str) -> None:
    """Leave when the work has begun."""
    before = page.processor_seconds()
    with socket.create_connection(("127.0.0.1", page.port), timeout=PATIENCE) as visitor:
        visitor.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        visitor.recv(1)
        deadline = time.monotonic() + PATIENCE
        while page.processor_seconds() < before + 0.5:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_work_stops_when_the_visitor_has_gone(page: Page) -> None:
    """It would take a hundred seconds of a processor."""
    before = page.processor_seconds()
    upload = page.given(slow_zip(), "slow.zip")
    ask = {"data": [[upload], *USUAL["caption_many"][1:]]}
    event = page.post("/gradio_api/call/caption_many", ask).json["event_id"]
    listen_and_leave(page, f"/gradio_api/call/caption_many/{event}")
    used = -1.0
    while page.processor_seconds() > used + 0.2:
        used = page.processor_seconds()
        assert used < before + 40
        time.sleep(3)


def test_a_search_for_very_many_words_is_not_begun(page: Page, photo: bytes) -> None:
    given = page.given(photo)
    words = ["dog", "grass", "ball", "red", "runs"] * 6
    before = page.processor_seconds()

    def outcome_of(words: list[str], beam: int) -> str:
        said = {"photo": given, "beam": beam, "top": 5, "max_length": 30, "require": words}
        return page.call("caption", *(said.get(name) for name in ARGUMENTS))

    for required, beam in ((words, 10), (words[:4], 10), ([" ".join(words)], 1)):
        outcome = outcome_of(required, beam)
        assert "words that must appear are too many for a beam of" in outcome
    assert page.processor_seconds() - before < 5
    assert outcome_of(words[:3], 10).startswith("event: complete")


# ---- 6. Disk and log-ins ----


def test_when_too_much_is_waiting_a_sentence_says_so(page: Page, photo: bytes) -> None:
    statuses = []
    for number in range(8):
        reply = page.upload((f"{number}.png", bytes([number]) * (MOST - 1000)))
        statuses.append(reply.status)
        if reply.status != 200:
            assert reply.text == (
                "Too many uploads are waiting here at the moment; please try again later."
            )
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert set(statuses) == {200, 503}
    (uploads,) = page.folder.glob("captioner-*/uploads")
    assert sum(own.stat().st_size for own in uploads.rglob("*")) < WAITING + 10**6
    for large in uploads.rglob("*.png"):  # an hour later
        if large.stat().st_size > 10**6:
            large.unlink()
    time.sleep(1.1)
    assert page.upload(("photo.png", photo)).status == 200


def test_a_broken_off_upload_leaves_nothing(page: Page) -> None:
    before = {own for own in page.folder.rglob("*") if own.is_file()}
    with socket.create_connection(("127.0.0.1", page.port)) as visitor:
        visitor.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
            + bytes(10**6)
        )
        time.sleep(0.5)
    deadline = time.monotonic() + PATIENCE
    while {own for own in page.folder.rglob("*") if own.is_file()} != before:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def log_in(page: Page, password: str) -> int:
    form = f"username=ann&password={password}".encode()
    return page.send(
        "POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"}
    ).status


def test_a_server_with_a_password_is_killed_started_again_and_ended(
    model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "second"
    with running(model, folder, CAPTIONER_AUTH="ann:right") as page:
        assert "right" not in Path(f"/proc/{page.process.pid}/cmdline").read_text()
        assert page.get("/config").status == 401
        start = time.monotonic()
        assert [log_in(page, "wrong") for _ in range(7)] == [400] * 7
        assert time.monotonic() - start > 1.8
        with concurrent.futures.ThreadPoolExecutor(12) as burst:
            statuses = list(burst.map(lambda _: log_in(page, "wrong"), range(12)))
        assert statuses.count(429) >= 8
    (left,) = folder.glob("captioner-*")
    assert (left / "uploads").is_dir()

    (folder / "captioner-foreign").mkdir()
    password = tmp_path / "password"
    password.write_text("ann:right\n")
    with running(model, folder, "--auth-file", str(password)) as page:
        assert not left.exists()
        assert (folder / "captioner-foreign").is_dir()
        assert len(list(folder.glob("captioner-*"))) == 2
        assert log_in(page, "right") == 200
        cookie = {"Cookie": _cookie(page)}
        path = page.upload(("slow.zip", slow_zip()), **cookie).json[0]
        for _ in range(4):
            ask = {"data": [[{"path": path}], *USUAL["caption_many"][1:]]}
            page.post("/gradio_api/call/caption_many", ask, **cookie)
        time.sleep(1)
        page.process.send_signal(signal.SIGTERM)
        assert page.process.wait(30) == 0  # what it has begun takes several minutes
    assert [own.name for own in folder.glob("captioner-*")] == ["captioner-foreign"]


def _cookie(page: Page) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=PATIENCE)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", b"username=ann&password=right", form)
    reply = connection.getresponse()
    cookies = [own.partition(";")[0] for own in reply.headers.get_all("set-cookie")]
    connection.close()
    return "; ".join(cookies)


# ---- Anything ----

NAMES = ["path", "meta", "url", "data", "fn_index", "session_hash", "event_id", "event_data"]
NAMES += ["component_id", "fn_name", "trigger_id", "orig_name", "_type", "jsonrpc", "method", "id"]
ODD = [
    HUGE,
    -1,
    10**9,
    "",
    "\0",
    "/etc/passwd",
    "/dev/zero",
    "gradio.FileData",
    "captioned",
    "http://x",
]
texts = st.text(st.characters(exclude_categories=()), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | texts, inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
few = hypothesis.settings(
    max_examples=8, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
POSTS = [
    "/gradio_api/queue/join", "/gradio_api/call/caption", "/gradio_api/call/v2/caption",
    "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/component_server", "/gradio_api/upload",
    "/gradio_api/mcp/", "/login",
]  # fmt: skip


@pytest.mark.parametrize("path", POSTS)
def test_any_json_is_answered_without_a_mistake_of_the_servers(page: Page, path: str) -> None:
    @few
    @hypothesis.given(values | bodies)
    def attack(value: Any) -> None:
        reply = page.send("POST", path, json.dumps(value).encode(), MCP)
        assert reply.status < 500, reply.text

    attack()


def test_every_function_of_the_page_answers_any_arguments(page: Page, photo: bytes) -> None:
    """Private ones, too, which the page's own description lists."""
    functions = page.config["dependencies"]
    named = page.get("/gradio_api/info").json["named_endpoints"]
    assert {own["api_name"] for own in functions} >= {name[1:] for name in named}
    assert len(functions) >= 7
    upload = st.just(page.given(photo))

    for function in functions:
        count = len(function["inputs"])
        arguments = st.lists(values | upload, min_size=count, max_size=count) | st.lists(values)

        few(hypothesis.given(arguments, values)(attack_on(page, function)))()


def test_the_gallery_asks_for_a_few_photos_at_a_time(page: Page, photo: bytes) -> None:
    """So a visitor who leaves leaves no more work than that behind."""
    fields: Data = ["en", "", 3, 1, 5, False, 1, 1, "", ""]
    one = {"upload": page.given(photo)}
    assert len(page.script("captioned", [[one] * 16, fields, False]).json["photos"]) == 16
    assert "problem" in page.script("captioned", [[one] * 17, fields, False]).json


@few
@hypothesis.given(values, st.sampled_from([*SCRIPTS, "no such"]))
def test_a_script_is_answered_whatever_it_asks(page: Page, value: Any, name: str) -> None:
    for request in (value, [[value], ["en"], False], [value], [value] * 5):
        reply = page.script(name, request)
        assert reply.status < 500, (request, reply.text)
        assert "Traceback" not in reply.text


def attack_on(page: Page, function: dict[str, Any]) -> Callable[[Data, Any], None]:
    def attack(data: Data, more: Any) -> None:
        joined = page.join(function["id"], data, event_data=more)
        called = page.post(f"/gradio_api/call/{function['api_name']}", {"data": data})
        assert called.status < 500
        for outcome in (joined, called.text):
            assert "Internal Server Error" not in outcome
            assert "Traceback" not in outcome

    return attack


@few
@hypothesis.given(st.binary(max_size=300), st.sampled_from(POSTS), st.sampled_from(list("abc")))
def test_any_bytes_are_answered(page: Page, body: bytes, path: str, kind: str) -> None:
    kinds = {"a": "multipart/form-data; boundary=x", "b": "application/json", "c": "text/plain"}
    framed = b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + body
    for own in (body, framed + b'"\r\n\r\nx\r\n--x--\r\n'):
        assert page.send("POST", path, own, {"Content-Type": kinds[kind]}).status < 500
