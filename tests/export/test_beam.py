"""The browser's beam search, run by Node, against that of exported models, over the same tables."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captioner.decoding import BeamOptions, Hypothesis
from captioner.onnx.beam import Floats, Numbers, Photo, State, beam_search
from captioner.text import Trigrams

SITE = Path(__file__).parents[2] / "captioner" / "export" / "site"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node")

STATES, WORDS = 7, 12
SCRIPT = """
import { readFileSync } from "node:fs";
import { beamSearch } from "./beam.js";
import { Trigrams } from "./trigrams.js";

const found = [];
for (const { table, options } of JSON.parse(readFileSync(0, "utf8"))) {
  let states = [0];
  const step = async (tokens, rows) => {
    const before = rows.map((row) => states[row]);
    states = before.map((state, at) => (state * 3 + tokens[at]) % table.length);
    return Float32Array.from(before.flatMap((state, at) => table[state][tokens[at]]));
  };
  const { bits, penalty, backward } = options.trigrams ?? {};
  const trigrams =
    bits && new Trigrams(Uint8Array.from(Buffer.from(bits, "base64")), penalty, backward);
  const repeatable = new Set(options.repeatable);
  found.push(await beamSearch(step, { ...options, repeatable, trigrams }));
}
console.log(JSON.stringify(found));
"""


def problem(seed: int) -> tuple[Floats, BeamOptions]:
    """Log-probabilities `[states, words, words]` after each word in each state, and options."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(STATES, WORDS, WORDS)) * 2
    table = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    longest, top = int(rng.integers(2, 10)), int(rng.integers(1, 5))
    options = BeamOptions(
        beam=int(rng.integers(1, 6)),
        top=top,
        max_length=longest,
        min_length=int(rng.integers(0, longest)),
        no_repeat_ngram=int(rng.integers(0, 3)),
        no_repeat_within=int(rng.integers(0, 4)),
        repeatable=(4, 5),
        avoid=(0, 1, 3),
        avoid_phrases=((6, 7), (8, 9, 10)),
    )
    if seed % 3:
        bits = np.packbits(rng.random(2**10) < 0.7).tobytes()
        options = replace(options, trigrams=Trigrams(bits, 0.7, backward=seed % 3 == 2))
    return table.astype(np.float32), options


def by_numpy(table: Floats, options: BeamOptions) -> list[Hypothesis]:
    def step(photo: Photo, tokens: Numbers, state: State) -> tuple[Floats, State]:
        before = state[0][:, :, 0].astype(int)
        after = (before * 3 + tokens) % STATES
        return table[before, tokens], (after[:, :, None].astype(np.float32),)

    return beam_search(step, {}, (np.zeros((1, 1, 1), np.float32),), options)[0]


def as_json(options: BeamOptions) -> dict[str, Any]:
    values = asdict(options)
    if options.trigrams:
        values["trigrams"]["bits"] = base64.b64encode(options.trigrams.bits).decode()
    return values


def test_a_browser_finds_what_an_exported_model_does(tmp_path: Path) -> None:
    problems = [problem(seed) for seed in range(120)]
    for name in ("beam.js", "trigrams.js"):
        shutil.copy(SITE / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(SCRIPT)
    given = [{"table": table.tolist(), "options": as_json(own)} for table, own in problems]
    ran = subprocess.run(
        [str(NODE), "run.js"], cwd=tmp_path, input=json.dumps(given), text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    for own, (table, options) in zip(json.loads(ran.stdout), problems, strict=True):
        expected = by_numpy(table, options)
        assert [tuple(one["tokens"]) for one in own] == [one.tokens for one in expected]
        assert [one["unlikely"] for one in own] == [one.unlikely for one in expected]
        for name, js in (("log_prob", "logProb"), ("score", "score")):
            numbers = [getattr(one, name) for one in expected]
            assert [one[js] for one in own] == pytest.approx(numbers, abs=1e-4)
