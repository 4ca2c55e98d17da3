"""The recipes of configs/cells/: one training and one cache for all, and decoders of one size."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from captioner.model import DecoderConfig, Encoder, make_decoder
from captioner.model.cells import CELLS
from captioner.text import Vocabulary, tokenizer
from captioner.training import Recipe, read_recipe
from captioner.training.sources import read_records

FOLDER = Path(__file__).parents[2] / "configs" / "cells"
PATHS = sorted(FOLDER.glob("*.toml"))
VOCABULARY = 2924  # of Flickr8k's training captions, words seen four times or more


def parameters(recipe: Recipe) -> int:
    with torch.device("meta"):
        width = Encoder(recipe.encoder.config).width
        made = make_decoder(recipe.decoder, width, VOCABULARY)
    return sum(parameter.numel() for parameter in made.parameters())


def test_every_cell_has_its_recipe() -> None:
    recipes = {path.stem: read_recipe(path).decoder for path in PATHS}
    assert {name: recipes[name].cell for name in CELLS} == {name: name for name in CELLS}
    assert recipes["lstm_2_layers"].layers == 2
    assert recipes["lstm_no_attention"].attention == "none"
    assert recipes["bidirectional"].kind == "bidirectional"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_recipes_differ_in_the_decoder_alone(path: Path) -> None:
    """So their features, which depend on all that is the same, lie in one cache."""
    own, lstm = read_recipe(path), read_recipe(FOLDER / "lstm.toml")
    assert replace(own, name="", decoder=DecoderConfig()) == replace(
        lstm, name="", decoder=DecoderConfig()
    )
    assert own.phases[0].encoder_learning_rate == 0
    assert own.decoder.dropout == lstm.decoder.dropout


def test_decoders_are_of_one_size_and_the_comments_say_it() -> None:
    counts = {path: parameters(read_recipe(path)) for path in PATHS}
    assert max(counts.values()) <= 1.02 * min(counts.values())
    for path, count in counts.items():
        comment = " ".join(re.findall("^# (.*)$", path.read_text(encoding="utf-8"), re.M))
        assert f"{count:,}" in comment, path


def test_the_vocabulary_is_as_large_as_the_sizes_were_chosen_for(shared: Path) -> None:
    recipe = read_recipe(FOLDER / "lstm.toml", [f"data.root={shared}"])
    tokenize = tokenizer("en").tokenize
    records = [record for record in read_records(recipe) if record.split == "train"]
    captions = (tokenize(caption) for record in records for caption in record.captions)
    assert len(Vocabulary.build(captions, recipe.data.min_count)) == VOCABULARY
