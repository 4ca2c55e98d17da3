"""How the page is served: `Serving`, and its settings as a command line, a file or the environment
spells them: a password, a host's name, a size."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from captioner.errors import OptionError
from captioner.files import decode, raising
from captioner.messages import reason
from captioner.ui.uploads import MOST_WAITING

AUTH_VARIABLE = "CAPTIONER_AUTH"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@dataclass(frozen=True)
class Serving:
    """Where and to whom.

    host: address to listen at; the default can be reached from this computer only. port: 0 takes
    any free one. open_browser: also open the page in this computer's browser. share: also through
    a tunnel from the internet, by gradio's servers. auth: the name and password that visitors
    need. most_bytes: of one uploaded file. mcp: be an MCP tool server as well. most_waiting: bytes
    of all uploads that wait at once. allowed_hosts: further names that the page goes by.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    open_browser: bool = False
    share: bool = False
    auth: tuple[str, str] | None = None
    most_bytes: int = 200 * 10**6
    mcp: bool = False
    most_waiting: int = MOST_WAITING
    allowed_hosts: tuple[str, ...] = ()


def parse_auth(text: str) -> tuple[str, str]:
    """The name and the password of `user:password`. Raises OptionError."""
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise OptionError("--auth must be user:password, with a colon between them.")
    return user, password


def find_auth(option: str | None, file: Path | None) -> tuple[str, str] | None:
    """The name and the password, of the option, or of the file's first line, or of the environment
    variable CAPTIONER_AUTH; None where there is none of them.

    Only the first can be read by all users of this computer, in the list of its processes.

    Raises OptionError.
    """
    if option and file:
        raise OptionError("--auth does not go with --auth-file.")
    if file:
        try:
            with raising(OptionError):
                lines = decode(file.read_bytes(), str(file)).splitlines()
        except (OSError, ValueError) as error:
            raise OptionError("{} cannot be read ({}).", file, reason(error)) from error
        if not lines or ":" not in lines[0]:
            raise OptionError("The first line of {} must be user:password.", file)
        return parse_auth(lines[0])
    text = option or os.environ.get(AUTH_VARIABLE)
    return parse_auth(text) if text else None


def parse_name(text: str) -> str:
    """A name for --allowed-host, without a port. Raises OptionError."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]{2,45}\]?", text):
        raise OptionError(
            "--allowed-host must be a name such as photos.example.org, not '{}'.", text
        )
    return text.strip("[]").lower()


def parse_size(text: str, option: str = "--max-upload") -> int:
    """The bytes of a size such as 500kB, 20MB or 1GB. Raises OptionError."""
    found = re.fullmatch(r"([0-9]{1,15})\s*([kmg]?)b?", text.strip().lower())
    if not found or int(found[1]) == 0:
        raise OptionError("{} must be a size such as 20MB, not '{}'.", option, text)
    return int(found[1]) * _UNITS[found[2]]
