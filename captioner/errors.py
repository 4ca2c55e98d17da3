"""Mistakes a person can make, each said in one plain sentence."""


class CaptionerError(Exception):
    """Base of every error whose message is meant for a person.

    The message is one complete sentence that names the file or the value at fault; the command
    prints it without a traceback and the page shows it as it is.
    """


class FileError(CaptionerError):
    """A file is missing, no ordinary one, too large, or does not hold what it should.

    Each room says it as an error of its own, see `captioner.files.raising`.
    """


class ImageError(CaptionerError):
    """A photo cannot be opened."""


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
