"""What the package says to a person, in the person's language."""

from captioner.messages.columns import width
from captioner.messages.languages import language
from captioner.messages.saying import Formatter, say, say_together, speak
from captioner.messages.terminal import drop_output, guarded_output, harmless, printable

__all__ = [
    "Formatter",
    "drop_output",
    "guarded_output",
    "harmless",
    "language",
    "printable",
    "say",
    "say_together",
    "speak",
    "width",
]
