"""Training recipes: one TOML file each, read into frozen dataclasses."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Any

from captioner.errors import RecipeError
from captioner.images import Preprocessing
from captioner.model import DecoderConfig, EncoderConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Source:
    """A caption dataset.

    format: "flickr8k" (path is its folder) or "coco" (path is its captions file).
    images: folders or tar archives with the photos, where they do not lie beside the captions.
    split: for COCO, whose files do not say it: "train" or "val".
    held_out: a text file beside the recipe with one photo name a line. These photos are never
        trained on; they are a second dev split, scored beside the first.
    """

    format: str
    path: str
    images: tuple[str, ...] = ()
    split: str = "train"
    held_out: str = ""


@dataclass(frozen=True)
class Data:
    """What is trained on. Every path is relative to `root`, and `root` to the working folder.

    min_count: a word seen less often in training is unknown to the model.
    max_words: longer training captions are cut.
    """

    sources: tuple[Source, ...]
    root: str = "data"
    language: str = "en"
    min_count: int = 4
    max_words: int = 24


@dataclass(frozen=True)
class EncoderSource(EncoderConfig):
    """The encoder, and where its first weights come from.

    weights: a safetensors file below the data's root; "torchvision" to download; "random".
    """

    weights: str = "torchvision"

    @property
    def config(self) -> EncoderConfig:
        """The part that belongs to the model."""
        return EncoderConfig(self.name, self.stages, self.identity)


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one setting.

    batch: photos a step; each brings `captions` of its captions.
    rate, encoder_rate: peak learning rates (AdamW), reached after `warmup` of all steps, then
        falling along a cosine to a hundredth. An encoder rate of 0 freezes the encoder, and its
        features are computed once.
    average: decay of the exponential moving average of the weights, which is what is kept.
    patience: epochs without a better dev CIDEr after which the phase ends; 0 never ends it early.
    """

    name: str
    epochs: int
    rate: float
    encoder_rate: float = 0.0
    batch: int = 64
    captions: int = 5
    warmup: float = 0.05
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    clip: float = 1.0
    average: float = 0.999
    augment: bool = True
    patience: int = 0


@dataclass(frozen=True)
class Recipe:
    """Everything that a training run depends on.

    about: Markdown for the model card: what only a person can say of data, licences and limits.
    """

    name: str
    data: Data
    encoder: EncoderSource
    phases: tuple[Phase, ...]
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    seed: int = 1
    about: str = ""

    def path(self, relative: str) -> Path:
        """A path of the data section."""
        return Path(self.data.root) / relative


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply changes such as "data.root=photos" or "phases.0.epochs=3".

    Raises RecipeError naming the file and the key that is unknown, missing or of a wrong type.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"There is no recipe {path}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path} is not a readable TOML file ({error}).") from None
    for change in changes:
        _change(raw, change)
    recipe: Recipe = _beside(path, _build(Recipe, raw, str(path)))
    _check(recipe, path)
    return recipe


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
        raise RecipeError(f"'{change}' is not of the form key=value.")
    target: Any = raw
    try:
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        target[int(last) if isinstance(target, list) else last] = _value(text.strip())
    except (IndexError, ValueError, TypeError, AttributeError):
        raise RecipeError(f"The recipe has no key '{key}'.") from None


def _value(text: str) -> Any:
    """A value as TOML would read it; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _build(kind: Any, raw: Any, where: str) -> Any:
    """Turn parsed TOML into the annotated type, a dataclass within a dataclass."""
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, raw, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, UnionType):
        return None if raw is None else _build(arguments[0], raw, where)
    if origin is tuple and isinstance(raw, list):
        return tuple(_build(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(raw))
    if kind is float and type(raw) is int:
        return float(raw)
    if type(raw) is not kind:
        expected = "list" if origin is tuple else getattr(kind, "__name__", str(kind))
        raise RecipeError(f"{where}: expected {expected}, found {raw!r}.")
    return raw


def _build_dataclass(kind: Any, raw: Any, where: str) -> Any:
    if not isinstance(raw, Mapping):
        raise RecipeError(f"{where}: expected a table, found {raw!r}.")
    types = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in raw:
        if key not in fields:
            raise RecipeError(f"{where}: unknown key '{key}'; there is: {', '.join(fields)}.")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in raw:
            raise RecipeError(f"{where}: '{name}' is missing.")
    return kind(**{key: _build(types[key], value, f"{where}: {key}") for key, value in raw.items()})


def _check(recipe: Recipe, path: Path) -> None:
    if not recipe.phases:
        raise RecipeError(f"{path}: there is no [[phases]] to train.")
    for phase in recipe.phases:
        for name in ("epochs", "batch", "captions"):
            if getattr(phase, name) < 1:
                raise RecipeError(f"{path}: {name} of phase '{phase.name}' must be at least 1.")
    for source in recipe.data.sources:
        if source.format not in ("flickr8k", "coco"):
            raise RecipeError(
                f"{path}: format '{source.format}' is unknown; there is: coco, flickr8k."
            )
