"""Training recipes: one TOML file each, read into frozen dataclasses.

A recipe may say only what it changes of another one beside it, which it names first:

    base = "lstm.toml"
"""

from __future__ import annotations

import dataclasses
import math
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Any

import torch

from captioner.datasets import FORMATS, VAL_SHARE
from captioner.errors import ModelError, OptionError, RecipeError
from captioner.images import Preprocessing
from captioner.messages import Message, reason
from captioner.model import DecoderConfig, EncoderConfig, decoder
from captioner.text import tokenizer

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


OF_MODEL = "model:"
_CHOICES = {
    "objective": ("cross_entropy", "self_critical"),
    "baseline": ("mean", "greedy"),
}


@dataclass(frozen=True)
class Source:
    """A caption dataset; docs/datasets.md shows every layout.

    format: one of captioner.datasets.FORMATS.
    path: its captions file, or its folder where the layout is one.
    images: folders or archives with the photos, where they do not lie beside the captions.
    split: "train", "val" or "test" for all its photos, where the dataset does not say it.
    val_share: else the share of them that evaluates, chosen by a hash of their names.
    held_out: a text file beside the recipe with one photo name a line. These photos are never
        trained on; they are a second dev split, scored beside the first.
    weight: how often a photo of it comes in an epoch. At 2 each comes twice; at 0.5 half of them
        come, and the other half in the next epoch.
    """

    format: str
    path: str
    images: tuple[str, ...] = ()
    split: str = ""
    val_share: float = VAL_SHARE
    held_out: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Data:
    """What is trained on. Every path is relative to `root`, and `root` to the working folder.

    unit: what the language is cut into, such as "word" or "character"; its first where not given.
    min_count: a word seen less often in training is unknown to the model.
    max_words: longer training captions are cut.
    """

    sources: tuple[Source, ...]
    root: str = "data"
    language: str = "en"
    unit: str = ""
    min_count: int = 4
    max_words: int = 24


@dataclass(frozen=True)
class EncoderSource(EncoderConfig):
    """The encoder, and where its first weights come from.

    weights: a safetensors file below the data's root; "torchvision" to download; "random"; or
        "model:NAME", the encoder of an installed model, or of the model folder of that path.
    """

    weights: str = "torchvision"

    @property
    def config(self) -> EncoderConfig:
        """The part that belongs to the model."""
        return EncoderConfig(self.name, self.stages, self.identity)


@dataclass(frozen=True)
class DecoderSource(DecoderConfig):
    """The decoder, and where its first weights come from.

    weights: "random", or "model:NAME", the decoder of an installed model, or of the model folder of
        that path; words that it does not know start at random.
    """

    weights: str = "random"

    @property
    def config(self) -> DecoderConfig:
        """The part that belongs to the model."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(DecoderConfig)}
        return DecoderConfig(**own)


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one setting.

    objective: "cross_entropy" on people's captions, or "self_critical" on the model's own.
    batch: photos a step, of all processes together; each brings up to `captions` of its captions,
        or so many of the model's samples.
    accumulate: the batch is cut into so many parts that pass through the model one after another:
        the same gradient with less memory.
    rate, encoder_rate: peak learning rates (AdamW), reached after `warmup` of all steps, then
        falling along a cosine to a hundredth. An encoder rate of 0 freezes the encoder, and its
        features are computed once.
    augment: while the encoder trains, photos are cropped, mirrored where no caption names a side,
        and coloured a little differently each time.
    size: side of what is cropped, in pixels, where it is not the model's own: a smaller one trains
        quicker, and what a crop shows is larger than in the whole photo (Touvron et al. 2019).
    views: for a frozen encoder, versions of each photo that its features are computed of: the photo
        itself and augmented ones. Each time one of them is drawn.
    encoder_weight_decay: of the encoder; `weight_decay` where not given.
    word_dropout, scheduled_sampling, doubly_stochastic: of cross-entropy, see `CrossEntropy`; the
        share of scheduled sampling rises from 0 along a line and is reached at the phase's end.
    average: decay of the exponential moving average of the weights, which is what is kept.
    patience: epochs without a better dev CIDEr after which the phase ends; 0 never ends it early.
    sentences: text files below the data's root, one sentence a line. The phase trains the decoder
        on them, as captions of a photo that shows nothing; the encoder stays as it is.
    least_captions: photos that have fewer are left out: what a caption must say is told by several.
    baseline, bleu, told, cross_entropy: of the self-critical objective, see `SelfCritical`.
    """

    name: str
    epochs: int
    rate: float
    objective: str = "cross_entropy"
    encoder_rate: float = 0.0
    batch: int = 64
    captions: int = 5
    accumulate: int = 1
    warmup: float = 0.05
    weight_decay: float = 0.01
    encoder_weight_decay: float | None = None
    label_smoothing: float = 0.1
    clip: float = 1.0
    average: float = 0.999
    augment: bool = True
    size: int = 0
    views: int = 1
    patience: int = 0
    word_dropout: float = 0.0
    scheduled_sampling: float = 0.0
    doubly_stochastic: float = 0.0
    sentences: tuple[str, ...] = ()
    least_captions: int = 1
    baseline: str = "mean"
    bleu: float = 0.0
    told: float = 0.0
    cross_entropy: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Everything that a training run depends on.

    checkpoint_minutes: the run is saved after each epoch and, within one, as often as this.
    average_best: the final model is the mean of the weights of so many best epochs of the last
        phase, if that scores better on the dev split than the best one alone; 1 does not try.
    about: Markdown for the model card: what only a person can say of data, licences and limits.
    """

    name: str
    data: Data
    encoder: EncoderSource
    phases: tuple[Phase, ...]
    decoder: DecoderSource = field(default_factory=DecoderSource)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    seed: int = 1
    checkpoint_minutes: float = 10.0
    average_best: int = 1
    about: str = ""

    def path(self, relative: str) -> Path:
        """A path of the data section."""
        return Path(self.data.root) / relative


def read_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply changes such as "data.root=photos" or "phases.0.epochs=3".

    Raises RecipeError naming the file and the key that is unknown, missing, of a wrong type or
    impossible. No data are read.
    """
    raw = _with_base(path)
    for change in changes:
        _change(raw, change)
    recipe: Recipe = _beside(path, _build(Recipe, raw, str(path)))
    _check(recipe, path)
    return recipe


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
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if above:
            raise RecipeError("There is no recipe {}, the base of {}.", path, above[-1]) from None
        raise RecipeError("There is no recipe {}.", path) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError("{} is not a readable TOML file ({}).", path, reason(error)) from None


def _merged(base: Any, own: Any) -> Any:
    """Tables key by key; whatever else, such as the list of phases, as a whole."""
    if not (isinstance(base, Mapping) and isinstance(own, Mapping)):
        return own
    return {**base, **{key: _merged(base.get(key), value) for key, value in own.items()}}


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


def _build(kind: Any, raw: Any, where: str | Message) -> Any:
    """Turn parsed TOML into the annotated type, a dataclass within a dataclass."""
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, raw, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, UnionType):
        return None if raw is None else _build(arguments[0], raw, where)
    if origin is tuple and isinstance(raw, list):
        return tuple(
            _build(arguments[0], item, Message("{}[{}]", where, i)) for i, item in enumerate(raw)
        )
    if kind is float and type(raw) is int:
        return float(raw)
    if type(raw) is not kind:
        expected = "list" if origin is tuple else getattr(kind, "__name__", str(kind))
        raise RecipeError("{}: expected {}, found {}.", where, expected, repr(raw))
    return raw


def _build_dataclass(kind: Any, raw: Any, where: str | Message) -> Any:
    if not isinstance(raw, Mapping):
        raise RecipeError("{}: expected a table, found {}.", where, repr(raw))
    types = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in raw:
        if key not in fields:
            raise RecipeError("{}: unknown key '{}'; there is: {}.", where, key, ", ".join(fields))
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in raw:
            raise RecipeError("{}: '{}' is missing.", where, name)
    values = {
        key: _build(types[key], value, Message("{}: {}", where, key)) for key, value in raw.items()
    }
    try:
        return kind(**values)
    except ModelError as error:
        raise RecipeError("{}: {}", where, error) from None


def _check(recipe: Recipe, path: Path) -> None:
    if not recipe.phases:
        raise RecipeError("{}: there is no [[phases]] to train.", path)
    for phase in recipe.phases:
        for name in ("epochs", "batch", "captions", "accumulate", "views", "least_captions"):
            if getattr(phase, name) < 1:
                raise RecipeError(
                    "{}: {} of phase '{}' must be at least 1.", path, name, phase.name
                )
        if phase.views > 1 and phase.encoder_rate:
            raise RecipeError(
                "{}: views of phase '{}' are for a frozen encoder; one that trains sees new "
                "versions of each photo anyway.",
                path,
                phase.name,
            )
        _check_objective(phase, path)
        _check_cross_entropy(phase, recipe.decoder, path)
    source = recipe.decoder.weights
    if source != "random" and not source.startswith(OF_MODEL):
        raise RecipeError(
            "{}: weights of the decoder must be 'random' or 'model:NAME', not '{}'.", path, source
        )
    if recipe.average_best < 1:
        raise RecipeError("{}: average_best must be at least 1.", path)
    if not recipe.checkpoint_minutes >= 0:
        raise RecipeError("{}: checkpoint_minutes must be 0 or more.", path)
    for data in recipe.data.sources:
        _check_source(data, path)
    try:
        tokenizer(recipe.data.language, recipe.data.unit)
        with torch.device("meta"):  # sizes without memory
            decoder(recipe.decoder.config, features=1, vocabulary=1)
    except (OptionError, ModelError) as error:
        raise RecipeError("{}: {}", path, error) from None


def _check_objective(phase: Phase, path: Path) -> None:
    if phase.sentences and (phase.encoder_rate or phase.objective != "cross_entropy"):
        raise RecipeError(
            "{}: sentences of phase '{}' have no photos: they go with the objective cross_entropy "
            "and a frozen encoder only.",
            path,
            phase.name,
        )
    for name, known in _CHOICES.items():
        if getattr(phase, name) not in known:
            raise RecipeError(
                "{}: {} '{}' of phase '{}' is unknown; there is: {}.",
                path,
                name,
                getattr(phase, name),
                phase.name,
                ", ".join(known),
            )
    for name in ("size", "bleu", "told", "cross_entropy"):
        if not 0 <= getattr(phase, name) < math.inf:
            raise RecipeError("{}: {} of phase '{}' must be 0 or more.", path, name, phase.name)
    if phase.objective == "self_critical" and phase.baseline == "mean" and phase.captions < 2:
        raise RecipeError(
            "{}: captions of phase '{}' must be at least 2, since the baseline of each sample is "
            "the mean of the others.",
            path,
            phase.name,
        )


def _check_cross_entropy(phase: Phase, decoder: DecoderConfig, path: Path) -> None:
    for name in ("word_dropout", "scheduled_sampling", "doubly_stochastic"):
        value = getattr(phase, name)
        if not 0 <= value <= (math.inf if name == "doubly_stochastic" else 1):
            template = "{}: {} of phase '{}' must be from 0 to 1."
            if name == "doubly_stochastic":
                template = "{}: {} of phase '{}' must be 0 or more."
            raise RecipeError(template, path, name, phase.name)
        if value and phase.objective != "cross_entropy":
            raise RecipeError(
                "{}: {} of phase '{}' is for the objective cross_entropy only.",
                path,
                name,
                phase.name,
            )
    if phase.doubly_stochastic and decoder.attention == "none":
        raise RecipeError("{}: doubly_stochastic needs an attention other than 'none'.", path)


def _check_source(source: Source, path: Path) -> None:
    if source.format not in FORMATS:
        known = ", ".join(FORMATS)
        raise RecipeError("{}: format '{}' is unknown; there is: {}.", path, source.format, known)
    if source.split not in ("", "train", "val", "test"):
        raise RecipeError(
            "{}: split '{}' is unknown; there is: train, val, test.", path, source.split
        )
    if not 0 <= source.val_share < 1:
        raise RecipeError("{}: val_share of {} must be at least 0 and below 1.", path, source.path)
    if not 0 < source.weight < math.inf:
        raise RecipeError("{}: weight of {} must be above 0.", path, source.path)
