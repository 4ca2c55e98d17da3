"""How the page is served, and the two settings that are written in one word."""

from __future__ import annotations

import re
from dataclasses import dataclass

from captioner.errors import OptionError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@dataclass(frozen=True)
class Serving:
    """Where and to whom.

    host: address to listen at; the default can be reached from this computer only. port: 0 takes
    any free one. open_browser: also open the page in this computer's browser. share: also through
    a tunnel from the internet, by gradio's servers. auth: the name and password that visitors
    need. most_bytes: of one uploaded file. mcp: be an MCP tool server as well.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    open_browser: bool = False
    share: bool = False
    auth: tuple[str, str] | None = None
    most_bytes: int = 200 * 10**6
    mcp: bool = False


def parse_auth(text: str) -> tuple[str, str]:
    """The name and the password of `user:password`. Raises OptionError."""
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise OptionError("--auth must be user:password, with a colon between them.")
    return user, password


def parse_size(text: str) -> int:
    """The bytes of a size such as 500kB, 20MB or 1GB. Raises OptionError."""
    found = re.fullmatch(r"([0-9]{1,15})\s*([kmg]?)b?", text.strip().lower())
    if not found or int(found[1]) == 0:
        raise OptionError(f"--max-upload must be a size such as 20MB, not '{text}'.")
    return int(found[1]) * _UNITS[found[2]]
