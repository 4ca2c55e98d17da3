"""Which language a person reads, as the environment says it."""

from __future__ import annotations

import os
import re

LANGUAGES = ("en", "zh")


def language() -> str:
    """Code of the person's language, "en" or "zh"; English where it is unknown.

    `CAPTIONER_LANG` decides, else the system's locale in gettext's order: the first that is known
    in the list `LANGUAGE`, then `LC_ALL`, `LC_MESSAGES`, `LANG`. In the locale C, as of a program
    that runs on its own, `LANGUAGE` is not looked at, as gettext does it.
    """
    if own := os.environ.get("CAPTIONER_LANG"):
        return _code(own) or "en"
    variables = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in variables if (value := os.environ.get(name))), "C")
    if re.split("[.@]", locale)[0] in ("C", "POSIX"):
        return "en"
    listed = os.environ.get("LANGUAGE") or locale
    return next((code for value in listed.split(":") if (code := _code(value))), "en")


def _code(locale: str) -> str | None:
    """The language of a locale such as "zh_CN.UTF-8", None where it is not one of ours."""
    code = re.split("[-_.@]", locale.strip().lower())[0]
    return code if code in LANGUAGES else None
