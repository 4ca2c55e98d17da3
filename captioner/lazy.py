"""Packages that import what they offer when it is first asked for (PEP 562).

torch takes seconds to import. A command's help, or a program that only reads options, waits for
none of it where packages do so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def offered(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    modules: the names that each of its modules gives, one string with spaces between them.
    """
    sources = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in sources:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(f"{package}.{sources[name]}"), name)

    return get, lambda: sorted({*vars(sys.modules[package]), *sources})
