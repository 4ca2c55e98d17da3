"""How the page is served: settings, the port, what is kept of uploads."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from captioner.errors import CaptionerError, OptionError
from captioner.ui import Serving, find_auth, free_port, parse_auth, parse_name, parse_size, serve
from captioner.ui.offline import stay_offline


@pytest.mark.parametrize(
    ("text", "size"),
    [("500", 500), ("500kB", 500_000), ("20MB", 20_000_000), ("1 g", 10**9), ("7b", 7)],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "0", "1.5MB", "20 TB", "x20"])
def test_what_is_no_size_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(
        OptionError, match=r"^--max-upload must be a size such as 20MB, not '.*'\.$"
    ):
        parse_size(text)


def test_a_password_may_hold_a_colon() -> None:
    assert parse_auth("ann:a:b") == ("ann", "a:b")


@pytest.mark.parametrize("text", ["ann", ":secret", "ann:", ""])
def test_no_password_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(OptionError, match=r"^--auth must be user:password"):
        parse_auth(text)


def test_importing_the_room_imports_no_gradio() -> None:
    code = "import sys, captioner.ui; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_gradio_is_said_in_one_sentence(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith("captioner.ui."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("captioner.ui.page", raising=False)
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(CaptionerError, match=r'pip install "captioner\[ui\]"$'):
        serve(tiny, Serving(port=0))


def test_missing_mcp_software_is_said_in_one_sentence(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CaptionerError, match=r'pip install "captioner\[mcp\]"$'):
        serve(tiny, Serving(port=0, mcp=True))


def test_tools_for_programs_do_not_go_with_a_password(tiny: Any) -> None:
    with pytest.raises(OptionError, match=r"^--mcp does not go with --auth"):
        serve(tiny, Serving(port=0, mcp=True, auth=("ann", "secret")))


def test_a_busy_port_is_said_in_one_sentence(tiny: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=rf"^Cannot listen at 127\.0\.0\.1, port {port} "):
            serve(tiny, Serving(port=port))


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99999), ("no.such.host.invalid", 7860)])
def test_an_impossible_address_is_said_in_one_sentence(host: str, port: int) -> None:
    with pytest.raises(OptionError, match=rf"^Cannot listen at {host}, port {port} .*\.$"):
        free_port(host, port)


def test_a_companys_proxy_is_not_asked_for_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("no_proxy", "")
    stay_offline("192.0.2.7")
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1,localhost,192.0.2.7"
    assert os.environ["no_proxy"] == "127.0.0.1,localhost,192.0.2.7"


def test_a_password_comes_from_the_option_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("ann:secret:猫\nmore\n", encoding="utf-8")
    assert find_auth(None, None) is None
    assert find_auth(None, file) == ("ann", "secret:猫")
    monkeypatch.setenv("CAPTIONER_AUTH", "bob:word")
    assert find_auth(None, None) == ("bob", "word")
    assert find_auth("cid:x", None) == ("cid", "x")
    assert find_auth(None, file) == ("ann", "secret:猫")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_password_may_be_of_any_windows_program(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "password").write_text("ann:secret:猫\n", encoding=encoding)
    assert find_auth(None, tmp_path / "password") == ("ann", "secret:猫")


@pytest.mark.parametrize("content", [b"", b"\n", b"secret", b"\xff:x", None])
def test_a_file_without_a_password_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OptionError, match=r"\.$"):
        find_auth(None, file)
    with pytest.raises(OptionError, match=r"^--auth does not go with --auth-file\.$"):
        find_auth("a:b", file)


@pytest.mark.parametrize("name", ["photos.example.org", "Box", "192.0.2.7", "[2001:db8::1]"])
def test_a_further_name_is_a_name(name: str) -> None:
    assert parse_name(name) == name.strip("[]").lower()


@pytest.mark.parametrize("name", ["", "*", "http://x", "x:7860", "a b", "x/y"])
def test_what_is_no_name_is_one_sentence(name: str) -> None:
    with pytest.raises(OptionError, match=r"^--allowed-host must be a name such as"):
        parse_name(name)
