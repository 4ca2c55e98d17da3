"""A model folder of ONNX graphs: what lies in it, and what its `config.json` says.

docs/export.md describes the format for other programs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from captioner.errors import ModelError
from captioner.fields import make_config
from captioner.files import raising
from captioner.images import Preprocessing
from captioner.model.folder import CONFIG, VOCABULARY, read_raw_config
from captioner.text import Vocabulary

ENCODER = "encoder.onnx"


@dataclass(frozen=True)
class DecoderFiles:
    """The graphs of one decoder.

    start, step: their files, beside the configuration. photo: the tensors that `start` gives of a
    photo and every `step` takes. state: those that go from step to step. backward: whether it
    writes from the last word to the first.
    """

    start: str
    step: str
    photo: tuple[str, ...]
    state: tuple[str, ...]
    backward: bool = False

    def __post_init__(self) -> None:
        for name in (self.start, self.step):
            if Path(name).name != name:
                raise ModelError(
                    "A decoder's files lie beside its configuration: '{}' does not.", name
                )


@dataclass(frozen=True)
class OnnxConfig:
    """What `config.json` of such a folder, or of a language in it, says.

    name: of the model. precision: of the weights. grid: height and width of the encoder's. What the
    others are, `captioner.model.ModelConfig` tells. repeatable: numbers of words that sentences
    repeat at short distance. options: the usual ones, for other programs.
    """

    name: str
    precision: str
    language: str
    unit: str
    vocabulary_size: int
    decoders: tuple[DecoderFiles, ...]
    preprocessing: Preprocessing
    grid: tuple[int, int]
    repeatable: tuple[int, ...] = ()
    certainty: tuple[float, ...] = ()
    unseen_penalty: float = 0.0
    options: dict = field(default_factory=dict)


def is_onnx_folder(folder: Path) -> bool:
    """Whether a model folder holds ONNX graphs. Raises ModelError where it is no model folder."""
    return "decoders" in read_raw_config(folder / CONFIG)


def read_onnx_config(folder: Path, main: OnnxConfig | None = None) -> OnnxConfig:
    """The configuration of a folder, or of a language in the one that has the `main` one.

    Raises ModelError where it is missing or cannot be.
    """
    path = folder / CONFIG
    raw = read_raw_config(path)
    if main:
        shared = ("name", "precision", "preprocessing", "grid")
        raw |= {name: value for name, value in asdict(main).items() if name in shared}
    with raising(ModelError):
        return make_config(OnnxConfig, raw, path)


def read_words(folder: Path, config: OnnxConfig) -> Vocabulary:
    """The folder's vocabulary. Raises ModelError where it cannot be that of the configuration."""
    return Vocabulary.load(folder / VOCABULARY, config.vocabulary_size)
