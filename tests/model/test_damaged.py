"""A model folder damaged in any way is refused in one sentence, at once and without filling the
memory."""

import json
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from captioner.errors import ModelError
from captioner.images import Preprocessing
from captioner.loading import load_model
from captioner.model import (
    CaptioningModel,
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    add_language,
    load_decoder,
    read_language,
    read_model,
    save_model,
)
from captioner.text import Trigrams, Vocabulary

LONG = "9" * 5000


@pytest.fixture
def folder(tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary) -> Path:
    save_model(tmp_path / "tiny", tiny_model, vocabulary, "# Tiny\n")
    return tmp_path / "tiny"


def refused(folder: Path) -> str:
    """The one sentence with which a folder is refused."""
    with pytest.raises(ModelError) as caught:
        read_model(folder)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "value", ["null", "-3", '"x"', "[]", "[[]]", "true", '{"x": 1}', "NaN", "-1e999"]
)
@pytest.mark.parametrize(
    "key",
    [
        "encoder", "encoder.name", "encoder.stages", "encoder.identity",
        "decoder", "decoder.cell", "decoder.hidden_size", "decoder.dropout", "decoder.layer_norm",
        "preprocessing", "preprocessing.size", "preprocessing.mean", "preprocessing.std",
        "language", "unit", "vocabulary_size", "certainty", "borne_out", "unseen_penalty",
        "format_version",
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(folder: Path, key: str, value: str) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    *parents, last = key.split(".")
    part = config
    for name in parents:
        part = part[name]
    part[last] = json.loads(value)
    path.write_text(json.dumps(config))
    fits = {
        *(("encoder.identity", "[]"), ("certainty", "[]"), ("borne_out", "[]")),
        ("decoder.layer_norm", "true"),
    }
    if (key, value) not in fits:
        sentence = refused(folder)
        assert "config.json" in sentence or "made for -3" in sentence


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("decoder", {"hidden_size": 10**9}),
        ("decoder", {"hidden_size": 65536}),
        ("decoder", {"hidden_size": 10**4000}),
        ("decoder", {"layers": 10**9}),
        ("decoder", {"layers": 256}),
        ("decoder", {"layers": 10**30, "residual": True}),
        ("decoder", {"heads": 10**20}),
        ("decoder", {"forget_bias": 10**400}),
        ("decoder", {"dropout": 1e308}),
        ("encoder", {"name": "regnet_y_128gf"}),
        ("encoder", {"name": "x" * 100_000}),
        ("encoder", {"stages": [10**4000]}),
        ("encoder", {"stages": list(range(-6, 6)) * 1000}),
        ("encoder", {"identity": [""]}),
        ("encoder", {"identity": ["features"]}),
        ("encoder", {"identity": ["features.0"]}),
        ("encoder", {"identity": ["features.0.0.weight"]}),
        ("preprocessing", {"size": 10**6}),
        ("preprocessing", {"size": -1}),
        ("preprocessing", {"mean": [0.5]}),
        ("preprocessing", {"mean": [0.5, 0.5, 0.5, 0.5]}),
        ("preprocessing", {"mean": [[0.5], [0.5], [0.5]]}),
        ("preprocessing", {"mean": [0.5, 0.5, float("nan")]}),
        ("preprocessing", {"std": [0, 1, 1]}),
        ("preprocessing", {"std": [1e-300, 1, 1]}),
        ("preprocessing", {"std": [1, 1, 10**400]}),
    ],
)
def test_an_impossible_size_is_refused(folder: Path, part: str, changes: dict[str, Any]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config[part] |= changes
    path.write_text(json.dumps(config))
    refused(folder)


@pytest.mark.parametrize(
    "content",
    [
        b'{"format_version": ' + LONG.encode() + b"}",
        b"[" * 100_000,
        b'{"format_version": 1, "encoder": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"format_version": 1, "encoder": {}, "encoder": 3}',
        b'{"format_version": true}',
        b'{"format_version": -1}',
        b'{"format_version": 1, "\\ud800": 1, "encoder": {}, "decoder": {}, "preprocessing": {}}',
        b"\xff\xfe{}",
        b"\0" * 1000,
        b" " * 2_000_000,
    ],
)
def test_a_configuration_of_rubbish_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    assert "config.json" in refused(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"{}", b"[1, 2]", b'["<pad>"]', b"[" * 100_000, LONG.encode(), b"\xff",
        json.dumps(["<pad>", "<start>", "<end>", "<unk>", *"abcdef", "\ud83d"]).encode(),
        json.dumps(["<pad>", "<start>", "<end>", "<unk>", *"abcdef", "a"]).encode(),
        b'["' + b"x" * 9_000_000 + b'"]',
    ],
)  # fmt: skip
def test_a_vocabulary_of_rubbish_is_refused(folder: Path, content: bytes) -> None:
    (folder / "vocabulary.json").write_bytes(content)
    assert "vocabulary.json" in refused(folder)


Weights = dict[str, torch.Tensor]


def _with(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Weights], None]:
    def apply(weights: Weights) -> None:
        weights[name] = change(weights[name]).contiguous()

    return apply


def _filled(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def fill(tensor: torch.Tensor) -> torch.Tensor:
        tensor.view(-1)[-1] = value
        return tensor

    return fill


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            _with("decoder.output_projection.bias", lambda t: t.int()),
            "decoder.output_projection.bias is of type int32",
        ),
        (_with("decoder.output_projection.bias", lambda t: t > 0), "is of type bool"),
        (
            _with("decoder.output_projection.bias", lambda t: torch.complex(t.float(), t.float())),
            "complex64",
        ),
        (
            _with("decoder.output_projection.weight", _filled(float("nan"))),
            "decoder.output_projection.weight holds a value",
        ),
        (
            _with("decoder.output_projection.weight", _filled(float("-inf"))),
            "decoder.output_projection.weight holds",
        ),
        (
            _with("decoder.output_projection.bias", lambda t: t.double() * 0 + 1e300),
            "decoder.output_projection.bias holds",
        ),
        (
            _with("decoder.output_projection.bias", lambda t: t[:0]),
            "decoder.output_projection.bias is missing, unknown or",
        ),
        (
            _with("decoder.output_projection.weight", lambda t: t.T),
            "decoder.output_projection.weight is missing, unknown",
        ),
        (lambda w: w.update(more=torch.zeros(1)), "more is missing, unknown or of another size"),
        (lambda w: w.clear(), "is missing, unknown or of another size"),
    ],
)
def test_weights_that_cannot_be_are_refused(
    folder: Path, change: Callable[[Weights], None], said: str
) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    try:
        save_file(weights, path)
    except KeyError:
        pytest.skip("this safetensors writes no complex numbers")
    assert said in refused(folder)


def _header(content: dict[str, Any] | bytes, length: int | None = None, data: bytes = b"") -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


@pytest.mark.parametrize(
    "content",
    [
        _header({}),
        _header({}, 2**63),
        _header({}, 50_000_000),
        _header(b"[" * 10_000),
        _header({"w": {"dtype": "F16", "shape": [10**15], "data_offsets": [0, 2 * 10**15]}}),
        _header({"w": {"dtype": "F16", "shape": [2**63, 2**63], "data_offsets": [0, 0]}}),
        _header({"w": {"dtype": "F16", "shape": [0, 2**62], "data_offsets": [0, 0]}}),
        _header({"w": {"dtype": "F16", "shape": [-1], "data_offsets": [0, 2]}}, data=b"xx"),
        _header({"w": {"dtype": "F16", "shape": [1], "data_offsets": [4, 2]}}, data=b"xxxx"),
        _header({"w": {"dtype": "F99", "shape": [1], "data_offsets": [0, 2]}}, data=b"xx"),
        _header({"w": {"dtype": "U64", "shape": [1], "data_offsets": [0, 8]}}, data=b"x" * 8),
        _header({"w": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, data=b"x"),
        _header({"w": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}, data=b"x"),
    ],
)
def test_a_header_that_lies_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert "model.safetensors" in refused(folder)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _directory(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and devices")
@pytest.mark.parametrize("make", [_pipe, _device, _directory, _loop])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocabulary.json"])
def test_what_is_no_ordinary_file_is_never_opened(
    folder: Path, name: str, make: Callable[[Path], None]
) -> None:
    (folder / name).unlink()
    make(folder / name)
    assert name in refused(folder)


@pytest.mark.parametrize("name", ["x" * 5000, "a/" + "x" * 300, "nul\0l", "/dev/null", "", "."])
def test_a_name_that_no_model_can_have_is_refused(name: str) -> None:
    with pytest.raises(ModelError):
        load_model(name or "./none")


@pytest.mark.parametrize("key", ["encoder", "preprocessing"])
def test_a_decoder_brings_no_encoder_of_its_own(
    folder: Path, tmp_path: Path, tiny_model: CaptioningModel, key: str
) -> None:
    config = ModelConfig(
        tiny_model.config.encoder, tiny_model.config.decoder, tiny_model.config.preprocessing,
        "zh", 11,
    )  # fmt: skip
    model = CaptioningModel(config)
    model.encoder = tiny_model.encoder
    words = Vocabulary(("<pad>", "<start>", "<end>", "<unk>", *"一只狗在草地上"))
    save_model(tmp_path / "zh", model, words, "# 中文\n")
    path = add_language(folder, tmp_path / "zh") / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: {"size": 3}}))
    english, _ = read_model(folder)
    chinese, _ = read_language(folder, "zh", english)
    assert chinese.encoder is english.encoder
    assert chinese.config == config


@pytest.mark.parametrize("content", [None, b"", bytes(24)], ids=["gone", "empty", "cut"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_damaged_trigrams_are_refused(
    tmp_path: Path,
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    content: bytes | None,
    language: str,
) -> None:
    folder, seen = tmp_path / "tiny", Trigrams(bytes(32))
    save_model(folder, tiny_model, vocabulary, "# Tiny\n", seen)
    chinese = CaptioningModel(replace(tiny_model.config, language="zh"))
    chinese.encoder = tiny_model.encoder
    save_model(tmp_path / "zh", chinese, vocabulary, "# 中文\n", seen)
    add_language(folder, tmp_path / "zh")
    assert load_model(folder, "cpu", language=language).trigrams == seen
    path = folder / ("zh" if language == "zh" else "") / "trigrams.bin"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"trigrams\.bin.*\.$"):
        load_model(folder, "cpu", language=language)


@pytest.mark.parametrize("change", [lambda t: t[:3], lambda t: t[0], lambda t: t.sum()])
@pytest.mark.parametrize(
    "name", ["decoder.output_projection.weight", "decoder.output_projection.bias"]
)
def test_a_decoder_without_all_its_words_starts_no_training(
    folder: Path,
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    name: str,
    change: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({**weights, name: change(weights[name]).contiguous()}, path)
    decoder = CaptioningModel(tiny_model.config).decoder
    with pytest.raises(ModelError, match=r"output_projection\.\w+ is missing, unknown"):
        load_decoder(decoder, tiny_model.config.decoder, vocabulary, folder, "en")


def test_a_configuration_checks_itself() -> None:
    with pytest.raises(ModelError, match="no tokenizer for language 'fr'"):
        ModelConfig(EncoderConfig("resnet18"), DecoderConfig(), Preprocessing(), "fr")
