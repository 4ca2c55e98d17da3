"""What the package says to a person, in the person's language."""

from captioner.messages.columns import width
from captioner.messages.languages import language
from captioner.messages.saying import Formatter, say, say_together, speak

__all__ = ["Formatter", "language", "say", "say_together", "speak", "width"]
