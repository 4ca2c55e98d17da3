"""Mistakes a person can make, each told in one plain sentence."""

from __future__ import annotations

from typing import TypeVar

from captioner.messages import Message

ErrorT = TypeVar("ErrorT", bound="CaptionerError")


class CaptionerError(Message, Exception):
    """Base of every error that is meant for a person: a template and its values, see `Message`.

    Together they are one complete sentence that names the file or the value at fault; the command
    and the page show it in the person's language, without a traceback.
    """

    def __init__(self, template: str, *values: object) -> None:
        Message.__init__(self, template, *values)
        Exception.__init__(self, template, *self.values)  # by which it is pickled

    @classmethod
    def of(cls: type[ErrorT], message: Message) -> ErrorT:
        """An error of this kind in the words of a message, or of an error of another kind."""
        return cls(message.template, *message.values)


class FileError(CaptionerError):
    """A file is missing, no ordinary one, too large, or does not hold what it should.

    Each room raises it as an error of its own, see `captioner.files.raising`.
    """


class ImageError(CaptionerError):
    """A photo cannot be opened."""


class GoneError(ImageError):
    """A photo that was given is no longer there."""


class ModelError(CaptionerError):
    """A model folder cannot be found, read or used."""


class DatasetError(CaptionerError):
    """A caption dataset is missing, malformed or empty."""


class FolderError(CaptionerError):
    """A collection of photos cannot be looked through, or its captions cannot be written."""


class RecipeError(CaptionerError):
    """A training recipe has an unknown key, a wrong type or an impossible value."""


class TrainingError(CaptionerError):
    """A training run cannot go on; what it saved before is intact."""


class OptionError(CaptionerError, ValueError):
    """A caller's option is out of range."""


class MissingError(CaptionerError):
    """Software or data that a feature needs is not installed, or does not run."""
