"""Frozen configurations made of what TOML or JSON holds, whatever that is."""

from __future__ import annotations

import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from captioner.errors import CaptionerError, FileError
from captioner.messages import Message

ConfigT = TypeVar("ConfigT")


def make_config(
    kind: type[ConfigT], raw: Any, where: object, renamed: Mapping[str, str] | None = None
) -> ConfigT:
    """A dataclass made of a table, and its fields of their annotated types, dataclasses among them.

    A list stands for a tuple, and a whole number for a float. where: the file, or a file and a key,
    by which a sentence begins. renamed: what keys are called now, by their former names.

    Raises FileError, naming the key that is unknown, missing, of a wrong type or impossible.
    """
    if not isinstance(raw, Mapping):
        raise FileError("{}: expected a table, found {}.", where, shown(raw))
    known = {field.name: field for field in fields(typing.cast(Any, kind))}
    for key in raw:
        if (new := (renamed or {}).get(key)) in known:
            raise FileError("{}: '{}' is called '{}' now.", where, key, new)
        if key not in known:
            there = ", ".join(known)
            raise FileError("{}: unknown key {}; there is: {}.", where, shown(key), there)
    for name, field in known.items():
        if name not in raw and field.default is MISSING and field.default_factory is MISSING:
            raise FileError("{}: '{}' is missing.", where, name)
    hints = typing.get_type_hints(kind)
    values = {
        key: _value(hints[key], value, Message("{}: {}", where, key), renamed)
        for key, value in raw.items()
    }
    try:
        return kind(**values)
    except CaptionerError as error:
        raise FileError("{}: {}", where, error) from None


def _value(kind: Any, raw: Any, where: Message, renamed: Mapping[str, str] | None) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind):
        return make_config(typing.cast(type, kind), raw, where, renamed)
    if origin in (typing.Union, types.UnionType):
        return None if raw is None else _value(arguments[0], raw, where, renamed)
    if origin is tuple and isinstance(raw, list | tuple):
        kinds = arguments[:1] * len(raw) if arguments[-1] is ... else arguments
        if len(kinds) == len(raw):
            pairs = enumerate(zip(kinds, raw, strict=True))
            return tuple(_value(k, v, Message("{}[{}]", where, i), renamed) for i, (k, v) in pairs)
    if kind is float and type(raw) is int and raw.bit_length() < 1000:
        return float(raw)
    if type(raw) is not kind:
        expected = "list" if origin is tuple else kind.__name__
        raise FileError("{}: expected {}, found {}.", where, expected, shown(raw))
    return raw


def shown(value: Any) -> str:
    """A value as a sentence shows it: short, however large or deeply nested it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of very many digits"
