"""docs/api.md: its example runs, and its table is what the end points take."""

import inspect
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from captioner import Captioner
from captioner.model import CaptioningModel
from captioner.options import OPTIONS
from captioner.text import Vocabulary
from captioner.ui import Serving, free_port
from captioner.ui.models import Models
from captioner.ui.offline import stay_offline
from captioner.ui.service import Service

pytest.importorskip("gradio")
stay_offline("127.0.0.1")

from captioner.ui import page  # noqa: E402
from captioner.ui.api import Api  # noqa: E402
from captioner.ui.uploads import Uploads  # noqa: E402
from captioner.ui.zips import MOST_PHOTOS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio")
TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def url(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:  # fmt: skip
    uploads = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    import copy

    captioner = Captioner(copy.deepcopy(tiny_model), vocabulary, "tiny", "cpu")
    service = Service(Models(captioner, {}), Uploads(uploads))
    blocks = page.launch(service, Serving(), free_port("127.0.0.1", 0))
    yield blocks.local_url
    blocks.close(verbose=False)


def test_the_example_runs_as_it_stands(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (30, 20), "brown").save("dog.jpg")
    Path("notes.txt").write_text("no photo")
    with zipfile.ZipFile("album.zip", "w") as archive:
        archive.write("dog.jpg", "2024/cat.jpg")
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)

    exec(example.replace("http://127.0.0.1:7860/", url), {})

    lines = [line for line in capsys.readouterr().out.splitlines() if "Loaded as API" not in line]
    assert len(lines) == 3 + 3
    assert [line.split()[0] for line in lines[3:]] == ["dog.jpg", "notes.txt", "2024/cat.jpg"]
    assert lines[4] == "notes.txt notes.txt is not a photo in any known format."


@pytest.mark.parametrize(("name", "column"), [("caption", 1), ("caption_many", 2)])
def test_the_table_has_every_argument_with_its_default(name: str, column: int) -> None:
    cells = [line.split("|")[1:-1] for line in TEXT.splitlines() if line.startswith("| `")]
    shown = {row[0].strip(" `"): row[column].strip(" `") for row in cells if row[column].strip()}
    parameters = list(inspect.signature(getattr(Api, name)).parameters.values())[1:]
    assert shown == {
        own.name: "required" if own.default is own.empty else _spelt(own.default)
        for own in parameters
    }


def test_the_table_says_what_each_option_does() -> None:
    for name, takes in OPTIONS.items():
        assert re.search(
            rf"^\| `{name}` .* \| {re.escape(takes.described())} \|$", TEXT, re.MULTILINE
        )


def _spelt(value: object) -> str:
    return '""' if value == "" else str(value)


def test_the_call_over_http_names_arguments_that_there_are() -> None:
    (body,) = re.findall(r"curl -d '(\{.*?\})' -H", TEXT, re.DOTALL)
    assert json.loads(body).keys() <= inspect.signature(Api.caption).parameters.keys()


def test_the_limit_is_the_pages() -> None:
    assert f"{MOST_PHOTOS} photos at most" in TEXT
