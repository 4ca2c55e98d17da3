"""The page without a browser: the running server, what it lets through, what it keeps."""

import dataclasses
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captioner import Captioner, CaptionOptions
from captioner.errors import ImageError
from captioner.model import CaptioningModel
from captioner.options import OPTIONS
from captioner.ui import Serving, free_port
from captioner.ui.cleanup import Cleanup
from captioner.ui.models import Models
from captioner.ui.offline import stay_offline
from captioner.ui.options import Visitor, chosen
from captioner.ui.service import Service
from captioner.ui.uploads import Uploads
from captioner.ui.words import CHINESE, ENGLISH, UNEXPECTED, WORDS

pytest.importorskip("gradio")
stay_offline("127.0.0.1")

import gradio as gr  # noqa: E402
from gradio_client import Client, handle_file  # noqa: E402
from gradio_client.exceptions import AppError  # noqa: E402

from captioner.ui import one_photo, page  # noqa: E402
from captioner.ui.i18n import Texts  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio")
Draw = Callable[[str], Path]
FIELDS = ["en", "", 3, 3, 20, False, 1, 1, "", ""]  # of the page, as its scripts send them


def upload(path: Path, name: str = "") -> dict[str, str]:
    return {"path": str(path), "orig_name": name or path.name}


def who(language: str = "en", model: str = "") -> Visitor:
    return Visitor(language, model, chosen(3, 3, 20, False, 1, 1, "", ""))


# ---- One photo ----


def test_a_photo_is_answered_in_the_pages_language(
    service: Service, tiny: Captioner, draw: Draw
) -> None:
    photo = draw("dog.png")
    for language, words in WORDS.items():
        answer = one_photo.answer(service, upload(photo), who(language))
        assert f">{tiny.caption(photo).text}</p>" in answer
        drawn = replace(who(language), options=CaptionOptions(seed=1))
        assert words.draws in one_photo.answer(service, upload(photo), drawn)


def test_where_no_model_writes_the_language_the_page_says_so(service: Service, draw: Draw) -> None:
    photo = upload(draw("dog.png"))
    assert CHINESE.no_model in one_photo.answer(service, photo, who("zh"))
    chosen = one_photo.answer(service, photo, who("zh", "tiny"))
    assert CHINESE.no_model not in chosen
    assert CHINESE.other_language in chosen
    own = one_photo.answer(service, photo, who("en"))
    assert ENGLISH.no_model not in own
    assert ENGLISH.other_language not in own


def test_the_sentence_is_in_the_pages_language_where_a_model_writes_it(
    tiny: Captioner, service: Service, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(tiny.model.config, language="zh")
    chinese = Captioner(CaptioningModel(config), tiny.vocabulary, "tiny-zh", "cpu")
    monkeypatch.setattr("captioner.loading.load_model", lambda name, device: chinese)
    both = replace(service, models=Models(tiny, {"tiny-zh": ("zh",)}))
    assert both.captioner("", "zh") is chinese
    assert both.captioner("", "en") is tiny
    assert both.captioner("tiny", "zh") is tiny
    assert both.captioner("tiny-zh", "en") is chinese
    photo = draw("dog.png")
    one_photo.answer(both, upload(photo), who("zh"))
    kept = both.memory.of(str(photo))
    assert kept is not None
    assert set(kept.seen) == {"tiny-zh"}


def test_without_a_photo_the_page_says_where_the_sentence_will_be(
    service: Service, served: SimpleNamespace
) -> None:
    config = json.load(urllib.request.urlopen(f"{served.url}config"))
    (box,) = [own for own in config["components"] if own["props"].get("elem_id") == "answer"]
    for words in WORDS.values():
        assert words.waiting in box["props"]["html_template"]
    asked = one_photo.answer_visitor(service, [None, False, False, "", FIELDS])
    assert asked["sentences"] == ""
    assert "No photo arrived" in asked["problem"]


# ---- Words and looks ----


def test_every_component_changes_its_words_with_the_language(service: Service) -> None:
    texts = Texts()
    with gr.Blocks():
        box = texts.say(
            gr.Textbox(), label=lambda w: w.require, placeholder=lambda w: w.listed_hint
        )
    assert (box.label, box.placeholder) == (ENGLISH.require, ENGLISH.listed_hint)
    assert texts.changes(CHINESE) == [
        {"__type__": "update", "label": CHINESE.require, "placeholder": CHINESE.listed_hint}
    ]
    assert json.dumps({code: texts.changes(words) for code, words in WORDS.items()}) in (
        texts.script()
    )


def test_no_component_has_words_of_its_own(service: Service) -> None:
    """Whatever gradio shows was given to `Texts`, or it would not change with the language."""
    blocks = page.build_page(service)
    said = {getattr(ENGLISH, field) for field in ENGLISH.__dataclass_fields__ if field}
    both = {"Language 语言", ENGLISH.title}
    for component in blocks.blocks.values():
        for name in ("label", "info", "placeholder"):
            text = getattr(component, name, None)
            if isinstance(text, str) and component.get_block_name() not in ("api", "state"):
                assert text in said | both, (component, name)
    fields = (gr.Radio, gr.Dropdown, gr.Slider, gr.Checkbox, gr.Number, gr.Textbox, gr.Tab)
    labelled = [own for own in blocks.blocks.values() if isinstance(own, fields)]
    assert len(labelled) == 14
    assert all(own.label for own in labelled)


def test_an_idle_page_looks_seldom_for_questions(service: Service) -> None:
    with gr.Blocks() as plain:
        plain.queue()
    own = page.build_page(service)._queue
    for name, seconds in page.LOOKS.items():
        assert getattr(plain._queue, name) < seconds == getattr(own, name)


@pytest.mark.parametrize("share", [False, True])
def test_the_page_is_opened_to_the_internet_only_when_asked(
    service: Service, share: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(gr.Blocks, "launch", lambda page, **options: asked.update(options))
    page.launch(service, Serving(share=share) if share else Serving(), 7860)
    assert asked["share"] is share
    assert asked["server_name"] == "127.0.0.1"
    assert asked["auth"] is None
    assert asked["max_file_size"] == service.most_bytes


def test_the_theme_fetches_no_fonts() -> None:
    assert page.theme()._stylesheets == []
    assert "@font-face" not in page.theme()._get_theme_css()


# ---- The server ----


@pytest.fixture
def served(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimpleNamespace]:
    """The running page, its address and the folder of its uploads."""
    uploads = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    own = replace(service, uploads=Uploads(uploads))
    blocks = page.launch(own, Serving(), free_port("127.0.0.1", 0))
    yield SimpleNamespace(url=blocks.local_url, uploads=uploads, blocks=blocks)
    blocks.close(verbose=False)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_program_can_ask_the_page_with_all_options(
    served: SimpleNamespace, tiny: Captioner, draw: Draw, tmp_path: Path
) -> None:
    photo, notes = draw("dog.png"), tmp_path / "notes.jpg"
    notes.write_text("no photo at all\n")
    client = Client(served.url, verbose=False)

    with pytest.raises(AppError, match=r"^notes\.jpg is not a photo in any known format\.$"):
        client.predict(handle_file(notes), api_name="/caption")
    with pytest.raises(AppError, match=r"^The model does not know the word 'xyz' in English"):
        client.predict(handle_file(photo), require=["xyz"], api_name="/caption")
    answer = client.predict(
        handle_file(photo), beam=2, top=2, max_length=6, avoid=["dog"], require=["ball"],
        api_name="/caption",
    )  # fmt: skip

    expected = tiny.caption(photo, beam=2, top=2, max_length=6, avoid=["dog"], require=["ball"])
    assert (answer["caption"], answer["language"]) == (expected.text, "en")
    assert answer["score"] == pytest.approx(expected.score, abs=1e-4)
    assert answer["log_prob"] == pytest.approx(expected.log_prob, abs=1e-4)
    assert [other["caption"] for other in answer["alternatives"]] == [
        other.text for other in expected.alternatives
    ]
    draws = [
        client.predict(handle_file(photo), seed=seed, api_name="/caption")["caption"]
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1]


def test_a_program_can_have_many_photos_described(
    served: SimpleNamespace, tiny: Captioner, draw: Draw, tmp_path: Path
) -> None:
    photos = [draw(f"{number}.png") for number in range(4)]
    photos[2].write_text("no photo")
    client = Client(served.url, verbose=False)

    rows = client.predict([handle_file(photo) for photo in photos], api_name="/caption_many")

    assert [row["image"] for row in rows] == ["0.png", "1.png", "2.png", "3.png"]
    assert rows[2]["error"] == "2.png is not a photo in any known format."
    for number in (0, 1, 3):
        assert rows[number]["caption"] == tiny.caption(photos[number]).text


def test_the_page_leads_to_its_documentation_for_programs(served: SimpleNamespace) -> None:
    with urllib.request.urlopen(f"{served.url}api.md") as reply:
        assert reply.headers.get_content_type() == "text/plain"
        assert reply.read().decode().startswith("# The page for programs")
    config = json.load(urllib.request.urlopen(f"{served.url}config"))
    assert "/api.md" in json.dumps(config)


def test_the_documentation_for_programs_names_every_argument(served: SimpleNamespace) -> None:
    client = Client(served.url, verbose=False)
    points = client.view_api(return_format="dict")["named_endpoints"]
    assert set(points) == {"/caption", "/caption_many"}
    names = [parameter["parameter_name"] for parameter in points["/caption"]["parameters"]]
    assert names == [
        "photo", "model", "language", "details",
        *(field.name for field in dataclasses.fields(CaptionOptions)),
    ]  # fmt: skip


def test_a_program_can_ask_how_a_sentence_came_about(
    served: SimpleNamespace, tiny: Captioner, draw: Draw
) -> None:
    photo = draw("dog.png")
    client = Client(served.url, verbose=False)
    details = ["words", "attention", "trace"]
    answer = client.predict(handle_file(photo), details=details, api_name="/caption")
    (row,) = client.predict([handle_file(photo)], details=details, api_name="/caption_many")

    expected = tiny.caption(photo, attention=True, words=True, trace=True)
    assert expected.attention is not None
    assert expected.trace is not None
    for own in (answer, row):
        assert own["caption"] == expected.text
        assert (own["certainty"] is None) == (expected.certainty is None)
        assert np.array(own["attention"]) == pytest.approx(expected.attention.numpy(), abs=1e-3)
        assert np.array(own["trace"]["forget"]).shape == expected.trace.forget.shape
        assert [word["word"] for word in own["words"]] == [word.text for word in expected.words]
        assert list(own["words"][0]["likeliest"].values()) == pytest.approx(
            [chance for _, chance in expected.words[0].likeliest], abs=1e-3
        )
    with pytest.raises(AppError, match="details must be a list of any of words, attention, trace"):
        client.predict(handle_file(photo), details=["all"], api_name="/caption")


@pytest.mark.parametrize(("language", "problem"), [
    ("fr", "There is no language 'fr' here; there is: en, zh."),
    ("zh-CN", "No installed model writes zh; installed: tiny."),
    ("EN_us", ""),
])  # fmt: skip
def test_a_language_is_one_that_a_model_writes_or_an_error(
    served: SimpleNamespace, draw: Draw, language: str, problem: str
) -> None:
    client = Client(served.url, verbose=False)
    photo = handle_file(draw("dog.png"))
    if problem:
        with pytest.raises(AppError, match=problem):
            client.predict(photo, language=language, api_name="/caption")
    else:
        answer = client.predict(photo, language=language, api_name="/caption")
        assert answer["language"] == "en"


def test_over_http_arguments_go_by_name_and_a_wrong_one_gets_a_sentence(
    served: SimpleNamespace, tiny: Captioner, draw: Draw
) -> None:
    photo = draw("dog.png")
    given = served.uploads / "given" / photo.name
    given.parent.mkdir(parents=True)
    shutil.copy(photo, given)
    file = {"path": str(given), "meta": {"_type": "gradio.FileData"}}

    assert tiny.caption(photo, top=2).text in by_name(served.url, photo=file, top=2)
    assert "The argument photo is missing." in by_name(served.url, top=2)
    assert "There is no argument named tops." in by_name(served.url, photo=file, tops=2)


def by_name(url: str, **values: Any) -> str:
    """What a call of the end point `caption` says in the end."""
    call = f"{url}gradio_api/call/v2/caption"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(call, json.dumps(values).encode(), headers)
    try:
        with urllib.request.urlopen(request) as reply:
            event = json.load(reply)["event_id"]
    except urllib.error.HTTPError as error:
        return error.read().decode()
    with urllib.request.urlopen(f"{url}gradio_api/call/caption/{event}") as reply:
        return reply.read().decode()


def test_a_choice_that_cannot_be_leaves_the_answer_to_the_same_photo(
    service: Service, draw: Draw
) -> None:
    photo, notes = upload(draw("dog.png")), upload(draw("notes.png"))
    Path(notes["path"]).write_text("no photo")
    refused = [*FIELDS[:-2], "unheard-of", ""]
    stays = one_photo.answer_visitor(service, [photo, True, False, "", refused])
    assert stays["sentences"] is None
    assert "unheard-of" in stays["problem"]
    assert 'class="choice"' in stays["problem"]
    for given, is_shown, fields in ((photo, False, refused), (notes, True, FIELDS)):
        gone = one_photo.answer_visitor(service, [given, is_shown, False, "", fields])
        assert gone["sentences"] == ""
        assert "choice" not in gone["problem"]
    answered = one_photo.answer_visitor(service, [photo, True, False, "", FIELDS])
    assert 'class="sentence"' in answered["sentences"]
    assert answered["problem"] == ""


@pytest.mark.parametrize("request_", [None, [], [{}] * 4, ["photo", 1, 2, 3, 4], {"path": "x"}])
def test_a_request_that_no_script_of_the_page_makes_gets_a_sentence(
    service: Service, request_: object
) -> None:
    answer = one_photo.answer_visitor(service, request_)
    assert "does not understand the request" in answer["problem"]


def test_uploads_are_not_kept(
    service: Service, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    brief = replace(service, keep_seconds=5, sweep_seconds=1)
    blocks = page.launch(brief, Serving(), free_port("127.0.0.1", 0))
    try:
        client = Client(blocks.local_url, verbose=False)
        client.predict(handle_file(draw("dog.png")), api_name="/caption")
        assert len(files_in(tmp_path / "uploads")) > 0
        deadline = time.monotonic() + 60
        while files_in(tmp_path / "uploads") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert files_in(tmp_path / "uploads") == []
    finally:
        blocks.close(verbose=False)


def test_visitors_are_forgotten_with_all_that_was_shown_to_them(
    served: SimpleNamespace, service: Service, draw: Draw
) -> None:
    client = Client(served.url, verbose=False)
    client.predict(handle_file(draw("dog.png")), api_name="/caption")
    sessions = served.blocks.state_holder.session_data
    cleanup = Cleanup(served.uploads, served.blocks, service.memory)
    start = time.time()

    cleanup.sweep(start)
    assert client.session_hash in sessions
    cleanup.sweep(start + 3000)
    assert client.session_hash in sessions
    cleanup.sweep(start + 3600)
    assert len(sessions) == 0
    assert files_in(served.uploads) == []
    assert client.predict(handle_file(draw("cat.png")), api_name="/caption")["caption"]


def outcome_of_calling(url: str, path: str) -> str:
    """Ask for the caption of a file on the server's own disk, as a forged request might."""
    call = f"{url}gradio_api/call/caption"
    forged = {"path": path, "meta": {"_type": "gradio.FileData"}}
    rest = ["", "", None, *[None] * len(OPTIONS)]
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(call, json.dumps({"data": [forged, *rest]}).encode(), headers)
    try:
        with urllib.request.urlopen(request) as reply:
            event = json.load(reply)["event_id"]
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    with urllib.request.urlopen(f"{call}/{event}") as reply:
        return reply.read().decode()


def test_the_page_reads_no_file_that_was_not_given_to_it(
    served: SimpleNamespace, draw: Draw
) -> None:
    """Whoever may see the page may not see this computer's photos through it."""
    photo = draw("dog.png")
    given = served.uploads / "given" / photo.name
    given.parent.mkdir(parents=True)
    shutil.copy(photo, given)

    assert outcome_of_calling(served.url, str(given)).startswith("event: complete")
    assert outcome_of_calling(served.url, str(photo)).startswith("403 ")


def test_the_page_fetches_no_photo_from_an_address(
    served: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("safehttpx.get", lambda *address, **_: asked.append(address))
    outcome = outcome_of_calling(served.url, "https://example.com/dog.jpg")
    assert outcome.startswith("event: error")
    assert "fetches nothing" in outcome
    assert asked == []


def test_the_page_forbids_browsers_every_other_host(served: SimpleNamespace) -> None:
    with urllib.request.urlopen(served.url) as reply:
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'self' ")


def test_a_file_that_is_too_large_is_refused_and_the_next_is_taken(
    served: SimpleNamespace, draw: Draw, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(10**6 + 1))
    client = Client(served.url, verbose=False)
    with pytest.raises(Exception, match=r"413|maximum (allowed|file) size"):
        client.predict(handle_file(large), api_name="/caption")
    assert files_in(served.uploads) == []
    assert client.predict(handle_file(draw("dog.png")), api_name="/caption")["caption"]


def test_a_broken_off_upload_leaves_the_server_alive(served: SimpleNamespace, draw: Draw) -> None:
    import socket
    from urllib.parse import urlsplit

    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port)) as visitor:
        visitor.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nxx'
        )
        time.sleep(0.2)
    client = Client(served.url, verbose=False)
    assert client.predict(handle_file(draw("dog.png")), api_name="/caption")["caption"]


def test_a_password_keeps_others_out(
    service: Service, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    serving = Serving(auth=("ann", "secret"))
    blocks = page.launch(service, serving, free_port("127.0.0.1", 0))
    try:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{blocks.local_url}gradio_api/info")
        client = Client(blocks.local_url, auth=("ann", "secret"), verbose=False)
        assert client.predict(handle_file(draw("dog.png")), api_name="/caption")["caption"]
    finally:
        blocks.close(verbose=False)


def test_a_mistake_of_the_programs_own_is_logged_and_said_in_a_sentence(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    from captioner.ui.html import problem_html

    with pytest.raises(AttributeError) as mistake:
        one_photo.answer(service, {}, None)  # type: ignore[arg-type]
    shown = problem_html(mistake.value)
    assert str(UNEXPECTED) in shown
    assert "AttributeError" in caplog.text
    assert "attribute" not in shown
    assert "No photo" in problem_html(ImageError("No photo."))


def test_a_bomb_is_refused_in_one_sentence(service: Service, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    Image.new("1", (30000, 30000)).save(bomb)
    with pytest.raises(ImageError, match=r"^bomb\.png is too large to open safely"):
        one_photo.answer(service, upload(bomb), who())
