"""Every cell of the course, trained alike: scores, sizes and speeds side by side.

    python benchmarks/cells.py --set data.root=DATA

Trains each recipe of configs/cells with three seeds, one run after another, below runs/cells, where
all of them share one cache of the frozen encoder's features. Then it measures how fast each trains
and how long its decoder takes for one photo, all in turn, A B C … A B C …, so that a machine whose
speed drifts slows all. Stopped or killed at any moment, the same command goes on. The results lie
in benchmarks/cells.json; `python benchmarks/draw_cells.py` makes pictures and tables of them.

Recurrent steps are too small to divide among many cores. Several processes with a seed and a thread
each finish sooner, and the command without `--seeds` then finds all trained:

    OMP_NUM_THREADS=1 python benchmarks/cells.py --set data.root=DATA --seeds 1 &
    OMP_NUM_THREADS=1 python benchmarks/cells.py --set data.root=DATA --seeds 2 &

It lies here because what a cell is worth shows only beside the others, over several seeds, and its
speed depends on the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

import captioner
from captioner.errors import CaptionerError
from captioner.files import write_whole
from captioner.images import to_batch
from captioner.model import read_model
from captioner.model.cells import CELLS
from captioner.speed.memory import keep_memory
from captioner.training import Recipe, read_recipe, train
from captioner.training.data import Batch, TrainingData
from captioner.training.distributed import Workers
from captioner.training.recipe import Phase
from captioner.training.sources import read_records
from captioner.training.step import Learner, Stepper

ROOT = Path(__file__).parents[1]
ORDER = list(CELLS)  # in which the course has them; what else there is comes after
RECIPES = sorted(
    (ROOT / "configs" / "cells").glob("*.toml"),
    key=lambda path: (ORDER.index(path.stem) if path.stem in ORDER else len(ORDER), path.stem),
)
SEEDS = (1, 2, 3)
ROUNDS = 7  # of all in turn, after one that warms up
PHOTOS = 20  # of the dev split, each decoded alone
STEPS = 12  # of training

log = logging.getLogger(__name__)
Result = dict[str, Any]
Encoded = tuple[Tensor, tuple[int, int]]


def result_of(recipe: Recipe, out: Path, device: str | None) -> Result:
    """What a run gave; trained first, where that is not done. Raises CaptionerError as `train`."""
    path, mark = out / "result.json", hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]
    if path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["recipe"] == mark:
            return result
    train(recipe, out, device)
    result = {"recipe": mark, **_scores(out)}
    write_whole(path, [json.dumps(result).encode()], CaptionerError)
    return result


def _scores(out: Path) -> Result:
    """Of the epoch with the best dev CIDEr, whose weights the model has; and of all epochs."""
    lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if "epoch" in row]
    best = max(rows, key=lambda row: row["cider"])
    return {
        **{name: best[name] for name in ("cider", "bleu_4", "perplexity")},
        "curve": [row["cider"] for row in rows],
    }


def in_turn(title: str, measures: Sequence[Callable[[], float]]) -> list[list[float]]:
    """What each measures, once a round, after a round that warms up."""
    found: list[list[float]] = [[] for _ in measures]
    for number in tqdm(range(ROUNDS + 1), desc=title, leave=False):
        for own, measure in zip(found, measures, strict=True):
            value = measure()
            if number:
                own.append(value)
    return found


def latencies(
    models: Sequence[captioner.Captioner], photos: Sequence[Encoded]
) -> list[list[float]]:
    """Milliseconds of decoding one photo with beam 3: for each model a median over photos a
    round."""
    return in_turn("Decoding", [partial(_latency, model, photos) for model in models])


def _latency(model: captioner.Captioner, photos: Sequence[Encoded]) -> float:
    return statistics.median(_milliseconds(model, *photo) for photo in photos)


def _milliseconds(model: captioner.Captioner, features: Tensor, grid: tuple[int, int]) -> float:
    started = time.perf_counter()
    model.describe(features, grid, beam=3)
    return 1e3 * (time.perf_counter() - started)


def encoded_photos(recipe: Recipe, model: captioner.Captioner) -> list[Encoded]:
    """Grid features of some dev photos, with the grid; the encoder is the same in all models."""
    records = [record for record in read_records(recipe) if record.split == "val"][:PHOTOS]
    detail = recipe.preprocessing.detail
    batches = (
        to_batch([record.photo.open(at_least=detail)], recipe.preprocessing) for record in records
    )
    return [model.encode(batch) for batch in batches]


def training_speeds(
    folders: Sequence[Path], data: TrainingData, phase: Phase, workers: Workers, photos: Any
) -> list[list[float]]:
    """Captions a second in real steps of training from features, the same batches for all.

    photos: `float16 [n, N, D]`, features that stand for those of all training photos.
    """
    generator = torch.Generator().manual_seed(1)
    batches = data.batches(phase.batch_size, phase.captions_per_photo, generator)
    examples = list(islice(batches, STEPS))
    examples = [replace(own, rows=own.rows % len(photos)) for own in examples]
    measures = []
    for folder in folders:
        model = read_model(folder)[0].to(workers.device).train()
        stepper = Stepper(Learner(phase, model, data, [photos]), workers, STEPS)
        measures.append(partial(_speed, stepper, examples))
    return in_turn("Training", measures)


def _speed(stepper: Stepper, batches: Sequence[Batch]) -> float:
    started = time.perf_counter()
    for number, batch in enumerate(batches):
        stepper.step(batch, number)
    captions = sum(len(batch.captions) for batch in batches)
    return captions / (time.perf_counter() - started)


def summary(recipe: Recipe, model: captioner.Captioner, runs: list[Result]) -> Result:
    """What is known of one recipe; its speeds come later."""
    decoder = recipe.decoder
    return {
        "cell": decoder.cell,
        "hidden": decoder.hidden_size,
        "layers": decoder.layers,
        "attention": decoder.attention,
        "parameters": sum(p.numel() for p in model.model.decoder.parameters()),
        "runs": [{k: v for k, v in run.items() if k != "recipe"} for run in runs],
    }


def machine(device: torch.device) -> Result:
    """What the speeds belong to."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def compare(options: argparse.Namespace) -> None:
    """Train what is not trained yet, measure, and write the results."""
    runs: dict[str, list[Result]] = {}
    recipes: dict[str, Recipe] = {}
    # All cells with one seed before the next, so that an unfinished comparison is a fair one.
    for seed in options.seeds:
        for path in options.recipes:
            recipe = read_recipe(path, [*options.changes, f"seed={seed}"])
            recipes.setdefault(recipe.name, recipe)
            log.info("%s, seed %d:", recipe.name, seed)
            out = options.out / f"{recipe.name}-{seed}"
            result = result_of(recipe, out, options.device)
            runs.setdefault(recipe.name, []).append({"seed": seed, **result})
    first = options.seeds[0]
    folders = [options.out / f"{name}-{first}" / "model" for name in recipes]
    models = [captioner.load_model(folder.resolve(), options.device) for folder in folders]
    cells = {
        name: summary(recipe, model, runs[name])
        for (name, recipe), model in zip(recipes.items(), models, strict=True)
    }
    common, device = recipes[next(iter(recipes))], models[0].device
    photos = encoded_photos(common, models[0])
    features = torch.cat([own for own, _ in photos]).half().cpu().numpy()
    data = TrainingData(common, options.out / "cache")
    speeds = training_speeds(folders, data, common.phases[-1], Workers(device), features)
    for own, speed, latency in zip(cells.values(), speeds, latencies(models, photos), strict=True):
        own["captions_per_second"], own["milliseconds"] = speed, latency
    document = {"machine": machine(device), "cells": cells}
    content = json.dumps(document, indent=1) + "\n"
    write_whole(options.results, [content.encode()], CaptionerError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; returns the exit code, as the command `captioner` does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", type=Path, nargs="*", default=RECIPES, metavar="RECIPE.toml")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--out", type=Path, default=Path("runs/cells"), help="the runs' folder")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "cells.json")
    parser.add_argument("--device", help='such as "cuda" or "cpu"')
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    keep_memory()
    try:
        compare(options)
    except CaptionerError as error:
        print(f"cells.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cells.py: stopped; the same command goes on.", file=sys.stderr)
        return 130
    print(options.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
