"""What says how a model is built and fed, and reading it from a model folder; needs no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from captioner.errors import ModelError, OptionError
from captioner.fields import make_config, shown
from captioner.files import raising
from captioner.images import Preprocessing
from captioner.model.folder import CONFIG, VOCABULARY, languages_of, read_raw_config
from captioner.text import Vocabulary, tokenizer
from captioner.text.trigrams import check_penalty

_LIMITS = {
    "hidden_size": (1, 65536),
    "heads": (1, 65536),
    "layers": (1, 256),
    "forget_bias": (-100, 100),
}


@dataclass(frozen=True)
class EncoderConfig:
    """Which CNN, and where its grid features are taken.

    name: a torchvision classification CNN, such as "efficientnet_b4" or "resnet50".
    stages: indices into the CNN's stages (negative from the end). The features of several stages
        are average-pooled to the grid of the last and concatenated.
    identity: residual blocks that pass their input on unchanged, by their name in torchvision;
        for weights that come without them.
    """

    name: str
    stages: tuple[int, ...] = (-1,)
    identity: tuple[str, ...] = ()


@dataclass(frozen=True)
class CellOptions:
    """How a network of cells is made beside its sizes; every cell takes them all.

    layers: how many cells lie upon each other; residual: whether each adds to the one below it.
    forget_bias: first bias of a forget gate: at 1 it starts open, and a new network remembers
        (Jozefowicz et al. 2015); cells without a forget gate have no use for it.
    orthogonal: U starts orthogonal in each block, which neither shrinks nor stretches what it
        carries through time (Saxe et al. 2014); else like W, uniform as in Glorot and Bengio 2010.
    layer_norm: W x and U h are each normalised, and an LSTM's c where it enters h (Ba et al. 2016).
    recurrent_dropout: probability with which a unit of h is dropped where U reads it, in training.
        The mask is drawn once a sequence and stays the same at all its steps (Gal and Ghahramani
        2016): noise that is new at every step would wear out the memory instead.

    Raises ModelError where a number is out of range.
    """

    layers: int = 1
    residual: bool = False
    forget_bias: float = 1.0
    orthogonal: bool = True
    layer_norm: bool = False
    recurrent_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ModelError("layers must be 1 or more, not {}.", shown(self.layers))
        if self.residual and self.layers == 1:
            raise ModelError(
                "residual needs 2 layers or more: residual connections go from layer to layer."
            )
        check_dropout("recurrent_dropout", self.recurrent_dropout)


def check_dropout(name: str, share: float) -> None:
    """Raises ModelError where that share of units cannot be dropped."""
    if not 0 <= share < 1:
        raise ModelError(
            "{} must be from 0 to less than 1, not {}: it is the share of units that is dropped.",
            name,
            shown(share),
        )


@dataclass(frozen=True)
class DecoderConfig:
    """Parts and sizes of a decoder.

    kind: "forward", or "bidirectional" for two decoders of which one writes backwards.
    cell, attention: their names, of those in `captioner.model.cells` and `.attention`.
    hidden_size: H, of the recurrent state, the word embeddings and the attention.
    heads: attention heads, for an attention that has several.
    dropout: probability with which an embedding or output unit is dropped in training.
    layers and all that follow: of the cell, as in `CellOptions`.

    Raises ModelError where a value is out of range.
    """

    cell: str = "lstm"
    attention: str = "multihead"
    hidden_size: int = 512
    heads: int = 8
    dropout: float = 0.5
    layers: int = 1
    residual: bool = False
    layer_norm: bool = False
    recurrent_dropout: float = 0.0
    forget_bias: float = 1.0
    orthogonal: bool = True
    kind: str = "forward"

    def __post_init__(self) -> None:
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                template = "A decoder's {} must be from {} to {}, not {}."
                raise ModelError(template, name, least, most, shown(value))
        check_dropout("dropout", self.dropout)
        _ = self.cell_options  # raises where one is out of range

    @property
    def cell_options(self) -> CellOptions:
        """The options of the cell. Raises ModelError where one is out of range."""
        return CellOptions(
            layers=self.layers,
            residual=self.residual,
            forget_bias=self.forget_bias,
            orthogonal=self.orthogonal,
            layer_norm=self.layer_norm,
            recurrent_dropout=self.recurrent_dropout,
        )


@dataclass(frozen=True)
class ModelConfig:
    """Everything that says how a model is built and fed; `config.json` of a model folder.

    unit: what the words of the vocabulary are: a unit of `captioner.text.units(language)`.
    certainty: limits between the quarters of the dev split's captions, from those of which the
    model is least certain (`Caption.certainty`) to those of which it is most; empty where unknown.
    borne_out: for each of these quarters, the share of the content words that people used, too, for
    the same photos; empty where it was not measured. Both are set by `benchmarks/certainty.py`.
    unseen_penalty: what the search takes from a word that makes a trigram that is not in the
    folder's set of those that people write (`captioner.text.Trigrams`); 0 where it has no such set.

    Raises ModelError where there is no such language or unit, or a limit is none.
    """

    encoder: EncoderConfig
    decoder: DecoderConfig
    preprocessing: Preprocessing
    language: str = "en"
    vocabulary_size: int = 0
    unit: str = "word"
    certainty: tuple[float, ...] = ()
    borne_out: tuple[float, ...] = ()
    unseen_penalty: float = 0.0

    def __post_init__(self) -> None:
        try:
            tokenizer(self.language, self.unit)
        except OptionError as error:
            raise ModelError.of(error) from None
        for name in ("certainty", "borne_out"):
            values = getattr(self, name)
            if not all(0 <= value <= 1 for value in values):
                raise ModelError("A model's {} must be from 0 to 1, not {}.", name, shown(values))
        check_penalty(self.unseen_penalty)


def read_config(folder: Path) -> ModelConfig:
    """What a model folder says of its model, without building it. Raises ModelError."""
    path = folder / CONFIG
    raw = read_raw_config(path)
    if "decoder" in raw and "encoder" not in raw:
        raise ModelError(
            "{} holds a decoder without an encoder: give the model folder that it lies in, and its "
            "language.",
            folder,
        )
    with raising(ModelError):
        return make_config(ModelConfig, raw, path)


def read_vocabulary(folder: Path, config: ModelConfig) -> Vocabulary:
    """The folder's vocabulary. Raises ModelError where it cannot be that of the configuration."""
    return Vocabulary.load(folder / VOCABULARY, config.vocabulary_size)


def language_folder(folder: Path, language: str) -> Path:
    """Where the decoder lies that writes a language, or else the model's own: in the model folder,
    or in a folder inside it. Raises ModelError where there is no model folder."""
    return folder / language if language in languages_of(folder)[1:] else folder


def language_config(folder: Path, language: str) -> ModelConfig:
    """The model with the decoder of `language_folder`. Raises ModelError."""
    own, inside = read_config(folder), language_folder(folder, language)
    return own if inside == folder else config_inside(inside / CONFIG, own)


def config_inside(path: Path, own: ModelConfig) -> ModelConfig:
    """The model with the decoder of a language's `config.json`, whose encoder is that of the folder
    above. Raises ModelError."""
    shared = {name: asdict(own)[name] for name in ("encoder", "preprocessing")}
    raw = read_raw_config(path)
    with raising(ModelError):
        return make_config(ModelConfig, {**raw, **shared}, path)
