"""How long the browser blocks while somebody reviews a gallery of three hundred photos.

    python benchmarks/gallery.py FOLDER

FOLDER holds JPEGs. A page in a process of its own captions them; a real browser then scrolls
through the gallery, which draws its cards as they come into view, once more over the drawn ones,
sorts, filters, replaces, and types. For each it tells the longest task of the browser's main
thread, which is how long it answers to nothing (Long Tasks API, which counts from 50 ms on).
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from page import PATIENCE_SECONDS, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

WINDOWS = {"desktop": (1280, 900), "phone": (390, 844)}
STEP, PAUSE_SECONDS = 300, 0.03  # pixels of a turn of the wheel, and how soon the next one comes
SETTLED_SECONDS = 1.0

WATCH = """
window.blocked = [];
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.blocked.push(entry.duration);
}).observe({ type: "longtask" });
"""


def scroll(page: Page) -> None:
    """From the top to the end, as with a wheel that is turned steadily."""
    page.evaluate("scrollTo(0, 0)")
    time.sleep(SETTLED_SECONDS)
    page.evaluate("window.blocked = []")
    at_end = "scrollY + innerHeight >= document.documentElement.scrollHeight - 2"
    while not page.evaluate(at_end):
        for _ in range(10):
            page.mouse.wheel(0, STEP)
            time.sleep(PAUSE_SECONDS)


def press(page: Page, selector: str) -> None:
    """A button, wherever it is."""
    page.locator(selector).evaluate("(own) => own.click()")


def replace(page: Page) -> None:
    """A word in all captions."""
    page.locator(".from").evaluate("(own) => (own.value = ' a ')")
    page.locator(".to").evaluate("(own) => (own.value = ' the ')")
    page.locator(".replace form").evaluate("(own) => own.requestSubmit()")


ACTS: dict[str, Callable[[Page], None]] = {
    "scrolling, cards being drawn": scroll,
    "scrolling once more": scroll,
    "sorting": lambda page: press(page, ".sort"),
    "filtering": lambda page: page.locator(".filter").fill("man"),
    "all of them again": lambda page: page.locator(".filter").fill(""),
    "replacing": replace,
    "typing": lambda page: page.locator(".card textarea").first.type("in other words", delay=30),
}  # fmt: skip


def measure(page: Page, photos: list[Path]) -> dict[str, tuple[int, float]]:
    """For each act, how many tasks took 50 ms or more, and the longest one in milliseconds."""
    found = {}

    def note(name: str) -> None:
        time.sleep(SETTLED_SECONDS)
        tasks = page.evaluate("window.blocked.splice(0)")
        found[name] = (len(tasks), max(tasks, default=0.0))

    page.locator("#many-button").click()
    page.evaluate("window.blocked = []")
    page.locator("#photos input").set_input_files(photos)
    page.locator("#gallery .end [role=status] span").first.wait_for(state="attached")
    note("photos given and captioned")
    width, height = page.viewport_size["width"], page.viewport_size["height"]  # type: ignore[index]
    page.mouse.move(width / 2, height / 2)
    for name, act in ACTS.items():
        page.evaluate("window.blocked = []")
        act(page)
        note(name)
    return found


def main() -> None:
    """Measure in each window, and print a row for each act."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="an installed model's name, or a model folder")
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--window", choices=WINDOWS, action="append", help="(all)")
    options = parser.parse_args()
    photos = sorted(options.folder.rglob("*.jpg"))[: options.photos]
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with serving(options.model) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        print(f"\n| {len(photos)} photos | window | tasks of 50 ms or more | longest |")
        print("|---|---|---|---|")
        for window in options.window or WINDOWS:
            width, height = WINDOWS[window]
            page = browser.new_page(viewport={"width": width, "height": height}, locale="en-US")
            page.set_default_timeout(1000 * PATIENCE_SECONDS)
            page.add_init_script(WATCH)
            page.goto(server.url)
            page.locator("#photo .surface").wait_for()
            for name, (count, longest) in measure(page, photos).items():
                print(f"| {name} | {window} | {count} | {longest:.0f} ms |", flush=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
