"""Web pages made of templates, by jinja2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from captioner.errors import MissingError


def read_template(path: Path) -> Any:
    """A page's template. Raises MissingError where jinja2 is not installed."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise MissingError("A web page needs jinja2: pip install 'captioner[report]'.") from None
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(path.name)
