"""What the page's marks of certainty mean: how much people bear out of the captions with each.

    python benchmarks/certainty.py base-en
    python benchmarks/certainty.py base-en ../shared/coco_extra/captions_en.json \\
        --names configs/coco-held-out.txt --language en
    python benchmarks/certainty.py --write weights/base-en

For each language of the model a Markdown table: of the captions with one to four dots, how many of
their content words at least one of four people used for that photo, and how many captions have no
other content words. A person's captions, the fifth of each photo, are held against the same four.

Then other measures of certainty beside the one that is used: how well each tells the captions that
are borne out whole from the others (area under the ROC curve, with the standard deviation of its
difference over samples of the photos), and what is borne out of the quarters that they are least
and most certain of. It lies here because the answer decided what is used, and should be had again
with other models.

--write sets in the model folder's `config.json` what the page says of certainty: the quarters of
these captions, and how many of the content words in each people bear out. To be run once after a
training; without it the page says no more than a sentence's probability. Photos with fewer than
five captions take no part, nor do captions without a content word or that were cut off, of which
the page says nothing either.
"""

from __future__ import annotations

import argparse
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from captioner.captioning import Caption
from captioner.datasets import Record, read_dataset, read_names
from captioner.datasets.reading import recognise
from captioner.images import to_batch
from captioner.installed import model_folder
from captioner.loading import load_model
from captioner.metrics.sense import PEOPLE, content_words
from captioner.pipeline import Captioner
from captioner.speed.memory import keep_memory
from captioner.text.function_words import FUNCTION_WORDS

BATCH = 32  # photos that are captioned at a time
SAMPLES = 300  # of the photos, drawn with replacement


@dataclass(frozen=True)
class Borne:
    """How many content words a caption has, and how many of them people used."""

    said: int
    borne_out: int

    @classmethod
    def of(cls, text: str, people: Sequence[str], language: str) -> Borne:
        """A text held against the captions of four people."""
        own = content_words(text, language)
        seen = {word for one in people[:PEOPLE] for word in content_words(one, language)}
        return cls(len(own), len(own & seen))

    @property
    def whole(self) -> bool:
        """Whether there is no other content word."""
        return self.said == self.borne_out


@dataclass(frozen=True)
class Judged:
    """A caption with a certainty, its content words' probabilities, and what people bear out."""

    caption: Caption
    content: tuple[float, ...]
    borne: Borne

    @property
    def certainty(self) -> float:
        """The caption's."""
        return self.caption.certainty or 0.0


Measure = Callable[[Judged], float]
MEASURES: dict[str, Measure] = {
    "geometric mean of content words": lambda own: own.certainty,
    "geometric mean of all words and the end": lambda own: (
        own.caption.log_prob / len(own.caption.words)
    ),
    "probability of the sentence": lambda own: own.caption.log_prob,
    "mean of content words": lambda own: float(np.mean(own.content)),
    "the least likely content word": lambda own: min(own.content),
}


def read(options: argparse.Namespace, language: str) -> dict[str, Record]:
    """The split's photos with five captions or more in a language, by name."""
    format, path = recognise(options.data)
    whole = options.split if format == "coco" else ""
    dataset = read_dataset(path, format, split=whole, language=language).split(options.split)
    if options.names:
        dataset = dataset.hold_out(read_names(options.names)).split("held_out")
    return {own.name: own for own in dataset.records if len(own.captions) > PEOPLE}


def judged(
    captioner: Captioner, records: dict[str, dict[str, Record]]
) -> Iterator[tuple[str, Record, Judged]]:
    """Every photo in every language, encoded once."""
    photos = {name: own.photo for group in records.values() for name, own in group.items()}
    names, preprocessing = list(photos), captioner.model.config.preprocessing
    for first in tqdm(range(0, len(names), BATCH), unit=f"{BATCH} photos"):
        batch = names[first : first + BATCH]
        opened = [photos[name].open(at_least=preprocessing.detail) for name in batch]
        features, grid = captioner.encode(to_batch(opened, preprocessing))
        for language, group in records.items():
            rows = [row for row, name in enumerate(batch) if name in group]
            if not rows:
                continue
            writer = captioner.in_language(language)
            captions = writer.describe(features[rows], grid, words=True)
            for row, caption in zip(rows, captions, strict=True):
                if caption.certainty is None:
                    continue
                record, function = group[batch[row]], FUNCTION_WORDS[language]
                words = caption.words[:-1]
                content = tuple(own.probability for own in words if own.text not in function)
                borne = Borne.of(caption.text, record.captions, language)
                yield language, record, Judged(caption, content, borne)


def quarters(certainties: Sequence[float]) -> tuple[float, ...]:
    """The three limits between quarters of captions, by certainty, to three digits; none of none.

    They are what `ModelConfig.certainty` holds.
    """
    if not certainties:
        return ()
    return tuple(round(float(limit), 3) for limit in np.quantile(certainties, (0.25, 0.5, 0.75)))


def marked(found: Sequence[Judged], limits: Sequence[float]) -> list[list[Borne]]:
    """What is borne out of the captions with each mark, fewest dots first."""
    groups: list[list[Borne]] = [[] for _ in range(len(limits) + 1)]
    for own in found:
        groups[bisect_right(limits, own.certainty)].append(own.borne)
    return groups


def share(group: Sequence[Borne]) -> float:
    """Of all content words of some captions, the share that people bear out; 0 of none."""
    said, borne_out = (sum(getattr(own, name) for own in group) for name in ("said", "borne_out"))
    return borne_out / max(1, said)


def shares(group: Sequence[Borne]) -> str:
    """Cells: how many captions, the content words and the captions that are borne out."""
    if not group:
        return "0 | |"
    whole = sum(own.whole for own in group) / len(group)
    return f"{len(group)} | {100 * share(group):.1f} | {100 * whole:.1f}"


def marks_table(
    found: Sequence[Judged], people: Sequence[Borne], limits: Sequence[float]
) -> Iterator[str]:
    """Rows of the page's marks, of all captions and of a person's."""
    yield "| mark | certainty from | captions | content words borne out, % | whole captions, % |"
    yield "|---|---|---|---|---|"
    groups = zip((0, *limits), marked(found, limits), strict=True)
    for level, (begins, own) in enumerate(groups):
        dots = "●" * (level + 1) + "○" * (len(limits) - level)
        yield f"| {dots} | {begins:g} | {shares(own)} |"
    yield f"| all | | {shares([each.borne for each in found])} |"
    yield f"| a person | | {shares(people)} |"


def measures_table(found: Sequence[Judged]) -> Iterator[str]:
    """Rows of the measures, the one that is used first."""
    yield "| measure | area | beside the first | least certain quarter, % | most certain, % |"
    yield "|---|---|---|---|---|"
    if not found:
        return
    whole = np.array([own.borne.whole for own in found])
    values = {name: np.array([of(own) for own in found]) for name, of in MEASURES.items()}
    draw = np.random.default_rng(0)
    samples = draw.integers(len(found), size=(SAMPLES, len(found)))
    areas = {
        name: np.array([area(own[rows], whole[rows]) for rows in samples])
        for name, own in values.items()
    }
    first = next(iter(areas.values()))
    for name, own in values.items():
        beside = areas[name] - first
        between = np.quantile(own, (0.25, 0.75))
        low = [found[row].borne for row in np.flatnonzero(own < between[0])]
        high = [found[row].borne for row in np.flatnonzero(own >= between[1])]
        ends = (shares(group).split(" | ")[1] for group in (low, high))
        change = f"{area(own, whole) - area(values[next(iter(values))], whole):+.3f}"
        yield (
            f"| {name} | {area(own, whole):.3f} | {change} ± {beside.std():.3f} "
            f"| {' | '.join(ends)} |"
        )


def area(values: np.ndarray, whole: np.ndarray) -> float:
    """How often, of two captions of which one is borne out whole, that one has the higher value."""
    better, worse = values[whole], np.sort(values[~whole])
    if not len(better) or not len(worse):
        return float("nan")
    below = np.searchsorted(worse, better, "left") + np.searchsorted(worse, better, "right")
    return float(below.mean() / 2 / len(worse))


def write_marks(
    folder: Path, language: str, limits: Sequence[float], borne_out: Sequence[float]
) -> None:
    """Set the limits between the marks, and what each means, for a language of a model folder."""
    inside = folder / language / "config.json"
    path = inside if inside.is_file() else folder / "config.json"
    marks = {"certainty": list(limits), "borne_out": list(borne_out)}
    config = json.loads(path.read_text(encoding="utf-8")) | marks
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Caption, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="an installed model's name, or a model folder")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/flickr8k"))
    parser.add_argument("--split", default="val")
    parser.add_argument("--names", type=Path, help="only these photos, one a line")
    parser.add_argument("--language", help="only this one of the model's")
    parser.add_argument("--write", action="store_true", help="set what the page says of it")
    options = parser.parse_args()
    keep_memory()
    captioner = load_model(options.model)
    languages = [options.language] if options.language else captioner.languages
    records = {language: read(options, language) for language in languages}
    found: dict[str, list[Judged]] = {language: [] for language in languages}
    people: dict[str, list[Borne]] = {language: [] for language in languages}
    for language, record, own in judged(captioner, records):
        found[language].append(own)
        person = Borne.of(record.captions[PEOPLE], record.captions, language)
        people[language].append(person)
    for language in languages:
        new = quarters([own.certainty for own in found[language]])
        limits = captioner.in_language(language).model.config.certainty
        print(f"\n{captioner.name}, {language}; quarters of these captions: {list(new)}\n")
        limits = new if options.write or not limits else limits
        print(*marks_table(found[language], people[language], limits), sep="\n", end="\n\n")
        print(*measures_table(found[language]), sep="\n")
        if options.write:
            borne_out = [round(share(own), 3) for own in marked(found[language], new)]
            write_marks(model_folder(options.model), language, new, borne_out)


if __name__ == "__main__":
    main()
