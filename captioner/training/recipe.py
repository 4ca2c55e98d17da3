"""What a training recipe says: frozen dataclasses that check themselves when they are made."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.datasets import FORMATS, VAL_SHARE
from captioner.errors import RecipeError
from captioner.images import Preprocessing
from captioner.installed import model_folder
from captioner.model import DecoderConfig, EncoderConfig, language_config, languages_of
from captioner.model.parts import check_attention, check_cell, check_kind
from captioner.text import tokenizer
from captioner.text.trigrams import MOST_PENALTY

if TYPE_CHECKING:
    import torch

OF_MODEL = "model:"
_CHOICES = {
    "objective": ("cross_entropy", "self_critical"),
    "baseline": ("mean", "greedy"),
}
_AT_LEAST_1 = (
    "epochs", "batch_size", "captions_per_photo", "gradient_accumulation_steps", "views",
    "min_captions",
)  # fmt: skip
_AT_LEAST_0 = (
    "crop_size", "bleu_weight", "told_weight", "named_weight", "cross_entropy_weight",
    "doubly_stochastic", "encoder_learning_rate", "weight_decay",
)  # fmt: skip
_SHARES = ("word_dropout", "scheduled_sampling", "warmup_ratio", "label_smoothing", "ema_decay")
_OF_CROSS_ENTROPY = ("word_dropout", "scheduled_sampling", "doubly_stochastic")


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
    skip: whether captions that are null or of photos that are not listed are left out and counted,
        instead of stopping.

    Raises RecipeError where one of them cannot be, as all of a recipe's parts do.
    """

    format: str
    path: str
    images: tuple[str, ...] = ()
    split: str = ""
    val_share: float = VAL_SHARE
    held_out: str = ""
    weight: float = 1.0
    skip: bool = False

    def __post_init__(self) -> None:
        format, path, known = self.format, self.path, ", ".join(FORMATS)
        _require(format in FORMATS, "format '{}' is unknown; there is: {}.", format, known)
        is_split = self.split in ("", "train", "val", "test")
        _require(is_split, "split '{}' is unknown; there is: train, val, test.", self.split)
        _require(0 <= self.val_share < 1, "val_share of {} must be at least 0 and below 1.", path)
        _require(0 < self.weight < math.inf, "weight of {} must be above 0.", path)


@dataclass(frozen=True)
class Data:
    """What is trained on. Every path is relative to `root`, and `root` to the working folder.

    unit: what the language is cut into, such as "word" or "character"; its first where not given.
    min_count: a word seen less often in training is unknown to the model.
    max_words: longer training captions are cut.
    vocabulary: "model:NAME" keeps the words of that model, in their order, and adds new ones.
    streaming: photos to train on are read anew in each epoch, archive by archive and each process
        its own, for more of them than a disk holds decoded; else they are decoded once and kept.

    Raises OptionError where there is no such language or unit.
    """

    sources: tuple[Source, ...]
    root: str = "data"
    language: str = "en"
    unit: str = ""
    min_count: int = 4
    max_words: int = 24
    vocabulary: str = ""
    streaming: bool = False

    def __post_init__(self) -> None:
        _require(
            not self.vocabulary or self.vocabulary.startswith(OF_MODEL),
            "vocabulary must be 'model:NAME', not '{}'.",
            self.vocabulary,
        )
        tokenizer(self.language, self.unit)


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
    weights_language: of that model's decoders, where it writes several languages; the recipe's
        language if not given. A decoder of another language knows how to look and to go on.
    """

    weights: str = "random"
    weights_language: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(
            self.weights == "random" or self.weights.startswith(OF_MODEL),
            "weights of the decoder must be 'random' or 'model:NAME', not '{}'.",
            self.weights,
        )
        check_kind(self.kind)
        check_cell(self.cell)
        check_attention(self.attention, self.hidden_size, self.heads)

    @property
    def config(self) -> DecoderConfig:
        """The part that belongs to the model."""
        names = (f.name for f in dataclasses.fields(DecoderConfig))
        return DecoderConfig(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one setting.

    objective: "cross_entropy" on people's captions, or "self_critical" on the model's own.
    learning_rate, encoder_learning_rate: peaks (AdamW), reached after the `warmup_ratio` of all
        steps, then falling along a cosine to a hundredth. An encoder's rate of 0 freezes it.
    batch_size: photos a step, of all processes together; each brings up to `captions_per_photo` of
        its captions, or so many of the model's samples.
    gradient_accumulation_steps: the batch is cut into so many parts that pass through the model one
        after another: the same gradient with less memory.
    encoder_weight_decay: of the encoder; `weight_decay` where not given.
    ema_decay: of the exponential moving average of the weights, which is what is kept.
    augment: while the encoder trains, photos are cropped, mirrored where no caption names a side,
        and coloured a little differently each time.
    crop_size: side of what is cropped, in pixels, where it is not the model's own: a smaller one
        trains quicker, and what a crop shows is larger than in the whole photo (Touvron et al.
        2019).
    views: for a frozen encoder, versions of each photo that its features are computed of: the photo
        itself and augmented ones. Each time one of them is drawn.
    cache_features: whether the features of a frozen encoder are computed once and kept on disk;
        without, it encodes each batch, freshly augmented, which a GPU does sooner than a disk reads
        and COCO's size leaves no other way. On a CPU they are kept and on a GPU not, if not given.
    patience: epochs without a better dev CIDEr after which the phase ends; 0 never ends it early.
    word_dropout, scheduled_sampling, doubly_stochastic: of cross-entropy, see `CrossEntropy`; the
        share of scheduled sampling rises from 0 along a line and is reached at the phase's end.
    sentences: text files below the data's root, one sentence a line. The phase trains the decoder
        on them, as captions of a photo that shows nothing; the encoder stays as it is.
    min_captions: photos that have fewer are left out: what a caption must say is told by several.
    baseline, bleu_weight, told_weight, named_weight, cross_entropy_weight: of the self-critical
        objective, see `SelfCritical`.
    """

    name: str
    epochs: int
    learning_rate: float
    objective: str = "cross_entropy"
    encoder_learning_rate: float = 0.0
    batch_size: int = 64
    captions_per_photo: int = 5
    gradient_accumulation_steps: int = 1
    warmup_ratio: float = 0.05
    weight_decay: float = 0.01
    encoder_weight_decay: float | None = None
    label_smoothing: float = 0.1
    clip_grad_norm: float = 1.0
    ema_decay: float = 0.999
    augment: bool = True
    crop_size: int = 0
    views: int = 1
    cache_features: bool | None = None
    patience: int = 0
    word_dropout: float = 0.0
    scheduled_sampling: float = 0.0
    doubly_stochastic: float = 0.0
    sentences: tuple[str, ...] = ()
    min_captions: int = 1
    baseline: str = "mean"
    bleu_weight: float = 0.0
    told_weight: float = 0.0
    named_weight: float = 0.0
    cross_entropy_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in _AT_LEAST_1:
            self._require(getattr(self, name) >= 1, "{} of phase '{}' must be at least 1.", name)
        for name in _AT_LEAST_0:
            value = getattr(self, name)
            self._require(0 <= value < math.inf, "{} of phase '{}' must be 0 or more.", name)
        above = "{} of phase '{}' must be above 0 and finite."
        self._require(0 < self.learning_rate < math.inf, above, "learning_rate")
        for name in _SHARES:
            value = getattr(self, name)
            self._require(0 <= value <= 1, "{} of phase '{}' must be from 0 to 1.", name)
        for name, known in _CHOICES.items():
            value, there = getattr(self, name), ", ".join(known)
            unknown = "{} of phase '{}' is unknown: '{}'; there is: {}."
            self._require(value in known, unknown, name, value, there)
        cross_entropy = self.objective == "cross_entropy"
        for name in _OF_CROSS_ENTROPY:
            self._require(
                cross_entropy or not getattr(self, name),
                "{} of phase '{}' is for the objective cross_entropy only.",
                name,
            )
        self._require(
            not self.sentences or (cross_entropy and self.encoder_is_frozen),
            "{} of phase '{}' have no photos: they go with the objective cross_entropy and a "
            "frozen encoder only.",
            "sentences",
        )
        self._require(
            self.views == 1 or self.encoder_is_frozen,
            "{} of phase '{}' are for a frozen encoder; one that trains sees new versions of each "
            "photo anyway.",
            "views",
        )
        self._require(
            cross_entropy or self.baseline != "mean" or self.captions_per_photo > 1,
            "{} of phase '{}' must be at least 2, since the baseline of each sample is the mean of "
            "the others.",
            "captions_per_photo",
        )

    def _require(self, condition: bool, template: str, name: str, *values: object) -> None:
        """template: with places for a setting's name and the phase's, then for the values."""
        _require(condition, template, name, self.name, *values)

    def caches_features(self, device: torch.device) -> bool:
        """Whether the features of its photos are kept, where it trains on such a device."""
        wanted = device.type != "cuda" if self.cache_features is None else self.cache_features
        return self.encoder_is_frozen and wanted

    @property
    def encoder_is_frozen(self) -> bool:
        """Whether the encoder stays as it is."""
        return self.encoder_learning_rate == 0


@dataclass(frozen=True)
class Recipe:
    """Everything that a training run depends on.

    checkpoint_minutes: the run is saved after each epoch and, within one, as often as this.
    average_best: the final model is the mean of the weights of so many best epochs of the last
        phase, if that scores better on the dev split than the best one alone; 1 does not try.
    logit_adjustment: how much likelier the finished model makes rare words than it learned, see
        `adjust_logits`; the certainties are those of the model that writes so.
    unseen_penalty: what the search of the finished model takes from a word that makes a trigram
        that is neither in the captions to train on nor in the `trigrams`.
    trigrams: text files below the data's root, one sentence a line.
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
    logit_adjustment: float = 0.0
    unseen_penalty: float = 0.0
    trigrams: tuple[str, ...] = ()
    about: str = ""

    def __post_init__(self) -> None:
        _require(bool(self.phases), "there is no [[phases]] to train.")
        _require(self.average_best >= 1, "average_best must be at least 1.")
        _require(0 <= self.logit_adjustment <= 1, "logit_adjustment must be from 0 to 1.")
        most = MOST_PENALTY
        _require(0 <= self.unseen_penalty <= most, "unseen_penalty must be from 0 to {}.", most)
        _require(self.checkpoint_minutes >= 0, "checkpoint_minutes must be 0 or more.")
        _require(
            self.decoder.attention != "none" or not any(p.doubly_stochastic for p in self.phases),
            "doubly_stochastic needs an attention other than 'none'.",
        )
        for phase in self.phases if self.data.streaming else ():
            _require(
                not phase.cache_features and phase.views == 1,
                "phase '{}' keeps features, for which photos that are streamed are too many.",
                phase.name,
            )

    @property
    def start(self) -> str:
        """The model that all of it goes on from, see `starting_from`; empty where there is none."""
        source = self.data.vocabulary
        is_whole = {self.encoder.weights, self.decoder.weights} == {source}
        return source.removeprefix(OF_MODEL) if is_whole else ""

    @property
    def encoder_is_frozen(self) -> bool:
        """Whether the encoder stays as it is in all phases."""
        return all(phase.encoder_is_frozen for phase in self.phases)

    def path(self, relative: str) -> Path:
        """A path of the data section."""
        return Path(self.data.root) / relative


def starting_from(recipe: Recipe, model: str) -> Recipe:
    """The recipe with encoder, decoder and photos as those of a model, an installed one's name or a
    folder, which it goes on to train. Its words are kept, and those of the data added; where it
    writes several languages, the decoder is that of the recipe's.

    Raises ModelError where there is no such model, RecipeError where it writes other languages.
    """
    folder, ours = model_folder(model), recipe.data.language
    known = languages_of(folder)
    _require(
        ours in known,
        "the model '{}' writes '{}', and the recipe's language is '{}'.",
        model,
        ",".join(known),
        ours,
    )
    theirs = language_config(folder, ours)
    source = f"{OF_MODEL}{model}"
    decoder = {**vars(theirs.decoder), "dropout": recipe.decoder.dropout, "weights": source}
    return replace(
        recipe,
        data=replace(recipe.data, unit=theirs.unit, vocabulary=source),
        encoder=EncoderSource(**vars(theirs.encoder), weights=source),
        decoder=DecoderSource(**decoder),
        preprocessing=theirs.preprocessing,
    )


def _require(condition: bool, template: str, *values: object) -> None:
    if not condition:
        raise RecipeError(template, *values)
