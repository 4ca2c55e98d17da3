"""The web page, and the way to start it; importing this does not yet import gradio."""

import importlib.util
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING

from captioner.errors import CaptionerError, OptionError
from captioner.messages import Message, reason, translate
from captioner.ui.cleanup import INTERVAL_SECONDS, Cleanup, upload_folder
from captioner.ui.offline import stay_offline
from captioner.ui.serving import Serving, find_auth, parse_auth, parse_name, parse_size

if TYPE_CHECKING:
    from captioner.pipeline import Captioner

__all__ = [
    "Serving",
    "find_auth",
    "free_port",
    "parse_auth",
    "parse_name",
    "parse_size",
    "serve",
]

ENDED_SECONDS = 2.5  # after SIGTERM, whatever is still being worked at


def serve(captioner: "Captioner", serving: Serving | None = None) -> None:
    """Serve the page until interrupted: Ctrl+C, or SIGTERM where this is the main thread, which
    ends the process.

    Raises:
        OptionError: the address or port cannot be had, or two settings exclude each other.
        CaptionerError: gradio, or what an MCP server needs, is not installed.
    """
    serving = serving or Serving()
    if serving.mcp and serving.auth:
        raise OptionError("--mcp does not go with --auth: MCP clients cannot log in.")
    port = free_port(serving.host, serving.port)
    stay_offline(serving.host)
    with upload_folder() as uploads:
        # gradio reads the name of the folder while it is imported.
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        page = _import_page(serving.mcp)
        service = page.service_of(captioner, serving, uploads)
        try:
            blocks = page.launch(service, serving, port)
        except OSError as error:  # another program was quicker
            raise _cannot_listen(serving.host, port, error) from error
        here = Message("The page is at {} (Ctrl+C ends it).", blocks.local_url)
        print(translate(here), file=sys.stderr, flush=True)
        cleanup = Cleanup(uploads, blocks, service.memory)
        try:
            terminated = _sweep_until_interrupted(cleanup, uploads.parent)
        finally:
            service.batcher.close()
            # Visitors who only listen would have it wait for them; what breaks off is no mistake.
            blocks.server.force_exit = True
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            blocks.close(verbose=False)
    if terminated:
        # Python would wait for threads, of which one may be opening a photo, and then tidy up after
        # torch for seconds.
        os._exit(0)


def free_port(host: str, port: int) -> int:
    """Return `port`, or any free one for 0, after checking that it can be listened at.

    Raises:
        OptionError: it cannot.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            # As the server will do: a port whose last user has just gone is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise _cannot_listen(host, port, error) from error


def _cannot_listen(host: str, port: int, error: Exception) -> OptionError:
    return OptionError(
        "Cannot listen at {}, port {} ({}); give another --port.", host, port, reason(error)
    )


def _import_page(mcp: bool) -> ModuleType:
    if mcp and importlib.util.find_spec("mcp") is None:
        raise CaptionerError('--mcp needs more software: pip install "captioner[mcp]"')
    try:
        from captioner.ui import page
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise CaptionerError(
            'The web page needs gradio; install it with: pip install "captioner[ui]"'
        ) from error
    return page


def _sweep_until_interrupted(cleanup: Cleanup, folder: Path) -> bool:
    """Returns whether it was SIGTERM. folder: to be deleted should the page not close in time."""
    terminated = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        timer = threading.Timer(ENDED_SECONDS, _end_at_once, [folder])
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)
    try:
        while True:
            time.sleep(INTERVAL_SECONDS)
            cleanup.sweep()
    except KeyboardInterrupt:
        return terminated


def _end_at_once(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)
