"""A running page under attack: a second process, over HTTP, by whoever can reach it."""

from __future__ import annotations

import ast
import base64
import concurrent.futures
import http.client
import io
import json
import os
import signal
import socket
import struct
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

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from captioner import Captioner
from captioner.model import CaptioningModel, save_model
from captioner.text import Vocabulary
from captioner.ui import free_port

pytest.importorskip("gradio")
pytest.importorskip("mcp")

MOST = 2 * 10**6  # bytes of one upload
WAITING = 40 * 10**6  # bytes of all uploads
JSON = {"Content-Type": "application/json"}
MCP = {**JSON, "Accept": "application/json, text/event-stream"}
PATIENCE = 60
NO_PHOTO = "No photo arrived; please give it again."
Data = list[Any]
USUAL: dict[str, Data] = {
    "caption": [None, "", "", 3, 5, 14, False, 1.0, 1, [], []],
    "caption_many": [None, "", "", 3, 1, 14, [], []],
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
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, content in files
        ]
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

    def number_of(self, name: str) -> int:
        """Of the page's function of that name."""
        (own,) = [own["id"] for own in self.config["dependencies"] if own["api_name"] == name]
        return own

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
    assert json.loads(outcome.partition("data: ")[2])[0]["text"] == sentence


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
    one, many = page.number_of("answer_visitor"), page.number_of("fill")
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
                page.join(one, [form, None, *fields]),
                page.join(many, [[form], *fields]),
            ]
            for outcome in outcomes:
                assert "data:image" not in outcome, (form, outcome)
                assert "secret-name" not in outcome, (form, outcome)
                assert '"text"' not in outcome, (form, outcome)
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
    assert ast.literal_eval(content[0]["text"])["text"] == sentence


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
    None, True, "3", [], [[1]], {}, 1.5, -1, 0, 10**9, HUGE, float("nan"), float("inf"), 1e308,
]  # fmt: skip
ARGUMENTS = [
    "photo", "model", "language", "beam", "top", "max_length", "sampling", "temperature", "seed",
    "include", "avoid",
]  # fmt: skip
WRONG: dict[str, list[Any]] = {
    "beam": NUMBERS,
    "top": NUMBERS,
    "max_length": NUMBERS,
    "temperature": [own for own in NUMBERS if own != 1.5 and own is not True],
    "seed": [own for own in NUMBERS if own not in (0, 10**9)],
    "sampling": [None, [], {}, "true", 1, [[]]],
    "include": ["dog", [["dog"]], [None], {"dog": 1}, 3, ["dog"] * 999, ["x" * 10**5], ["xyz"]],
    "avoid": ["dog", [["dog"]], [None], {"dog": 1}, 3, ["dog"] * 999, ["x" * 10**5]],
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
    one, many = page.number_of("answer_visitor"), page.number_of("fill")
    usual: Data = ["en", "", 3, 1, 5, False, 1, 1, "", ""]
    for place in range(len(usual)):
        for value in (None, [], {}, [[]], "x", -1, 10**9, HUGE, float("nan"), float("inf")):
            fields = list(usual)
            fields[place] = value
            for outcome in (
                page.join(one, [given, None, *fields]),
                page.join(many, [[given], *fields]),
            ):
                assert "wrong inside" not in outcome, (place, value)
                assert "process_completed" in outcome, (place, value, outcome)


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
