"""The page without a browser: what it says, what it lets through, what it keeps."""

import dataclasses
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from captioner.errors import CaptionerError, ImageError, OptionError
from captioner.pipeline import Caption
from captioner.ui import free_port, serve
from captioner.ui.offline import stay_offline
from captioner.ui.words import CHINESE, ENGLISH

pytest.importorskip("gradio")
stay_offline("127.0.0.1")

from gradio_client import Client, handle_file  # noqa: E402
from gradio_client.exceptions import AppError  # noqa: E402

from captioner.ui import page  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio")


def sentence(text: str, probability: float) -> Caption:
    return Caption(text, tuple(text.split()), math.log(probability), math.log(probability))


class FakeCaptioner:
    """Sees only whether a file is an image."""

    name, language = "fake", "en"
    best = sentence("a dog", 0.041)
    others = (
        sentence("a <b>brown</b> dog & a cat", 0.02),
        *(sentence(f"a dog {number}", 0.01 / number) for number in range(1, 10)),
    )

    def caption(self, photo: Any, *, top: int = 1) -> Caption:
        if "crash" in str(photo):
            raise ZeroDivisionError("a mistake of the program's own")
        try:
            Image.open(photo).close()
        except Exception as error:
            raise ImageError(f"{photo} is not a photo in any known format.") from error
        return dataclasses.replace(self.best, alternatives=self.others[: top - 1])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "dog.png"
    Image.new("RGB", (32, 24), "brown").save(path)
    return path


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.jpg"
    path.write_text("no photo at all\n")
    return path


def uploaded(path: Path, name: str) -> dict[str, str]:
    return {"path": str(path), "orig_name": name}


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (1.0, "100 %"),
        (0.123, "12 %"),
        (0.0996, "10 %"),
        (0.041, "4.1 %"),
        (0.03, "3.0 %"),
        (0.00018, "0.018 %"),
        (0.000002, "0.00020 %"),
        (0.0000001, "less than 0.0001 %"),
    ],
)
def test_probabilities_are_said_with_two_digits(probability: float, said: str) -> None:
    assert page.percent(math.log(probability), ENGLISH) == said.replace(" %", "\u00a0%")


def test_every_word_of_the_page_is_there_in_both_languages() -> None:
    for field in dataclasses.fields(ENGLISH):
        english, chinese = getattr(ENGLISH, field.name), getattr(CHINESE, field.name)
        assert english
        assert chinese
        assert english.count("{}") == chinese.count("{}")


def test_the_page_shows_the_best_sentence_and_lists_four_others(photo: Path) -> None:
    answer = page.answer(FakeCaptioner(), uploaded(photo, "dog.png"), ENGLISH)

    assert answer.sentence == "a dog"
    assert re.findall("<li><span>(a dog [0-9])</span>", answer.others) == [
        "a dog 1",
        "a dog 2",
        "a dog 3",
    ]
    assert answer.others.count("<li>") == 4
    assert "Probability 4.1\u00a0%" in answer.others


def test_a_sentence_cannot_smuggle_html_into_the_page(photo: Path) -> None:
    answer = page.answer(FakeCaptioner(), uploaded(photo, "dog.png"), ENGLISH)

    assert "a &lt;b&gt;brown&lt;/b&gt; dog &amp; a cat" in answer.others
    assert "<b>" not in answer.others


def test_removing_the_photo_empties_the_page() -> None:
    assert page.answer(FakeCaptioner(), None, ENGLISH) == page.Answer("", "", "")


def test_a_problem_names_the_file_as_the_person_knows_it(notes: Path) -> None:
    answer = page.answer(FakeCaptioner(), uploaded(notes, "<my> notes.jpg"), ENGLISH)

    expected = '<p role="alert">&lt;my&gt; notes.jpg is not a photo in any known format.</p>'
    assert answer == page.Answer(problem=expected)


def test_a_mistake_of_the_programs_own_is_logged_and_said_in_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answer = page.answer(FakeCaptioner(), uploaded(tmp_path / "crash", "a.jpg"), ENGLISH)

    assert answer == page.Answer(problem=f'<p role="alert">{ENGLISH.unexpected}</p>')
    assert "ZeroDivisionError" in caplog.text


def test_the_theme_fetches_no_fonts() -> None:
    assert page.theme()._stylesheets == []
    assert "@font-face" not in page.theme()._get_theme_css()


def test_importing_the_room_imports_no_gradio() -> None:
    code = "import sys, captioner.ui; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_gradio_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "captioner.ui.page")
    monkeypatch.delattr("captioner.ui.page")
    with pytest.raises(CaptionerError, match=r'pip install "captioner\[ui\]"$'):
        serve(FakeCaptioner(), port=0)


def test_a_busy_port_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=rf"^Cannot listen at 127\.0\.0\.1, port {port} "):
            serve(FakeCaptioner(), port=port)


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


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The running page, its address and the folder of its uploads; photos are kept 1 second."""
    uploads = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    monkeypatch.setattr(page, "SWEEP_SECONDS", 1)
    monkeypatch.setattr(page, "AGE_SECONDS", 1)
    blocks = page.launch(FakeCaptioner(), "127.0.0.1", free_port("127.0.0.1", 0))
    yield SimpleNamespace(url=blocks.local_url, uploads=uploads)
    blocks.close(verbose=False)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_program_can_ask_the_page_and_the_photo_is_not_kept(
    served: SimpleNamespace, photo: Path, notes: Path
) -> None:
    client = Client(served.url, verbose=False)

    with pytest.raises(AppError, match=r"^notes\.jpg is not a photo in any known format\.$"):
        client.predict(handle_file(notes), api_name="/caption")
    answer = client.predict(handle_file(photo), api_name="/caption")

    assert (answer["text"], answer["language"]) == ("a dog", "en")
    assert answer["probability"] == pytest.approx(0.041)
    assert len(answer["alternatives"]) == page.OTHERS
    assert len(files_in(served.uploads)) > 0
    deadline = time.monotonic() + 20
    while files_in(served.uploads) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert files_in(served.uploads) == []


def outcome_of_calling(url: str, photo: Path) -> str:
    """Ask for the caption of a file on the server's own disk, as a forged request might."""
    call = f"{url}gradio_api/call/caption"
    forged = {"path": str(photo), "meta": {"_type": "gradio.FileData"}}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(call, json.dumps({"data": [forged]}).encode(), headers)
    with urllib.request.urlopen(request) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}") as reply:
        return reply.read().decode()


def test_the_page_reads_no_file_that_was_not_given_to_it(
    served: SimpleNamespace, photo: Path
) -> None:
    """Whoever may see the page may not see this computer's photos through it."""
    given = served.uploads / "given" / photo.name
    given.parent.mkdir(parents=True)
    shutil.copy(photo, given)

    assert outcome_of_calling(served.url, given).startswith("event: complete")
    assert outcome_of_calling(served.url, photo).startswith("event: error")


def test_the_page_forbids_browsers_every_other_host(served: SimpleNamespace) -> None:
    with urllib.request.urlopen(served.url) as reply:
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'self' ")
