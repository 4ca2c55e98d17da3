"""docs/folder.md: its commands can be called, and no option is missing."""

import re
import shlex
from pathlib import Path

import pytest

from captioner.cli import _parser
from captioner.images.names import SUFFIXES

PAGE = (Path(__file__).parents[2] / "docs" / "folder.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"captioner folder .*", BLOCKS)
# Those that every command has.
USUAL = {"--help", "--language", "--model", "--beam", "--output"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_called(command: str) -> None:
    options = _parser().parse_args(shlex.split(command)[1:])
    assert options.photos in ("PHOTOS", "PHOTOS.zip", "list.txt", "-")


def test_every_option_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["folder", "--help"])
    options = set(re.findall(r"(--[a-z-]+)", capsys.readouterr().out)) - USUAL
    assert options == {option for option in options if option in PAGE}
    assert len(options) >= 15


def test_every_suffix_is_told_of() -> None:
    assert {
        s for s in re.findall(r"`(\.[a-z0-9]+)`", PAGE) if s not in (".zip", ".tar")
    } == SUFFIXES
