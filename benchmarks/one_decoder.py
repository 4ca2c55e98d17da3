"""One decoder for two languages, beside a decoder for each: which writes better?

    python benchmarks/one_decoder.py --set data.root=DATA

Takes the encoder, the photos, the decoder and the first phase of `configs/base-zh.toml` and trains
three decoders by cross-entropy: of English, of Chinese, and of both, whose captions begin with a
token of their language in the start token's place. All read the same photos as often, and each
caption as often. Prints a Markdown table of scores on the dev split.

It lies here because the answer decided what is shipped, and should be had again with other data.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from captioner.datasets import cache_features, read_dataset
from captioner.decoding import BeamOptions, beam_search
from captioner.installed import model_folder
from captioner.metrics import score
from captioner.model import CaptioningModel, ModelConfig, load_encoder
from captioner.speed.memory import keep_memory
from captioner.text import END, NEVER_WRITTEN, START, Vocabulary, tokenizer
from captioner.training import Recipe, read_recipe
from captioner.training.data import TrainingData
from captioner.training.distributed import Workers
from captioner.training.recipe import OF_MODEL
from captioner.training.step import Learner, Stepper

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
LANGUAGES = ("en", "zh")
BATCH = 50  # photos that are captioned at a time


class Languages(TrainingData):
    """The recipe's photos with captions of one or two languages, each with its own first token.

    K captions of a photo are then K of each language. Photos without captions in one of the
    languages are read in the other alone.
    """

    def __init__(self, recipe: Recipe, cache: Path, languages: Sequence[str]) -> None:
        super().__init__(recipe, cache)
        self.languages = tuple(languages)
        captions = {own: self._captions_of(recipe, own) for own in languages}
        tokenized = {
            own: [[self._tokens(own, c) for c in group] for group in groups]
            for own, groups in captions.items()
        }
        vocabularies = [
            Vocabulary.build((c for group in groups for c in group), recipe.data.min_count)
            for groups in tokenized.values()
        ]
        words = dict.fromkeys(word for own in vocabularies for word in own.words)
        self.vocabulary = Vocabulary((*words, *(f"<{own}>" for own in languages)))
        self._own = {
            own: [[self._ids(own, tokens) for tokens in group if tokens] for group in groups]
            for own, groups in tokenized.items()
        }

    def first(self, language: str) -> int:
        """The token that captions of the language begin with."""
        return len(self.vocabulary) - len(self.languages) + self.languages.index(language)

    def people(self, language: str) -> list[tuple[str, ...]]:
        """People's captions of the dev photos."""
        return [self._by_name[language][record.name] for record in self.val.records]

    def _captions_of(self, recipe: Recipe, language: str) -> list[tuple[str, ...]]:
        own = recipe.data.sources[0]
        dataset = read_dataset(recipe.path(own.path), own.format, language=language)
        found = {record.name: record.captions for record in dataset.records}
        self._by_name = {**getattr(self, "_by_name", {}), language: found}
        return [found.get(record.name, ()) for record in self.train.records]

    def _tokens(self, language: str, caption: str) -> list[str]:
        return tokenizer(language).tokenize(caption)[: self.max_words]

    def _ids(self, language: str, tokens: list[str]) -> Tensor:
        _, *others = self.vocabulary.encode(tokens)
        return torch.tensor([self.first(language), *others])

    def _draw(self, row: int, count: int, generator: torch.Generator) -> list[Tensor]:
        drawn = []
        for groups in self._own.values():
            own = groups[row] or [torch.tensor([START])]  # which counts for nothing
            order = torch.randperm(len(own), generator=generator).tolist()
            drawn += [own[order[i % len(own)]] for i in range(count)]
        return drawn


def trained(recipe: Recipe, data: Languages, train: np.ndarray) -> CaptioningModel:
    """A model whose decoder has been through the recipe's first phase."""
    torch.manual_seed(recipe.seed)
    phase, config = recipe.phases[0], recipe.encoder.config
    model = CaptioningModel(
        ModelConfig(config, recipe.decoder.config, recipe.preprocessing, "zh", len(data.vocabulary))
    )
    steps = data.steps(phase.batch_size)
    stepper = Stepper(Learner(phase, model, data, [train]), Workers(CPU), steps * phase.epochs)
    model.train()
    name = " and ".join(data.languages)
    with tqdm(total=stepper.steps, desc=name, unit="step", smoothing=0.05) as bar:
        for epoch in range(phase.epochs):
            generator = torch.Generator().manual_seed(epoch)
            for batch in data.batches(phase.batch_size, phase.captions_per_photo, generator, epoch):
                loss = stepper.step(batch, bar.n)
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()
    return stepper.averaged.eval()


def captions(model: CaptioningModel, data: Languages, val: np.ndarray, language: str) -> list[str]:
    """The dev photos' captions in a language, by beam search."""
    never = (*NEVER_WRITTEN, *map(data.first, data.languages))
    options = BeamOptions(avoid=never)
    written = []
    with torch.inference_mode(), torch.autocast(CPU.type, torch.bfloat16):
        for start in range(0, len(val), BATCH):
            features = torch.from_numpy(val[start : start + BATCH]).float()
            begun, first = model.decoder.start(features), data.first(language)
            found = beam_search(model.decoder.step, begun, len(features), first, END, options)
            written += [data.vocabulary.decode(group[0].tokens) for group in found]
    return [tokenizer(language).detokenize(words) for words in written]


def main() -> None:
    """Train the three and print their scores."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args()
    keep_memory()
    recipe = read_recipe(ROOT / "configs" / "base-zh.toml", options.changes)
    print(f"| decoder of | {' | '.join(f'{own} CIDEr | {own} BLEU-4' for own in LANGUAGES)} |")
    print(f"|---|{'---|' * 2 * len(LANGUAGES)}")
    for languages in (*((own,) for own in LANGUAGES), LANGUAGES):
        data = Languages(recipe, options.cache, languages)
        model = CaptioningModel(
            ModelConfig(recipe.encoder.config, recipe.decoder.config, recipe.preprocessing, "zh", 9)
        )
        folder = model_folder(recipe.encoder.weights.removeprefix(OF_MODEL))
        load_encoder(model.encoder, recipe.encoder.config, folder)
        train, val = (
            cache_features(model.encoder, photos, recipe.preprocessing, options.cache, CPU)
            for photos in (data.train, data.val)
        )
        best = trained(recipe, data, train)
        cells = []
        for own in LANGUAGES:
            if own not in languages:
                cells += ["", ""]
                continue
            written = captions(best, data, val, own)
            scores = score(written, data.people(own), tokenizer(own).tokenize)
            cells += [f"{scores.cider:.1f}", f"{scores.bleu_4:.1f}"]
        print(f"| {' and '.join(languages)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
