"""The report's page in a real browser: whole without a network, and readable on a phone."""

from pathlib import Path

import pytest
from browsing import IN_A_BROWSER, sync_api
from PIL import Image

from captioner.evaluation import Evaluation
from captioner.images import Photo
from captioner.metrics.report import Captions, Entry, compare, make_report

pytest.importorskip("jinja2")

pytestmark = IN_A_BROWSER

LONG = "a_very_long_file_name_without_any_space_" * 4


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    Image.new("RGB", (640, 480), "green").save(folder / "photo.jpg")
    entries = (
        Entry("photo.jpg", "a green field <b>&", ("A field.", "A green field with grass.")),
        Entry(f"{LONG}.jpg", LONG, ("A red bus.", "A bus.")),
    )
    captions = Captions(LONG, "en", entries, "two photos")
    photos = {entry.image: Photo.at(folder / "photo.jpg") for entry in entries}
    evaluation = Evaluation(make_report(captions), compare(captions, captions), photos)
    evaluation.write_html(folder / "report.html")
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_whole_offline_and_fits_a_phone(
    report: Path, browser: "sync_api.Browser", scheme: str
) -> None:
    context = browser.new_context(
        color_scheme=scheme, offline=True, viewport={"width": 360, "height": 740}
    )
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())

    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()
        page.wait_for_function("image => image.naturalWidth > 0", arg=image.element_handle())
    assert complaints == []
    assert {url for url in requests if not url.startswith("data:")} == {report.as_uri()}
    assert page.get_by_text("a green field <b>&", exact=True).count() > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in background[4:-1].split(",")) > 3 * 128
    assert light == (scheme == "light")
    context.close()
