"""One browser and one server for all tests that a process runs here one after another."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

import captioner

if TYPE_CHECKING:
    from browsing import Visit, sync_api


@pytest.fixture(scope="package")
def browser() -> Iterator["sync_api.Browser"]:
    from browsing import browsing

    with browsing() as browser:
        yield browser


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    from browsing import serving

    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def visit(server: SimpleNamespace, browser: "sync_api.Browser") -> Iterator["Visit"]:
    from browsing import visiting

    with visiting(server, browser, "desktop", "en-US") as visit:
        yield visit


@pytest.fixture(params=["desktop-en-US", "phone-zh-HK"])
def any_visit(
    server: SimpleNamespace, browser: "sync_api.Browser", request: pytest.FixtureRequest
) -> Iterator["Visit"]:
    """In each language, on each size of window."""
    from browsing import sync_api, visiting

    window, _, locale = request.param.partition("-")
    with visiting(server, browser, window, locale) as visit:
        sync_api.expect(visit.page.locator("#one-button")).to_have_text(visit.words.one)
        yield visit


@pytest.fixture(scope="package")
def model() -> captioner.Captioner:
    return captioner.load_model()


@pytest.fixture(scope="package")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = Image.linear_gradient("L").resize((320, 240)).convert("RGB")
    ImageDraw.Draw(image).ellipse((90, 50, 230, 190), fill="orange", outline="brown", width=8)
    path = tmp_path_factory.mktemp("photos") / "drawing.png"
    image.save(path)
    return path
