"""What stands between the network and the page: who is let in, with what, and how much of it.

gradio has many more addresses than this page needs, and answers to any name. Every request passes
here first, so that neither one of its own addresses nor a later end point can be forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.formparsers import MultiPartException
from starlette.responses import FileResponse, PlainTextResponse, Response

from captioner import messages
from captioner.errors import CaptionerError
from captioner.ui.logins import Logins
from captioner.ui.offline import POLICY
from captioner.ui.service import Service
from captioner.ui.tools import wrong_call
from captioner.ui.uploads import Uploads

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_JSON = 2 * 10**6  # bytes of what is no photo
_MOST_FORM = 10**4  # bytes of a name and a password
_MOST_VALUES, _MOST_DEPTH = 50_000, 40  # in one JSON text

# What the page's own scripts, gradio_client and people with curl ask for; all else is shut. Among
# it are addresses that run ffmpeg on an upload, write files, or fetch others.
_API = "/gradio_api"
_GET = re.compile(
    "/|/config/?|/(?:assets|static)/.+|/theme.css|/favicon.ico|/robots.txt|/manifest.json|/logout|"
    f"{_API}/(?:(?:info|startup-events|app_id|user|login_check|theme.css|queue/(?:data|status)|"
    "openapi.json|upload_progress)/?|heartbeat/[^/]+|call/(?:v2/)?[^/]+/[^/]+|file=.+)"
)
_POST = re.compile(
    f"/login/?|{_API}/(?:upload|queue/join|call/(?:v2/)?[^/]+|cancel|reset|component_server)/?"
)
API_DOCUMENT = "/api.md"
DOCUMENTS = {API_DOCUMENT, "/cells.md", "/cells.zh.md"}
_EXAMPLES = Path(__file__).parent / "examples"
EXAMPLES = {f"/examples/{path.name}": path for path in sorted(_EXAMPLES.glob("*.jpg"))}
_MCP = re.compile(f"{_API}/mcp(?:/|/http/?)?")
_FILE = f"{_API}/file="
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
# gradio lets other pages read its answers; this page's are for itself.
_DROPPED = b"access-control-"


class Refusal(MultiPartException):
    """Why a request is not let in; gradio deletes what it has of an upload when it meets one."""

    def __init__(self, status: int, template: str, *values: object) -> None:
        self.status, self.sentence = status, messages.Message(template, *values)
        super().__init__(str(self.sentence))


class Names:
    """The names by which the page may be called.

    A page of somebody else's, open in the same browser, can have its own name lead to this
    computer (DNS rebinding), but never a number, nor one of these names.

    host: the address that the page listens at. allowed: further names.
    """

    def __init__(self, host: str, allowed: Iterable[str] = ()) -> None:
        self._allowed = {name.lower() for name in allowed}
        self._own = {host.lower(), *LOOPBACK}
        self._numbers = not is_loopback(host)
        if self._numbers:
            own = socket.gethostname().lower()
            self._own |= {own, f"{own}.local"}

    def add(self, name: str) -> None:
        """Allow one more."""
        self._allowed.add(name.lower())

    def know(self, host: str) -> bool:
        """Whether a Host header, such as localhost:7860, holds one of the names."""
        name = _name(host)
        return name in self._own or name in self._allowed or (self._numbers and _is_number(name))

    def trust(self, origin: str, host: str) -> bool:
        """Whether a request from a page of that origin comes from this page, called by `host`."""
        scheme, _, netloc = origin.lower().partition("://")
        if scheme not in ("http", "https"):
            return False
        return netloc == host.lower() or _name(netloc) in self._allowed


def is_loopback(host: str) -> bool:
    """Whether an address to listen at can be reached from this computer only."""
    return host.lower() in LOOPBACK or (_is_number(host) and ip_address(host).is_loopback)


def _name(netloc: str) -> str:
    if set(netloc) & set("@/?#\\"):
        return ""
    try:
        return (urlsplit(f"//{netloc}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


class Guard:
    """ASGI middleware, outside of all of gradio's.

    app: what is behind it. names: that the page is called by. service: its uploads, and who
    listens. mcp: whether there is an MCP server as well.
    """

    def __init__(self, app: Application, names: Names, service: Service, mcp: bool) -> None:
        self._app = app
        self._names = names
        self._uploads = service.uploads
        self._most_bytes = service.most_bytes
        self._visits = service.visits
        self._mcp = mcp
        self._logins = Logins()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # gradio has none
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            incoming = _Incoming(receive)
            await self._answer(scope, incoming, _Outgoing(send, incoming))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Message, incoming: _Incoming, outgoing: _Outgoing) -> None:
        problem: Exception | None = None
        try:
            await self._let_in(scope, incoming)
            if own := _own(scope["path"]):
                await own(scope, incoming.receive, outgoing.send)
                return
            async with self._slowly(scope, outgoing):
                with self._noticed(scope):
                    await self._app(scope, incoming.receive, outgoing.send)
        except Exception as error:
            problem = error
        problem = incoming.refusal or problem
        if problem is None and not outgoing.failed:
            return
        refusal = _refusal(problem)
        if outgoing.started:
            await outgoing.end()
        elif not incoming.broken_off:
            await incoming.drain()
            await outgoing.tell(scope, refusal)

    async def _let_in(self, scope: Message, incoming: _Incoming) -> None:
        """Raises Refusal."""
        headers = _headers(scope)
        host = headers.get("host", "")
        for name in (host, headers.get("x-forwarded-host", host).partition(",")[0].strip()):
            if not self._names.know(name):
                shown = name[:100]
                raise Refusal(
                    403,
                    "This page does not go by the name '{}'; --allowed-host adds a name.",
                    shown,
                )
        if "origin" in headers and not self._names.trust(headers["origin"], host):
            raise Refusal(403, "This page takes no requests from other web pages.")
        # gradio would take these for the address of the page.
        scope["headers"] = [own for own in scope["headers"] if own[0] != b"x-gradio-server"]
        path = scope["path"]
        if scope["method"] in ("GET", "HEAD"):
            if path in DOCUMENTS or path in EXAMPLES:
                return
            if not (_GET.fullmatch(path) or (self._mcp and _MCP.fullmatch(path))):
                raise Refusal(404, "There is nothing at this address.")
            if path.startswith(_FILE) and not self._uploads.has(path.removeprefix(_FILE)):
                raise Refusal(403, "There is nothing at this address.")
        elif scope["method"] == "POST":
            await self._let_post(scope, incoming, headers)
        else:
            raise Refusal(405, "There is nothing at this address.")

    async def _let_post(self, scope: Message, incoming: _Incoming, headers: dict[str, str]) -> None:
        path = scope["path"].rstrip("/")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_mcp = self._mcp and _MCP.fullmatch(scope["path"])
        if not (is_mcp or _POST.fullmatch(scope["path"])):
            raise Refusal(404, "There is nothing at this address.")
        if path.endswith("/upload"):
            await incoming.count(self._uploads)
        elif path == "/login":
            await incoming.hold(_MOST_FORM)
        elif kind == "application/json":
            most = self._most_bytes if is_mcp else min(self._most_bytes, _MOST_JSON)
            body = await incoming.hold(most)
            incoming.body = await asyncio.to_thread(_checked, body, self._uploads)
            # Its length is another one now.
            scope["headers"] = [
                *(own for own in scope["headers"] if own[0] != b"content-length"),
                (b"content-length", str(len(incoming.body)).encode()),
            ]
        else:
            raise Refusal(415, "This page takes requests in JSON only.")

    @contextlib.asynccontextmanager
    async def _slowly(self, scope: Message, outgoing: _Outgoing) -> AsyncIterator[None]:
        """Of attempts to log in, one after another."""
        if scope["method"] != "POST" or scope["path"].rstrip("/") != "/login":
            yield
            return
        address = scope["client"][0] if scope.get("client") else ""
        seconds = self._logins.wait(address)
        if seconds is None:
            raise Refusal(429, "Too many attempts to log in; please wait a minute.")
        await asyncio.sleep(seconds)
        try:
            yield
        finally:
            # It leads elsewhere where no password is needed.
            self._logins.ended(address, outgoing.status in (200, 302))

    def _noticed(self, scope: Message) -> contextlib.AbstractContextManager[None]:
        path = scope["path"].rstrip("/")
        if scope["method"] == "GET" and path.startswith(f"{_API}/call/"):
            return self._visits.listening(path.rpartition("/")[2])
        if path == f"{_API}/queue/data":
            query = parse_qs(scope["query_string"].decode("latin-1"))
            return self._visits.listening(query.get("session_hash", [""])[0])
        return contextlib.nullcontext()


class _Incoming:
    """A request's body on its way in: counted, or held until all of it is there."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._uploads: Uploads | None = None
        self._given = self._complete = False
        self.body: bytes | None = None
        self.broken_off = False
        self.refusal: Refusal | None = None

    async def count(self, uploads: Uploads) -> None:
        """Pass the body on as it comes, as far as there is room for it. Raises Refusal."""
        self._uploads = uploads
        await self._make_room(0)

    async def hold(self, most: int) -> bytes:
        """Take the whole body, of at most so many bytes. Raises Refusal."""
        parts, size = [], 0
        while not self._complete:
            message = await self._next()
            if self.broken_off:
                raise Refusal(400, "The request was broken off.")
            size += len(message.get("body", b""))
            if size > most:
                limit = f"{most / 10**6:g}"
                raise Refusal(413, "The request is too large: it may have {} MB.", limit)
            parts.append(message.get("body", b""))
        self.body = b"".join(parts)
        return self.body

    async def receive(self) -> Message:
        """For what is behind it."""
        if self.body is not None and not self._given:
            self._given = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        counted = self._uploads is not None and not self._complete
        message = await self._next()
        if counted and self.broken_off:
            self.refusal = Refusal(400, "The request was broken off.")
            raise self.refusal
        if counted:
            await self._make_room(len(message.get("body", b"")))
        return message

    async def drain(self) -> None:
        """Read what else comes: whoever is still sending does not hear an answer."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._rest(), timeout=10)

    async def _rest(self) -> None:
        while not (self._complete or self.broken_off):
            await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self.broken_off = message["type"] == "http.disconnect" and not self._complete
        self._complete = self._complete or not message.get("more_body", False)
        return message

    async def _make_room(self, size: int) -> None:
        assert self._uploads
        try:
            await asyncio.to_thread(self._uploads.make_room, size)
        except CaptionerError as error:
            self.refusal = Refusal(503, error.template, *error.values)
            raise self.refusal from None


class _Outgoing:
    """An answer on its way out: with this page's headers, and without gradio's 500.

    incoming: the request; where that was refused in its midst, gradio's answer is dropped.
    """

    def __init__(self, send: Send, incoming: _Incoming) -> None:
        self._send = send
        self._incoming = incoming
        self.status = 0
        self.started = self.failed = False

    async def send(self, message: Message) -> None:
        """For what is behind it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.failed = self.status == 500 or self._incoming.refusal is not None
            kept = (own for own in message.get("headers", ()) if not _replaced(own[0]))
            message = {**message, "headers": [*kept, *_HEADERS]}
        if not self.failed:
            self.started = True
            await self._send(message)

    async def end(self) -> None:
        """Nothing more comes."""
        with contextlib.suppress(Exception):  # it had ended already
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def tell(self, scope: Message, refusal: Refusal) -> None:
        """Answer in one sentence: as a text, or as programs and gradio's own scripts expect."""
        language = _headers(scope).get("accept-language", "").lower()
        sentence = messages.translate(refusal.sentence, "zh" if language.startswith("zh") else "en")
        as_text = scope["method"] != "POST" or scope["path"].rstrip("/").endswith("/upload")
        body = sentence if as_text else json.dumps({"detail": sentence}, ensure_ascii=False)
        kind = b"text/plain" if as_text else b"application/json"
        self._incoming.refusal = None  # this is the answer to it
        said = body.encode(errors="replace")
        headers = [
            (b"content-type", kind + b"; charset=utf-8"),
            (b"content-length", str(len(said)).encode()),
        ]
        await self.send(
            {"type": "http.response.start", "status": refusal.status, "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": said})


def _own(path: str) -> Response | None:
    """What the page itself has at an address, beside gradio."""
    if path in EXAMPLES:
        return FileResponse(EXAMPLES[path], media_type="image/jpeg")
    return PlainTextResponse(_document(path.strip("/"))) if path in DOCUMENTS else None


def _document(name: str) -> str:
    """One of the folder docs/, which lies inside an installed package, or beside it in a clone."""
    package = Path(__file__).parents[1]
    inside = package / "ui" / "docs" / name
    path = inside if inside.is_file() else package.parent / "docs" / name
    return path.read_text(encoding="utf-8")


def _headers(scope: Message) -> dict[str, str]:
    return {name.decode("latin-1").lower(): own.decode("latin-1") for name, own in scope["headers"]}


def _replaced(name: bytes) -> bool:
    return name.startswith(_DROPPED) or any(name == own for own, _ in _HEADERS)


def _checked(body: bytes, uploads: Uploads) -> bytes:
    """The JSON text in the one spelling that every parser reads alike. Raises Refusal."""
    try:
        if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            raise ValueError("too many values")
        request = json.loads(body)
        if not isinstance(request, dict) or _depth(request) > _MOST_DEPTH:
            raise ValueError("not one object")
        uploads.check(request)
        return json.dumps(request).encode()
    except CaptionerError as error:
        raise Refusal(403, error.template, *error.values) from None
    except (ValueError, RecursionError):  # numbers of too many digits are a ValueError, too
        raise _not_understood() from None


def _depth(value: Any) -> int:
    """How deep lists and objects lie in each other."""
    level, depth = [value], 0
    while level:
        inner = [own.values() if isinstance(own, dict) else own for own in level]
        level = [own for values in inner for own in values if isinstance(own, dict | list)]
        depth += 1
    return depth


def _refusal(problem: Exception | None) -> Refusal:
    """What to answer where the page could not."""
    if isinstance(problem, Refusal):
        return problem
    if wrong := wrong_call(problem):
        return Refusal(400, wrong.template, *wrong.values)
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal(503, "There is no room left on this computer's disk for uploads.")
    # What the page does itself never ends so, see `words.sentence_of`; gradio does when it is asked
    # for what it does not have.
    log.warning(messages.Message("A request was not understood ({}).", type(problem).__name__))
    return _not_understood()


def _not_understood() -> Refusal:
    return Refusal(400, "This page does not understand the request.")
