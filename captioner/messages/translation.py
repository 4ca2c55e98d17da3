"""Messages in the person's language, by gettext's catalogue of their templates."""

from __future__ import annotations

import gettext
import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from captioner.messages.message import Message

_CATALOGUES = Path(__file__).parent / "locale"
_spoken = "en"


def speak(language: str) -> None:
    """From now on this process speaks a language, "en" or "zh", where a call does not say which."""
    global _spoken  # noqa: PLW0603
    _spoken = language


def translate(message: Message | str, language: str | None = None) -> str:
    """A message in a language; in English where the catalogue does not have it.

    message: where it is a text, a template without values. language: "en" or "zh"; the one that
    `speak` was told, if not given.
    """
    language = language or _spoken
    if isinstance(message, str):
        message = Message(message)
    template = message.template
    if template:  # for the empty one a catalogue has its own header
        template = _catalogue(language).gettext(template)
    if not message.values:
        return template
    return template.format(
        *(translate(v, language) if isinstance(v, Message) else v for v in message.values)
    )


def translate_all(messages: Iterable[Message]) -> str:
    """Sentences one after another, with spaces between them where the language has spaces."""
    return ("" if _spoken == "zh" else " ").join(map(translate, messages))


class Formatter(logging.Formatter):
    """Log lines whose message is a `Message` in the person's language, all others as they are."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        if isinstance(record.msg, Message):
            record.message = translate(record.msg)
        return super().formatMessage(record)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """It knows that "zh" means zh_CN; of English, which has no file, it gives back the template."""
    return gettext.translation("captioner", _CATALOGUES, [language], fallback=True)
