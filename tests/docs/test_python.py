"""docs/python.md: its example runs, and its tables are what the docstrings say.

A table that has fallen behind is written anew by `python tests/docs/test_python.py`.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def public() -> dict[str, list[object]]:
    """What each table lists, by the heading above it."""
    import captioner
    from captioner import folder
    from captioner.captioning import PhotoCaptioner

    verbs = vars(PhotoCaptioner) | vars(captioner.Captioner)
    offered = [getattr(captioner, name) for name in captioner.__all__]
    methods = [
        own
        for name, own in verbs.items()
        if not name.startswith("_") and (callable(own) or isinstance(own, property))
    ]
    return {
        "`captioner`": offered,
        "`Captioner`": methods,
        "`captioner.folder`": [getattr(folder, name) for name in folder.__all__],
    }


def row(thing: object) -> str:
    """A name with its parameters, and the first sentence of its docstring."""
    function = thing.fget if isinstance(thing, property) else thing
    assert callable(function)
    name = function.__name__
    if not isinstance(thing, property | type):
        parameters = [
            own.replace(annotation=own.empty)
            for own in inspect.signature(function).parameters.values()
            if own.name != "self"
        ]
        name += re.sub(r"<function (\w+) at \w+>", r"\1", str(inspect.Signature(parameters)))
    told = inspect.getdoc(function) or ""
    first = re.split(r"(?<=[.])\s|\n\n", told)[0]
    return f"| `{name}` | {' '.join(first.split())} |"


def table(things: list[object]) -> str:
    return "\n".join(["| | |", "|---|---|", *map(row, things)])


def with_tables(page: str) -> str:
    for title, things in public().items():
        found = re.search(rf"^## {re.escape(title)}\n.*?(^\|.*?\|$\n)(?!\|)", page, re.M | re.S)
        assert found, title
        page = page[: found.start(1)] + table(things) + "\n" + page[found.end(1) :]
    return page


def test_the_tables_are_what_the_docstrings_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), f"run: python {Path(__file__).name}"


def test_every_public_name_has_a_docstring_and_types() -> None:
    for things in public().values():
        for thing in things:
            function = thing.fget if isinstance(thing, property) else thing
            assert inspect.getdoc(function)
            if not isinstance(function, type):
                signature = inspect.signature(function)
                assert signature.return_annotation is not signature.empty
                parameters = [p for name, p in signature.parameters.items() if name != "self"]
                assert all(own.annotation is not own.empty for own in parameters)
    package = PAGE.parents[1] / "captioner"
    assert (package / "py.typed").exists()


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
