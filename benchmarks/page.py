"""What the page adds to the model's own time, for one visitor and for twenty at once.

    python benchmarks/page.py FOLDER

FOLDER holds JPEGs, no two alike. One visitor gives photos to the page in a browser: from the end of
the upload to the sentence on the screen, against the model alone. Then many visitors send photos at
once, over HTTP, round after round: photos a second, against the model alone in batches; whether
each sentence is that of its photo; and the server's memory after each round. At last one visitor's
photo alone, and while another has eighty. What is compared is measured in turn, A B A B …. Prints
Markdown tables. Memory is read where there is a /proc.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import torch
from tqdm import tqdm

import captioner
from captioner.images import open_image, to_batch
from captioner.speed.memory import keep_memory
from captioner.text import tokenizer
from captioner.ui import free_port
from captioner.ui.api import Api
from captioner.ui.options import TOP

BEAM = 3
TOLD = {"attention": True, "words": True, "trace": True, "search": True}  # by the page
PATIENCE_SECONDS = 600
NEAR = 0.5  # in log-probability, which rounding changes by less
MANY = 80  # photos of another visitor
QUIET_SECONDS = 0.5  # until the browser has finished drawing, before the model is timed

# In the page: when the last upload had arrived, and when the answer to it was on the screen.
WATCH = """
window.uploaded = 0;
new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
        if (entry.name.includes("/upload?") || entry.name.endsWith("/upload"))
            window.uploaded = entry.responseEnd;
}).observe({ type: "resource", buffered: true });
window.shown = new Map();
new MutationObserver(() => {
    const picture = document.querySelector("#answer .answer")?.dataset.picture;
    if (picture && !window.shown.has(picture))
        requestAnimationFrame(() => window.shown.set(picture, performance.now()));
}).observe(document, { subtree: true, childList: true, attributes: true });
"""


class Server(NamedTuple):
    """A page that is being served."""

    url: str
    process: int

    def resident_megabytes(self) -> float:
        """The memory that the server occupies; 0 where that cannot be read."""
        status = Path(f"/proc/{self.process}/status")
        found = re.search(r"VmRSS:\s+([0-9]+) kB", status.read_text()) if status.exists() else None
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def serving(model: str | None) -> Iterator[Server]:
    """The page in a process of its own."""
    port = free_port("127.0.0.1", 0)
    command = [sys.executable, "-m", "captioner", "serve", "--port", str(port)]
    process = subprocess.Popen([*command, *(["--model", model] if model else [])])
    url = f"http://127.0.0.1:{port}/"
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while not _is_up(url):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("The page did not start.")
            time.sleep(0.5)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def one_visitor(
    server: Server, model: captioner.Captioner, photos: Sequence[Path]
) -> tuple[list[float], list[float]]:
    """Seconds in the browser after the upload, and of the model alone, photo by photo."""
    from playwright.sync_api import sync_playwright

    browser_path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    page_seconds, model_seconds = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.add_init_script(WATCH)
        page.goto(server.url)
        page.locator("#photo input[type=file]").wait_for(state="attached")
        for number, photo in enumerate(tqdm(photos, leave=False)):
            page.locator("#photo input[type=file]").set_input_files(photo)
            page.wait_for_function(f"window.shown.size === {number + 1}")
            seconds = page.evaluate("([...window.shown.values()].pop() - window.uploaded) / 1000")
            time.sleep(QUIET_SECONDS)
            started = time.perf_counter()
            model.caption(photo, beam=TOP, top=TOP, **TOLD)
            if number >= 2:  # the first are warming up
                page_seconds.append(seconds)
                model_seconds.append(time.perf_counter() - started)
        browser.close()
    return page_seconds, model_seconds


def ask(url: str, visitor: str, photos: Sequence[Path]) -> list[dict[str, object]]:
    """What one visitor does: sends photos, asks for their captions, waits."""
    # Without certificates, whose reading takes longer than all the rest and serves no loopback.
    with httpx.Client(
        base_url=f"{url}gradio_api", timeout=PATIENCE_SECONDS, trust_env=False, verify=False
    ) as web:
        files = [("files", (photo.name, photo.read_bytes())) for photo in photos]
        paths = web.post("/upload", files=files).raise_for_status().json()
        uploads = [
            {"path": path, "orig_name": photo.name, "meta": {"_type": "gradio.FileData"}}
            for path, photo in zip(paths, photos, strict=True)
        ]
        given = {"beam": BEAM, "top": 1}
        _, _, *others = inspect.signature(Api.caption_many).parameters.values()
        data = [uploads, *(given.get(other.name, other.default) for other in others)]
        body = {"data": data, "session_hash": visitor}
        call = web.post("/call/caption_many", json=body).raise_for_status().json()
        reply = web.get(f"/call/caption_many/{call['event_id']}").raise_for_status().text
    return json.loads(re.search(r"event: complete\ndata: (.*)", reply)[1])[0]  # type: ignore[index]


def beside_another(
    server: Server, photos: Sequence[Path], many: Sequence[Path], rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of one photo with nobody else there, and, one after another, while another visitor
    waits for `many`."""

    def seconds(photo: Path) -> float:
        started = time.perf_counter()
        ask(server.url, "one", [photo])
        return time.perf_counter() - started

    alone, beside = [], []
    with ThreadPoolExecutor(1) as other:
        for _ in range(rounds):
            alone += [seconds(photo) for photo in photos[:4]]
            waiting = other.submit(ask, server.url, "other", many)
            time.sleep(QUIET_SECONDS)  # until these are uploaded
            for photo in photos:
                took = seconds(photo)
                if waiting.done():
                    break
                beside.append(took)
            waiting.result()
    return alone, beside


def report_beside(alone: Sequence[float], beside: Sequence[float]) -> None:
    """The table of one photo beside another visitor's many."""
    ratio = statistics.median(beside) / statistics.median(alone)
    print("\n| one photo over HTTP | median | longest |\n|---|---|---|")
    print(f"| nobody else ({len(alone)} times) | {ms(alone)} | {1000 * max(alone):.0f} ms |")
    print(
        f"| while another has {MANY} ({len(beside)}) | {ms(beside)} | {1000 * max(beside):.0f} ms |"
    )
    print(f"\nMedian ratio: {ratio:.2f}")


def many_visitors(server: Server, groups: Sequence[Sequence[Path]]) -> tuple[float, list[dict]]:
    """Seconds until the last of them has all captions, and these; the same people each round."""
    names = [f"visitor-{number}" for number in range(len(groups))]
    started = time.perf_counter()
    with ThreadPoolExecutor(len(groups)) as visitors:
        answers = list(visitors.map(partial(ask, server.url), names, groups))
    seconds = time.perf_counter() - started
    return seconds, [row for rows in answers for row in rows]


def model_alone(
    model: captioner.Captioner, photos: Sequence[Path]
) -> tuple[float, list[captioner.Caption]]:
    """Seconds for all photos in batches, from their files, and the captions.

    With how likely each word is, of which the page's answers tell how certain a sentence is.
    """
    started = time.perf_counter()
    told = model.caption_each(photos, batch=32, beam=BEAM, words=True)
    captions = [caption for _, caption in told]
    return time.perf_counter() - started, captions  # type: ignore[return-value]


def unlike(
    model: captioner.Captioner,
    photos: Sequence[Path],
    rows: Sequence[dict],
    captions: Sequence[captioner.Caption],
) -> tuple[int, int]:
    """How many sentences are not the model's own, and how many are not of their photo.

    In another batch the last digits are rounded otherwise, which may decide between two sentences
    that are as good as equal. Such a sentence still has the probability that the model gives it
    for this very photo.
    """
    other = [
        (photo, row)
        for photo, row, caption in zip(photos, rows, captions, strict=True)
        if row.get("caption") != caption.text
    ]
    return len(other), sum(not belongs(model, photo, row) for photo, row in other)


@torch.inference_mode()
def belongs(model: captioner.Captioner, photo: Path, row: dict) -> bool:
    """Whether the model gives a sentence, for this photo, the probability that came with it."""
    preprocessing = model.model.config.preprocessing
    image = open_image(photo, at_least=preprocessing.detail)
    features, _ = model.encode(to_batch([image], preprocessing))
    tokens = tokenizer(model.language, model.model.config.unit).tokenize(row.get("caption", ""))
    words = torch.tensor([model.vocabulary.encode(tokens)], device=model.device)
    log_probs = model.model.decoder(features, words).float().log_softmax(2)[0]
    each = log_probs.gather(1, words[0, 1:, None])[:, 0]
    # One that was cut off at the greatest length has no end token.
    totals = (float(each.sum()), float(each[:-1].sum()))
    return any(abs(total - row["log_prob"]) < NEAR for total in totals)


def report_one(page: Sequence[float], model: Sequence[float]) -> None:
    """The table of one visitor, in milliseconds."""
    added = [1000 * (a - b) for a, b in zip(page, model, strict=True)]
    print(f"\n| one visitor, {len(page)} photos, beam {TOP} | median |\n|---|---|")
    print(f"| from the upload's end to the sentence on the screen | {ms(page)} |")
    print(f"| the model's own time, with attention and 5 sentences | {ms(model)} |")
    print(f"| added by the page | {statistics.median(added):.0f} ms |")


def ms(seconds: Sequence[float]) -> str:
    """The median in milliseconds."""
    return f"{1000 * statistics.median(seconds):.0f} ms"


def main() -> None:
    """Measure both, with a page and with a model of one's own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="an installed model's name, or a model folder")
    parser.add_argument("--photos", type=int, default=60, help="of the one visitor (60)")
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--each", type=int, default=10, help="photos a visitor sends at once (10)")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    photos = sorted(options.folder.rglob("*.jpg"))
    needed = max(options.photos, options.visitors * options.each, MANY + 40)
    if len(photos) < needed:
        parser.error(f"{options.folder} holds {len(photos)} JPEGs; {needed} are needed.")
    keep_memory()
    model = captioner.load_model(options.model)
    with serving(options.model) as server:
        report_one(*one_visitor(server, model, photos[: options.photos]))
        run_rounds(server, model, photos, options)
        few, many = photos[MANY : MANY + 40], photos[:MANY]
        report_beside(*beside_another(server, few, many, options.rounds))


def run_rounds(
    server: Server, model: captioner.Captioner, photos: Sequence[Path], options: argparse.Namespace
) -> None:
    """Rounds of many visitors, each beside the model alone; prints a row for each."""
    count = options.visitors * options.each
    visitors = f"{options.visitors} visitors, {options.each} photos each"
    print(f"\n| {visitors} | page | model alone | ratio | other sentences | wrong | memory |")
    print("|---|---|---|---|---|---|---|")
    ratios = []
    model_alone(model, photos[:count])
    for number in range(options.rounds):
        chosen = photos[number * count % len(photos) :][:count]
        chosen = chosen if len(chosen) == count else photos[:count]
        groups = [chosen[at : at + options.each] for at in range(0, count, options.each)]
        seconds, rows = many_visitors(server, groups)
        alone, captions = model_alone(model, chosen)
        other, wrong = unlike(model, chosen, rows, captions)
        ratios.append(alone / seconds)
        print(
            f"| round {number + 1} | {count / seconds:.1f}/s | {count / alone:.1f}/s | "
            f"{ratios[-1]:.2f} | {other} | {wrong} | {server.resident_megabytes():.0f} MB |",
            flush=True,
        )
    print(f"\nMedian ratio: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
