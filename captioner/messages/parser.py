"""argparse in the person's language: its own words, and lines as wide as they look."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, NoReturn

from captioner.messages.columns import wrapped
from captioner.messages.help import ARGPARSE_ERRORS
from captioner.messages.translation import spoken, translate


def _sentence(template: str) -> str:
    return ARGPARSE_ERRORS.get(template, template) if spoken() == "zh" else template


argparse._ = _sentence  # type: ignore[attr-defined]  # by which it looks up what it says is wrong


class Parser(argparse.ArgumentParser):
    """Says its help, and what is wrong with a call, in the person's language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, **options)

    def error(self, message: str) -> NoReturn:
        """Print the usage and one line on what is wrong, and exit with code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {translate('error: ')}{message}\n")


class _Help(argparse.HelpFormatter):
    def start_section(self, heading: str | None) -> None:
        super().start_section(heading and translate(heading))

    def add_text(self, text: str | None) -> None:
        super().add_text(text and translate(text))

    def format_help(self) -> str:
        text = super().format_help().replace("usage: ", translate("usage: "), 1)
        return re.sub(r"(?<=[\u4e00-\u9fff]):$", "：", text, flags=re.MULTILINE)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and translate(action.help)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(text, width)
