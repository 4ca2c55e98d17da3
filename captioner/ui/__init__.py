"""The web page, and the way to start it; importing this does not yet import gradio."""

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from types import ModuleType
from typing import TYPE_CHECKING

from captioner.errors import CaptionerError, OptionError
from captioner.ui.offline import stay_offline

if TYPE_CHECKING:
    from captioner.pipeline import Captioner


def serve(
    captioner: "Captioner", host: str = "127.0.0.1", port: int = 7860, open_browser: bool = False
) -> None:
    """Serve the page until interrupted: Ctrl+C, or SIGTERM where this is the main thread.

    Args:
        captioner: the model that answers.
        host: address to listen at. The default can be reached from this computer only.
        port: 0 takes any free one.
        open_browser: also open the page in this computer's browser.

    Raises:
        OptionError: the address or port cannot be had.
        CaptionerError: gradio is not installed.
    """
    port = free_port(host, port)
    stay_offline(host)
    page = _import_page()
    # A folder of its own, so that nobody's photo outlives the server.
    with tempfile.TemporaryDirectory(prefix="captioner-", ignore_cleanup_errors=True) as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        try:
            blocks = page.launch(captioner, host, port, open_browser)
        except OSError as error:  # another program was quicker
            raise _cannot_listen(host, port, error) from error
        print(f"The page is at {blocks.local_url} (Ctrl+C ends it).", file=sys.stderr, flush=True)
        try:
            _wait_for_interrupt()
        finally:
            blocks.close(verbose=False)


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
    reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
    return OptionError(f"Cannot listen at {host}, port {port} ({reason}); give another --port.")


def _import_page() -> ModuleType:
    try:
        from captioner.ui import page
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise CaptionerError(
            'The web page needs gradio; install it with: pip install "captioner[ui]"'
        ) from error
    return page


def _wait_for_interrupt() -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
