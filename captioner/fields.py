"""Frozen configurations that check the types of their own fields, wherever these come from."""

from __future__ import annotations

import reprlib
import types
import typing
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from captioner.errors import ModelError
from captioner.messages import Message


def check_fields(config: Any, name: str) -> None:
    """Make sure that each field of a dataclass is what its annotation says.

    A whole number may stand for a float. name: of the dataclass in a sentence, such as "A decoder".

    Raises ModelError, naming the first field that is not.
    """
    for field, kind in _annotations(config.__class__).items():
        value = getattr(config, field)
        if not _fits(value, kind):
            own = kind.__name__ if type(kind) is type else kind
            raise ModelError(
                "{}'s {} must be of type {}, not {}.", Message(name), field, own, shown(value)
            )


def shown(value: Any) -> str:
    """A value as a sentence shows it: short, however large or deeply nested it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of very many digits"


@cache
def _annotations(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _fits(value: Any, kind: Any) -> bool:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, own) for own in arguments)
    if origin is tuple:
        kinds = arguments
        if arguments[-1] is ...:
            kinds = arguments[:1] * len(value) if isinstance(value, tuple) else ()
        return (
            isinstance(value, tuple) and len(value) == len(kinds) and all(map(_fits, value, kinds))
        )
    if is_dataclass(kind):
        return isinstance(value, typing.cast(type, kind))
    return type(value) is kind or (kind is float and type(value) is int)
