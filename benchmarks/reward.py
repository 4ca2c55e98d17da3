"""How quickly CIDEr-D scores a batch of sampled captions, beside pycocoevalcap.

    python benchmarks/reward.py ../shared/flickr8k

DATA is a Flickr8k folder, of which only the captions and the list of training photos are read. The
batch is that of one self-critical step: 32 photos with five references each, five candidates for
each. Candidates are captions of other training photos with one or two words dropped, doubled or
moved. What is compared runs in turn, A B A B …, on one core. Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from pycocoevalcap.cider.cider import Cider
from speed import paired

from captioner.datasets import read_names
from captioner.datasets.layouts.flickr8k import read_token_file
from captioner.metrics import CiderD
from captioner.text.english import tokenize

PHOTOS = 32
SAMPLES = 5


def training_references(data: Path) -> list[list[list[str]]]:
    """The tokenised captions of each training photo."""
    names = read_names(data / "Flickr_8k.trainImages.txt")
    captions = read_token_file(data / "Flickr8k.token.txt")
    return [[tokenize(c) for c in group] for name, group in captions.items() if name in names]


def edited(caption: list[str], chance: random.Random) -> list[str]:
    """The caption with one or two words dropped, doubled or moved one place on."""
    words = list(caption)
    for _ in range(chance.randint(1, 2)):
        place = chance.randrange(len(words))
        word = words.pop(place)
        edit = chance.choice(["drop", "double", "move"])
        if edit == "double" or not words:
            words[place:place] = [word, word]
        elif edit == "move":
            words.insert(place + 1, word)
    return words


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    chance = random.Random(options.seed)
    references = training_references(options.data)
    photos = [
        photo for photo in chance.sample(range(len(references)), PHOTOS) for _ in range(SAMPLES)
    ]
    batch = [references[photo] for photo in photos]
    candidates = [
        edited(chance.choice(chance.choice(references)), chance) for _ in range(PHOTOS * SAMPLES)
    ]
    results = {i: [" ".join(tokens)] for i, tokens in enumerate(candidates)}
    truths = {i: [" ".join(tokens) for tokens in group] for i, group in enumerate(batch)}

    theirs = Cider().compute_score(truths, results)[1]
    ours = CiderD(batch).score(candidates, batch)
    difference = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))

    prepared = CiderD(references).prepare(references)
    quick, slow = paired(
        lambda: prepared.score(candidates, photos),
        lambda: Cider().compute_score(truths, results),
        options.runs,
    )
    print(f"Largest difference with the same document frequencies: {difference:.0e}\n")
    print("| what | median | beside it | median | |\n|---|---|---|---|---|")
    print(
        f"| CIDEr-D of {len(candidates)} sampled captions | {1e3 * quick:.1f} ms "
        f"| pycocoevalcap | {1e3 * slow:.0f} ms | {slow / quick:.0f} times faster |"
    )


if __name__ == "__main__":
    main()
