"""What the package says to a person, in the person's language."""

from captioner.messages.bars import progress_bar
from captioner.messages.columns import width
from captioner.messages.languages import language
from captioner.messages.message import Message, duration, reason
from captioner.messages.terminal import drop_output, guarded_output, harmless, printable
from captioner.messages.translation import Formatter, speak, translate, translate_all

__all__ = [
    "Formatter",
    "Message",
    "drop_output",
    "duration",
    "guarded_output",
    "harmless",
    "language",
    "printable",
    "progress_bar",
    "reason",
    "speak",
    "translate",
    "translate_all",
    "width",
]
