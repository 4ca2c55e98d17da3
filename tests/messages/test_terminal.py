"""What other people named or wrote steers no terminal, and stays true where it is data."""

import contextlib
import io
import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from captioner.messages import guarded_output, harmless, printable

EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\u202egpj.exe\u2066\x00"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steers(text: str) -> bool:
    """By Unicode's own tables: controls beside the line end, and what turns the direction."""
    odd = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return any(
        (unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs") and sign not in "\n\t")
        or unicodedata.bidirectional(sign) in odd
        or sign in "\u200e\u200f\u061c"
        for sign in text
    )


@given(st.text(st.characters(codec=None)))
def test_whatever_is_printed_steers_nothing(text: str) -> None:
    assert not steers(harmless(text).strip("\r").replace("\r\n", "\n"))
    assert not steers(printable(text))
    assert "\n" not in printable(text)
    if not steers(text):
        assert harmless(text) == text


def test_what_is_escaped_can_be_told() -> None:
    assert printable("a\x1b[2Jb\u202ec\x9bd\n") == r"a\x1b[2Jb\u202ec\u009bd\n"
    assert printable("看图说话 café 😀") == "看图说话 café 😀"


def printed(out: io.StringIO, err: io.StringIO, *lines: str) -> None:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), guarded_output():
        for line in lines:
            print(line)
            print(line, file=sys.stderr)
            sys.stderr.writelines([line])


def test_a_terminal_gets_no_escape_sequence() -> None:
    out, err = Terminal(), Terminal()
    printed(out, err, EVIL)
    assert not steers(out.getvalue())
    assert not steers(err.getvalue())
    assert "gpj.exe" in out.getvalue()


def test_data_that_goes_to_a_file_stays_true() -> None:
    out, err = io.StringIO(), io.StringIO()
    printed(out, err, EVIL)
    assert out.getvalue() == EVIL + "\n"
    assert not steers(err.getvalue())


def test_what_an_encoding_has_no_place_for_is_escaped() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with contextlib.redirect_stdout(out), guarded_output():
        print("caf\udce9 看")
    out.flush()
    assert out.buffer.getvalue() == rb"caf\udce9 \u770b" + os.linesep.encode()


def test_a_progress_bar_is_drawn_as_ever() -> None:
    def bar() -> str:
        err = Terminal()
        with contextlib.redirect_stderr(err), guarded_output():
            for _ in (steps := tqdm(range(3), ncols=40, mininterval=0, bar_format="{n}/{total}")):
                steps.write("between", file=sys.stderr)
        return err.getvalue()

    assert bar().count("\r") >= 4
    assert "3/3" in bar()
    assert "\\" not in bar()


def test_the_streams_are_as_before_afterwards() -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(KeyError), guarded_output():
        raise KeyError
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_the_command_sends_no_escape_sequence_to_a_terminal() -> None:
    leader, terminal = os.openpty()
    with os.fdopen(leader, "rb", buffering=0) as screen:
        command = [sys.executable, "-m", "captioner", "caption", "x.jpg", "--model", EVIL[:-1]]
        process = subprocess.run(
            command, stdin=terminal, stdout=terminal, stderr=terminal, timeout=120, check=False
        )
        os.close(terminal)
        shown = screen.read(65536).decode()
    assert process.returncode == 2
    assert "title" in shown
    assert not steers(shown.replace("\r\n", "\n"))
