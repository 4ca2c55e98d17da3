"""The command, run within this process, which spares importing torch each time."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captioner.cli import main


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Result:
    """What a command left: its exit code, and its output as text."""

    code: int
    stdout: str
    stderr: str


def captioner(*arguments: object, errors: type[io.StringIO] = io.StringIO) -> Result:
    """Run the command."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), errors()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit:  # argparse's own way out
            code = int(exit.code or 0)
    out.seek(0)
    return Result(code, out.read(), err.getvalue())


def folder(*arguments: object, errors: type[io.StringIO] = io.StringIO) -> Result:
    """Run `captioner folder` on the CPU."""
    return captioner("folder", "--device", "cpu", "--workers", "1", *arguments, errors=errors)


def rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file, each of which must be whole."""
    content = path.read_bytes()
    assert not content or content.endswith(b"\n")
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def names(path: Path) -> list[str]:
    """The photos of a JSON Lines file, in its order."""
    return [row["image"] for row in rows(path)]
