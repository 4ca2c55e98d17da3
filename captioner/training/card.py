"""The model card that a finished run writes beside its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from captioner.metrics.scores import TITLES
from captioner.model import DecoderConfig
from captioner.training.recipe import Phase, Recipe


def model_card(
    recipe: Recipe, rows: Sequence[Mapping[str, Any]], final: Mapping[str, float]
) -> str:
    """Markdown: what the model is, how it was trained, and its scores on the dev split.

    rows: of `metrics.jsonl`, one an epoch. final: the scores of the model as it is published, which
    rounding makes differ a little from those of its epoch.
    """
    best = max(rows, key=lambda row: row["cider"], default={})
    sources = "\n".join(f"- on `{s.path}` ({s.format})" for s in recipe.data.sources)
    phases = "\n".join(_phase(phase, rows) for phase in recipe.phases)
    phases += _mean(best) + _adjusted(recipe) + _trigrams(recipe)
    scores = {title: f"{final[name]:.1f}" for name, title in TITLES.items() if name in final}
    return f"""# {recipe.name}

Language: {recipe.data.language}. Encoder: {recipe.encoder.name}, stages \
{", ".join(map(str, recipe.encoder.stages))}, {recipe.preprocessing.size} pixels. Decoder: \
{_decoder(recipe.decoder.config)}.

{recipe.about.strip()}

## Training

{sources}

{phases}

## Scores

The recipe's dev split, beam search of width 3, in percent, as

    captioner evaluate --model {recipe.name} --data DATA --split val

prints them, whose BLEU, ROUGE-L and CIDEr-D are pycocoevalcap's:

| {" | ".join(scores)} |
|{"---|" * len(scores)}
| {" | ".join(scores.values())} |
{_held_out(final)}"""


def _decoder(config: DecoderConfig) -> str:
    """Its cell, size and attention, and every other choice that is not the usual one."""
    named = ("cell", "hidden_size", "attention", "layers")
    unusual = "".join(
        f", {field.name} {getattr(config, field.name)}"
        for field in fields(config)
        if field.name not in named and getattr(config, field.name) != field.default
    )
    layers = f"{config.layers} layers of " if config.layers > 1 else ""
    return (
        f"{config.cell}, {layers}{config.hidden_size} units, {config.attention} attention{unusual}"
    )


def _held_out(row: Mapping[str, float]) -> str:
    if "held_out_cider" not in row:
        return ""
    cider, bleu_4 = row["held_out_cider"], row["held_out_bleu_4"]
    return f"\nOn the held-out photos of another dataset: CIDEr {cider:.1f}, BLEU-4 {bleu_4:.1f}.\n"


def _mean(row: Mapping[str, Any]) -> str:
    if "epochs" not in row:
        return ""
    epochs = ", ".join(map(str, row["epochs"]))
    return f"\n- the weights are the mean of those after epochs {epochs} of the last phase"


def _adjusted(recipe: Recipe) -> str:
    if not recipe.logit_adjustment:
        return ""
    return f"\n- rare words made likelier: logit adjustment of {recipe.logit_adjustment:g}"


def _trigrams(recipe: Recipe) -> str:
    if not recipe.unseen_penalty:
        return ""
    nor = "".join(f" nor in `{name}`" for name in recipe.trigrams)
    return (
        "\n- in the search a word that makes a trigram not in these captions"
        f"{nor} loses {recipe.unseen_penalty:g} of its log-probability"
    )


def _phase(phase: Phase, rows: Sequence[Mapping[str, Any]]) -> str:
    epochs = sum(row["phase"] == phase.name for row in rows)
    rate = f"at {phase.encoder_learning_rate:g}"
    encoder = "frozen" if phase.encoder_is_frozen else rate
    return f"- {phase.name}: {epochs} epochs, decoder at {phase.learning_rate:g}, encoder {encoder}"
