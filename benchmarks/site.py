"""The exported page in Chromium, with the network cut off: seconds a photo, and the same sentences.

    python benchmarks/site.py SITE PHOTO... [--beside EXPORTED]

SITE is what `captioner export MODEL -o SITE --web` wrote. A static file server gives it to the
browser once and ends, the page is loaded again without a network, and captions the photos.
`--beside` names an exported folder whose sentences are put beside the page's; both then get the
photos as the folder opens them, saved without loss, since browsers decode JPEGs a little
differently. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import captioner
from captioner.captioning import Caption, PhotoCaptioner
from captioner.images import open_image

PATIENCE_SECONDS = 120
BEAM, TOP = 3, 4  # TOP: as many as the page asks for
NEAR = 0.001  # in log-probability, between sentences that float32 cannot tell apart


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static file server that does not tell what it serves."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def loaded(site: Path) -> Iterator[Page]:
    """The page, after its server has ended and the network is off."""
    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    names = ("chromium", "chromium-browser", "google-chrome")
    browser_path = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_context(locale="en-US").new_page()
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.locator("html[data-ready]").wait_for(state="attached")
        server.shutdown()
        server.server_close()
        page.context.set_offline(True)
        page.reload()
        page.locator("html[data-ready]").wait_for(state="attached")
        yield page
        browser.close()


def captioned(page: Page, photo: Path, number: int) -> tuple[str, float]:
    """The page's sentence about its photo of that number, and the seconds it took."""
    page.locator("#choose").set_input_files(photo)
    page.locator(f'html[data-done="{number}"]').wait_for(state="attached")
    milliseconds = page.locator("html").get_attribute("data-milliseconds")
    return page.locator("#sentence").inner_text(), float(milliseconds or 0) / 1000


def without_loss(model: PhotoCaptioner, photos: Sequence[Path], folder: Path) -> list[Path]:
    """The photos as the model opens them."""
    copies = [folder / f"{photo.stem}.png" for photo in photos]
    for photo, copy in zip(photos, copies, strict=True):
        open_image(photo, at_least=model.preprocessing.detail).save(copy)
    return copies


def compare(model: PhotoCaptioner, photos: Sequence[Path], said: Sequence[str]) -> None:
    """Print where a page's sentences are other ones than the model's."""
    same = ties = 0
    for photo, text in zip(photos, said, strict=True):
        best: Caption = model.caption(photo, beam=BEAM, top=TOP)
        others = {own.text: best.score - own.score for own in best.alternatives}
        same += text == best.text
        if text != best.text:
            far = others.get(text)
            ties += far is not None and far < NEAR
            print(f"{photo.name}: {text} | {best.text}, {far and f'{far:.4f}'} better")
    print(f"{same} of {len(said)} sentences the same, {ties} ties beside")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--beside", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = options.photos
        if options.beside:
            model = captioner.load_model(options.beside)
            photos = without_loss(model, photos, Path(scratch))
        with loaded(options.site) as page:
            kind = page.locator("html").get_attribute("data-ready")
            found = [captioned(page, own, number) for number, own in enumerate(photos, start=1)]
        said = [text for text, _ in found]
        seconds = [own for _, own in found]
        for photo, text in zip(photos, said, strict=True):
            print(f"{photo.name}: {text}")
        if options.beside:
            compare(model, photos, said)
    print("\n| in Chromium | photos | median | longest |\n|---|---|---|---|")
    print(
        f"| {kind}, {len(os.sched_getaffinity(0))} cores | {len(photos)} "
        f"| {statistics.median(seconds):.2f} s | {max(seconds):.2f} s |"
    )


if __name__ == "__main__":
    main()
