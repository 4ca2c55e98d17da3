"""argparse in the person's language: its own words, and lines as wide as they look."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

from captioner.messages.columns import wrapped
from captioner.messages.translation import translate

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


def _translated(text: str | None) -> str | None:
    return text and translate(text)


argparse._ = _translated  # type: ignore[attr-defined]  # by which it looks up its own words

if sys.version_info < (3, 11):  # which does not look these up

    def _told(error: argparse.ArgumentError) -> str:
        if error.argument_name is None:
            return error.message
        return translate("argument %(argument_name)s: %(message)s") % vars(error)

    argparse.ArgumentError.__str__ = _told  # type: ignore[method-assign, assignment]


class Parser(argparse.ArgumentParser):
    """Says its help, and what is wrong with a call, in the person's language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, **options)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """As argparse's, which says nothing where a disk is full."""
        if message:
            (file or sys.stderr).write(message)


class _Help(argparse.HelpFormatter):
    def start_section(self, heading: str | None) -> None:
        super().start_section(_translated(heading))

    def add_text(self, text: str | None) -> None:
        super().add_text(_translated(text))

    def format_help(self) -> str:
        # Only now, since argparse aligns what follows by the number of characters, not of columns.
        text = super().format_help().replace("usage:", translate("usage:"), 1)
        return re.sub(r"(?<=[\u4e00-\u9fff]):$", "：", text, flags=re.MULTILINE)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return _translated(action.help)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(text, width)
