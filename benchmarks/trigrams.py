"""What a penalty on unseen trigrams does to a model's sentences.

    python benchmarks/trigrams.py base-en configs/base-en.toml --set data.root=../shared
    python benchmarks/trigrams.py base-en configs/base-en.toml --set data.root=../shared --write

A Markdown table: for each penalty the scores of the recipe's dev split and the share of its
sentences in which a word would lose something: the two before it are a common pair, and the three
are neither in the captions to train on nor in the recipe's `trigrams`. The same of people's
sentences, those whose words the model knows.

--write puts the trigrams and the recipe's penalty into the model folder, as a training with that
recipe does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from captioner.datasets import Record
from captioner.decoding import BeamOptions
from captioner.decoding.rules import Losses
from captioner.installed import model_folder
from captioner.loading import load_model
from captioner.metrics import score
from captioner.metrics.sense import PEOPLE, sense
from captioner.model import language_folder
from captioner.model.folder import CONFIG, TRIGRAMS
from captioner.pipeline import Captioner
from captioner.speed.memory import keep_memory
from captioner.text import END, START, UNKNOWN, Trigrams, tokenizer
from captioner.training.recipe_file import read_recipe
from captioner.training.sources import read_records
from captioner.training.trigrams import seen_trigrams

BATCH = 50  # photos that are captioned at a time


def unseen(captioner: Captioner, trigrams: Trigrams, texts: Sequence[str]) -> float:
    """Of sentences whose words the model knows, the percentage in which a word loses something."""
    losses = Losses(BeamOptions(trigrams=replace(trigrams, penalty=1)), START, END)
    tokenize = tokenizer(captioner.language, captioner.unit).tokenize
    encoded = (captioner.vocabulary.encode(tokenize(text))[1:-1] for text in texts)
    known = [tuple(words) for words in encoded if UNKNOWN not in words]
    found = sum(losses.within(words, ended=True) > 0 for words in known)
    return 100 * found / max(1, len(known))


def table(
    captioner: Captioner, trigrams: Trigrams, records: Sequence[Record], penalties: Iterable[float]
) -> None:
    """Print a row for each penalty, and a person's."""
    print("| penalty | CIDEr | BLEU-4 | different words | told, % | unseen, % |")
    print("|---|---|---|---|---|---|")
    people = [record.captions for record in records]
    batches = [records[at : at + BATCH] for at in range(0, len(records), BATCH)]
    preprocessing = captioner.preprocessing
    encoded = [
        captioner.encode_photos([own.photo.open(at_least=preprocessing.detail) for own in batch])
        for batch in tqdm(batches, unit=f"{BATCH} photos")
    ]
    tokenize = tokenizer(captioner.language, captioner.unit).tokenize
    for penalty in penalties:
        captioner.trigrams = replace(trigrams, penalty=penalty) if penalty else None
        texts = [own.text for batch in encoded for own in captioner.describe(*batch)]
        scores, read = score(texts, people, tokenize), sense(texts, captioner.language, people)
        cells = (scores.cider, scores.bleu_4, read.different_words, read.told)
        shown = " | ".join("" if cell is None else f"{cell:.1f}" for cell in cells)
        print(f"| {penalty:g} | {shown} | {unseen(captioner, trigrams, texts):.1f} |", flush=True)
    fifth = [own[PEOPLE] for own in people if len(own) > PEOPLE]
    if fifth:
        print(f"| a person | | | | | {unseen(captioner, trigrams, fifth):.1f} |")


def write(folder: Path, trigrams: Trigrams) -> None:
    """Put the trigrams into a model folder."""
    (folder / TRIGRAMS).write_bytes(trigrams.bits)
    path = folder / CONFIG
    config = json.loads(path.read_text(encoding="utf-8")) | {"unseen_penalty": trigrams.penalty}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read, caption and print, or write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="an installed model's name, or a model folder")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[], help="a setting of the recipe")
    parser.add_argument("--penalties", type=float, nargs="+", default=(0, 0.3, 0.7, 1.5))
    parser.add_argument("--write", action="store_true", help="put them into the model folder")
    options = parser.parse_args()
    keep_memory()
    recipe = read_recipe(options.recipe, options.set)
    language = recipe.data.language
    captioner, records = load_model(options.model, language=language), read_records(recipe)
    trigrams = seen_trigrams(recipe, records, captioner.vocabulary)
    if options.write:
        folder = language_folder(model_folder(options.model), language)
        write(folder, replace(trigrams, penalty=recipe.unseen_penalty))
    else:
        dev = [record for record in records if record.split == "val"]
        table(captioner, trigrams, dev, options.penalties)


if __name__ == "__main__":
    main()
