"""The exported page in a real browser, from a static file server that is gone once it is loaded."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import IN_A_BROWSER_WITH_A_MODEL, PATIENCE_SECONDS, sync_api
from PIL import Image, ImageDraw

import captioner
from captioner.errors import MissingError

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from captioner.captioning import PhotoCaptioner
from captioner.export import ExportOptions, export_web
from captioner.export.runtime import GPU_FILES
from captioner.installed import available_models, model_folder

pytestmark = IN_A_BROWSER_WITH_A_MODEL


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest model's page, of a model whose search heeds trigrams, too."""
    folder, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "model"
    name = "light-en" if "light-en" in available_models() else available_models()[0]
    shutil.copytree(model_folder(name), source)
    bits = np.packbits(np.random.default_rng(0).random(2**16) < 0.6)
    (source / "trigrams.bin").write_bytes(bits.tobytes())
    config = json.loads((source / "config.json").read_text()) | {"unseen_penalty": 0.5}
    (source / "config.json").write_text(json.dumps(config))
    runtime = os.environ.get("CAPTIONER_ORT_WEB")
    try:
        export_web(source, folder, ExportOptions("int8"), Path(runtime) if runtime else None)
    except MissingError as error:
        pytest.skip(f"{error} Or name it in CAPTIONER_ORT_WEB.")
    return folder


@pytest.fixture(scope="module")
def model(site: Path, tmp_path_factory: pytest.TempPathFactory) -> PhotoCaptioner:
    """The page's very graphs, run by NumPy."""
    folder = tmp_path_factory.mktemp("unpacked") / "model"
    shutil.copytree(site / "model", folder)
    for packed in folder.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    return captioner.load_model(folder)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for seed, size in enumerate([(224, 224), (300, 200), (180, 320)]):
        rng = np.random.default_rng(seed)
        image = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
        draw = ImageDraw.Draw(image)
        for _ in range(9):
            x, y, w, h = map(int, (*rng.integers(0, 180, 2), *rng.integers(10, 90, 2)))
            draw.ellipse((x, y, x + w, y + h), fill=tuple(rng.integers(0, 256, 3).tolist()))
        paths.append(folder / f"{seed}.png")
        image.save(paths[-1])
    return paths


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files as any static host sends them."""

    def guess_type(self, path: str) -> str:
        kinds = {".mjs": "text/javascript", ".gz": "application/octet-stream"}
        return kinds.get(Path(path).suffix) or super().guess_type(path)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def served(site: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Its address, and what ends the server."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    yield f"http://127.0.0.1:{server.server_port}/", stop
    stop()


@pytest.fixture
def page(browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    yield context.new_page()
    context.close()


def wait_until_ready(page: sync_api.Page) -> None:
    page.locator("html[data-ready], #status:not(:empty)").first.wait_for(state="attached")
    assert page.locator("#status").inner_text() == ""


def test_photos_are_captioned_without_a_network_as_numpy_does_it(
    served: tuple[str, Callable[[], None]],
    page: sync_api.Page,
    model: PhotoCaptioner,
    photos: list[Path],
) -> None:
    url, stop = served
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    wait_until_ready(page)
    stop()
    page.context.set_offline(True)
    page.reload()
    wait_until_ready(page)
    for number, photo in enumerate(photos, start=1):
        page.locator("#choose").set_input_files(photo)
        page.locator(f'html[data-done="{number}"]').wait_for(state="attached")
        said = [
            page.locator("#sentence").inner_text(),
            *page.locator("#others li").all_inner_texts(),
        ]
        best = model.caption(photo, top=4, beam=3)
        assert said == [best.text, *(other.text for other in best.alternatives)]
    words = page.locator("#sentence button")
    assert words.count() == len(best.tokens)
    assert page.locator("#map").is_hidden()
    words.first.focus()
    assert page.locator("#map").is_visible()
    page.keyboard.press("Tab")
    assert words.nth(1).get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="中文").click()
    assert page.get_by_text("看到模型当时看向哪里").is_visible()
    assert complaints == []


def test_what_is_no_photo_is_one_sentence_and_a_dropped_photo_is_taken(
    served: tuple[str, Callable[[], None]], page: sync_api.Page, photos: list[Path], tmp_path: Path
) -> None:
    page.goto(served[0])
    wait_until_ready(page)
    (tmp_path / "broken.png").write_bytes(b"no photo")
    page.locator("#choose").set_input_files(tmp_path / "broken.png")
    sync_api.expect(page.locator("#status")).to_have_text(
        "This file is not a photo that the browser can open."
    )
    dropped = """async (element) => {
        const pixels = new OffscreenCanvas(64, 48);
        pixels.getContext("2d").fillRect(0, 0, 20, 20);
        const data = new DataTransfer();
        data.items.add(new File([await pixels.convertToBlob()], "a.png", { type: "image/png" }));
        element.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }"""
    page.locator("#drop").evaluate(dropped)
    page.locator('html[data-done="1"]').wait_for(state="attached")
    assert page.locator("#sentence").inner_text()


def test_the_site_is_small_and_says_whose_the_runtime_is(site: Path) -> None:
    sizes = {path.relative_to(site): path.stat().st_size for path in site.rglob("*")}
    assert sum(sizes.values()) < 45_000_000
    for_cpu = sum(n for path, n in sizes.items() if path.stem not in GPU_FILES)
    assert for_cpu < 25_000_000
    assert "MIT License" in (site / "runtime" / "README.txt").read_text()
