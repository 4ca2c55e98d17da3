"""The `captioner` command as a program; `python -m captioner` is the same, as torchrun needs it.

Here is what Ctrl+C does, before anything that takes long is imported.
"""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

_INTERRUPTED = 130  # as shells number a program that SIGINT has ended


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command as this process; returns its exit code. arguments: its own, if not given."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        from captioner.cli import main

        return main(arguments)
    except KeyboardInterrupt:
        return _stopped()
    finally:
        # What Python does at its end is no more to be stopped, and would say so in many lines.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, or end at once where modules are being imported: in the midst of
    that libraries turn it into errors of their own, or swallow it."""
    if _is_importing(frame):
        _stopped()
        sys.stderr.flush()
        os._exit(_INTERRUPTED)
    raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _stopped() -> int:
    """Say so; returns the exit code."""
    try:
        from captioner.messages import language, translate

        sentence = translate("stopped.", language())
    except Exception:  # what it needs, such as logging, is just what was being imported
        sentence = "stopped."
    print(f"captioner: {sentence}", file=sys.stderr)
    return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
