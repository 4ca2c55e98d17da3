"""Recipes on disk: one TOML file each, with changes from the command line.

A recipe may say only what it changes of another one beside it, which it names first:

    base = "lstm.toml"
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from captioner.errors import RecipeError
from captioner.fields import make_config
from captioner.files import decode, raising
from captioner.messages import reason
from captioner.training.recipe import Recipe, starting_from

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What keys were called in November 2026 and before.
RENAMED = {
    "rate": "learning_rate",
    "encoder_rate": "encoder_learning_rate",
    "batch": "batch_size",
    "captions": "captions_per_photo",
    "accumulate": "gradient_accumulation_steps",
    "warmup": "warmup_ratio",
    "clip": "clip_grad_norm",
    "average": "ema_decay",
    "size": "crop_size",
    "least_captions": "min_captions",
    "bleu": "bleu_weight",
    "told": "told_weight",
    "cross_entropy": "cross_entropy_weight",
    "hidden": "hidden_size",
}


def read_recipe(path: Path, changes: Sequence[str] = (), start: str | None = None) -> Recipe:
    """Read a recipe file and apply changes such as "data.root=photos" or "phases.0.epochs=3".

    start: the model that training goes on from, see `starting_from`.

    Raises RecipeError naming the file and the key that is unknown, missing, of a wrong type or
    impossible. No data are read.
    """
    raw = _with_base(path)
    for change in changes:
        _change(raw, change)
    with raising(RecipeError):
        recipe = _beside(path, make_config(Recipe, raw, path, RENAMED))
        return starting_from(recipe, start) if start else recipe


def _with_base(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A recipe's tables, upon those of its base; above: the recipes whose base it is."""
    if path in above:
        raise RecipeError("{} is its own base.", path)
    raw = _parse(path, above)
    base = raw.pop("base", None)
    if base is None:
        return raw
    if not isinstance(base, str) or not base or Path(base).name != base:
        raise RecipeError(
            "{}: base must be the name of a recipe file beside it: {}.", path, repr(base)
        )
    return _merged(_with_base(path.with_name(base), (*above, path)), raw)


def _parse(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    try:
        with raising(RecipeError):
            return tomllib.loads(decode(path.read_bytes(), str(path)))
    except FileNotFoundError:
        if above:
            raise RecipeError("There is no recipe {}, the base of {}.", path, above[-1]) from None
        raise RecipeError("There is no recipe {}.", path) from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RecipeError("{} is not a readable TOML file ({}).", path, reason(error)) from None


def _merged(base: Any, changes: Any) -> Any:
    """Tables key by key; whatever else, such as the list of phases, as a whole."""
    if not (isinstance(base, Mapping) and isinstance(changes, Mapping)):
        return changes
    return {**base, **{key: _merged(base.get(key), value) for key, value in changes.items()}}


def _beside(path: Path, recipe: Recipe) -> Recipe:
    """The lists of held-out photos lie beside the recipe, wherever the data are."""
    sources = tuple(
        replace(source, held_out=str(path.parent / source.held_out)) if source.held_out else source
        for source in recipe.data.sources
    )
    return replace(recipe, data=replace(recipe.data, sources=sources))


def _change(raw: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not last:
        raise RecipeError("'{}' is not of the form key=value.", change)
    target: Any = raw
    try:
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        target[int(last) if isinstance(target, list) else last] = _value(text.strip())
    except (IndexError, ValueError, TypeError, AttributeError):
        raise RecipeError("The recipe has no key '{}'.", key) from None


def _value(text: str) -> Any:
    """A value as TOML would read it; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
