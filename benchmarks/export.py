"""An exported model beside torch: cold start, one photo warm, size, and what fewer bits lose.

    python benchmarks/export.py PHOTO EXPORTED... [--model base-en] [--runs 20]
    python benchmarks/export.py --data DATA EXPORTED... [--photos 300]

The first measures, in turn, A B C A B C …, so that a machine whose speed drifts slows all alike.
The second captions the first photos of the dev split with each and scores them. Prints tables.
`ONEDNN_MAX_CPU_ISA=AVX2` and `ATEN_CPU_CAPABILITY=avx2` in the environment switch off torch's wide
units, and with them bfloat16; ONNX Runtime has no such switch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from captioner.captioning import Caption, PhotoCaptioner
from captioner.loading import load_model


def in_turn(calls: Mapping[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Median seconds of each, measured in turn after two uncounted runs."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for run in range(runs + 2):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if run >= 2:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(own) for name, own in seconds.items()}


def by_torch(model: str, *, wide: bool) -> PhotoCaptioner[Any]:
    """The model by torch, as it runs on this processor, or in float32."""
    import torch

    from captioner import pipeline

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    if wide:
        pipeline.has_bfloat16 = lambda device: False
    return load_model(model, "cpu")


def warm(photo: Path, model: str, folders: list[Path], runs: int) -> None:
    """One photo, from its file to the sentence."""
    found: dict[str, PhotoCaptioner[Any]] = {}
    if "ONEDNN_MAX_CPU_ISA" not in os.environ:
        usual = by_torch(model, wide=False)
        found[f"torch, {usual.dtype}"] = usual
    found["torch, float32"] = by_torch(model, wide=True)
    found |= {folder.name: load_model(folder) for folder in folders}
    calls = {
        name: (lambda own=own: own.caption(photo, beam=3)) for name, own in found.items()
    }  # fmt: skip
    table(in_turn(calls, runs), "one photo, warm")


def cold(photo: Path, model: str, folders: list[Path], runs: int) -> None:
    """The command, from the shell to the sentence."""

    def run(name: str) -> None:
        call = [sys.executable, "-m", "captioner", "caption", str(photo), "--model", name]
        subprocess.run(call, check=True, capture_output=True)

    calls = {
        name: (lambda name=name: run(name)) for name in [model, *map(str, folders)]
    }  # fmt: skip
    table(in_turn(calls, max(3, runs // 4)), "the command, cold")


def table(seconds: Mapping[str, float], title: str) -> None:
    """Each beside the first."""
    first = next(iter(seconds.values()))
    print(f"\n| {title} | median | beside the first |\n|---|---|---|")
    for name, own in seconds.items():
        print(f"| {name} | {1e3 * own:.0f} ms | {own / first:.2f} times |", flush=True)


def loss(data: Path, model: str, folders: list[Path], photos: int) -> None:
    """CIDEr on the first photos of the dev split."""
    from captioner.datasets import read_dataset
    from captioner.images import Photo
    from captioner.metrics import score
    from captioner.text import tokenizer

    records = read_dataset(data).split("val").records[:photos]
    references = [record.captions for record in records]
    print(f"\n| CIDEr on {len(records)} dev photos | | sentences as by the first |\n|---|---|---|")
    first: list[str] = []
    found = {"torch, float32": by_torch(model, wide=True)}
    for name, own in (found | {folder.name: load_model(folder) for folder in folders}).items():
        results = own.caption_each((r.photo for r in records), opener=Photo.open, batch=16)
        texts = [found.text if isinstance(found, Caption) else "" for _, found in results]
        first = first or texts
        same = sum(one == two for one, two in zip(texts, first, strict=True)) / len(texts)
        cider = score(texts, references, tokenizer(own.language).tokenize).cider
        print(f"| {name} | {cider:.1f} | {same:.0%} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="the photo, then exported folders")
    parser.add_argument("--model", default="base-en")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--photos", type=int, default=300)
    options = parser.parse_args()
    if options.data:
        loss(options.data, options.model, options.paths, options.photos)
        return
    photo, *folders = options.paths
    print(f"{len(os.sched_getaffinity(0))} cores")
    for folder in folders:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder.name}: {size / 1e6:.1f} MB")
    warm(photo, options.model, folders, options.runs)
    cold(photo, options.model, folders, options.runs)


if __name__ == "__main__":
    main()
