"""A model folder: what is written is read again, and what is damaged is explained."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from captioner.errors import ModelError
from captioner.model import (
    CaptioningModel,
    DecoderConfig,
    load_decoder,
    read_config,
    read_model,
    save_model,
)
from captioner.text import Vocabulary


@pytest.fixture
def folder(tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary) -> Path:
    save_model(tmp_path / "tiny", tiny_model, vocabulary, "# Tiny\n")
    return tmp_path / "tiny"


def test_a_read_model_computes_what_the_saved_one_did(
    folder: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    model, words = read_model(folder)
    images, captions = torch.randn(2, 3, 64, 64), torch.randint(0, len(vocabulary), (2, 5))
    half = CaptioningModel(tiny_model.config).eval()
    half.load_state_dict(
        {n: t.half().float() if t.is_floating_point() else t
         for n, t in tiny_model.state_dict().items()}
    )  # fmt: skip
    with torch.no_grad():
        torch.testing.assert_close(model(images, captions), half(images, captions))
    assert words == vocabulary
    assert model.config == tiny_model.config


def test_a_folder_from_before_units_is_one_of_words(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    assert config.pop("unit") == "word"
    path.write_text(json.dumps(config))
    assert read_model(folder)[0].config.unit == "word"


def test_certainty_is_kept_and_may_be_absent(
    tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    model = CaptioningModel(replace(tiny_model.config, certainty=(0.5, 0.625, 0.75)))
    save_model(tmp_path / "tiny", model, vocabulary, "# Tiny\n")
    assert read_config(tmp_path / "tiny").certainty == (0.5, 0.625, 0.75)
    path = tmp_path / "tiny" / "config.json"
    config = json.loads(path.read_text())
    del config["certainty"]  # as folders were before
    path.write_text(json.dumps(config))
    assert read_config(tmp_path / "tiny").certainty == ()


def test_a_configuration_is_read_without_its_model(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert read_config(folder).language == "en"


def test_weights_are_float16_and_nothing_is_a_pickle(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {
        "config.json", "model.safetensors", "vocabulary.json", "README.md",
    }  # fmt: skip
    weights = load_file(folder / "model.safetensors")
    assert {t.dtype for t in weights.values()} == {torch.float16}


@pytest.mark.parametrize("kind", ["forward", "bidirectional"])
def test_a_folder_of_the_first_format_is_read_by_todays_names(
    tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary, kind: str
) -> None:
    decoder = replace(tiny_model.config.decoder, kind=kind, layer_norm=True, layers=2)
    saved = CaptioningModel(replace(tiny_model.config, decoder=decoder))
    folder = tmp_path / "model"
    save_model(folder, saved, vocabulary, "# Model\n")
    config = json.loads((folder / "config.json").read_text())
    config["decoder"]["hidden"] = config["decoder"].pop("hidden_size")
    (folder / "config.json").write_text(json.dumps({**config, "format_version": 1}))
    then = {
        "input_projection": "input", "hidden_projection": "recurrence",
        "hidden_norm": "recurrence_norm", "combine": "output", "output_projection": "words",
    }  # fmt: skip
    weights = load_file(folder / "model.safetensors")
    old = {".".join(then.get(part, part) for part in n.split(".")): t for n, t in weights.items()}
    assert {part for name in old for part in name.split(".")}.isdisjoint(then)
    save_file(old, folder / "model.safetensors")
    read = read_model(folder)[0].state_dict()
    for name, tensor in saved.state_dict().items():
        if tensor.is_floating_point():
            assert torch.equal(read[name], tensor.half().float()), name


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no model folder .*nowhere"):
        read_model(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocabulary.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        read_model(folder)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_weight_file_is_refused(folder: Path, share: float) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged"):
        read_model(folder)


def test_a_newer_format_asks_for_an_update(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "format_version": 99}))
    with pytest.raises(ModelError, match=r"format 99.*please update"):
        read_model(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": 1}', "\x00\x01"])
def test_a_foreign_configuration_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"config\.json(, line 1:)? .*not|'encoder' is missing"):
        read_model(folder)


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file(
        {n: t for n, t in weights.items() if n != "decoder.cell.hidden_projection.weight"}, path
    )
    with pytest.raises(ModelError, match=r"decoder\.cell\.hidden_projection\.weight is missing"):
        read_model(folder)


@pytest.mark.parametrize(
    ("cell", "attention"),
    [
        ("rnn", "none"), ("lstm", "aoa"), ("lstm_peephole", "multihead"),
        ("lstm_coupled", "additive"), ("gru", "multihead"), ("grid_lstm", "aoa"),
    ],
)  # fmt: skip
def test_every_cell_and_attention_is_read_as_it_was_saved(
    tmp_path: Path,
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    cell: str,
    attention: str,
) -> None:
    decoder = DecoderConfig(cell, attention, 32, 4, layers=2, residual=True, layer_norm=True)
    saved = CaptioningModel(replace(tiny_model.config, decoder=decoder))
    save_model(tmp_path / "model", saved, vocabulary, "# Model\n")
    model, _ = read_model(tmp_path / "model")
    assert model.config.decoder == decoder
    read = model.decoder.state_dict()
    for name, tensor in saved.decoder.state_dict().items():
        assert torch.equal(read[name], tensor.half().float()), name


def test_a_bidirectional_model_is_read_as_it_was_saved(
    tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    decoder = DecoderConfig(hidden_size=32, heads=4, kind="bidirectional")
    saved = CaptioningModel(replace(tiny_model.config, decoder=decoder))
    save_model(tmp_path / "model", saved, vocabulary, "# Model\n")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["decoder"]["kind"] == "bidirectional"
    model, _ = read_model(tmp_path / "model")
    read = model.decoder.state_dict()
    for name, tensor in saved.decoder.state_dict().items():
        assert torch.equal(read[name], tensor.half().float()), name
    assert [own.backward for own in model.decoder.directions] == [False, True]


@pytest.mark.parametrize("cell", ["rnn", "lstm_peephole", "lstm_coupled", "gru", "grid_lstm"])
def test_weights_of_another_cell_are_refused(folder: Path, cell: str) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["decoder"]["cell"] = cell
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"safetensors does not match its configuration: decoder"):
        read_model(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "bidirectional"}, r"does not match its configuration: decoder\.ahead\."),
        ({"kind": "sideways"}, r"config\.json: There is no kind of decoder named 'sideways'"),
        ({"cell": "gru"}, r"safetensors does not match its configuration: decoder\.cell\.input"),
        ({"layers": 2}, r"does not match its configuration: decoder\.cell\.layers\.0"),
        ({"cell": "abacus"}, r"config\.json: There is no cell named 'abacus'; there is: rnn,"),
        ({"attention": "psychic"}, r"config\.json: There is no attention named 'psychic'"),
        ({"heads": 5}, r"config\.json: 5 heads do not divide a hidden size of 32"),
        ({"layers": 0}, r"config\.json: decoder: A decoder's layers must be from 1 to 256, not 0"),
        ({"hidden_size": "32"}, r"config\.json: decoder: hidden_size: expected int, found '32'"),
        ({"layers": 2.0}, r"config\.json: decoder: layers: expected int, found 2\.0"),
        ({"layer_norm": 1}, r"config\.json: decoder: layer_norm: expected bool, found 1"),
        ({"colour": "red"}, r"config\.json: decoder: unknown key 'colour'; there is: cell"),
    ],
)
def test_a_decoder_that_is_not_that_of_the_weights_is_refused(
    folder: Path, changes: dict[str, object], said: str
) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["decoder"] |= changes
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=said):
        read_model(folder)


def test_a_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    words = json.loads((folder / "vocabulary.json").read_text())
    (folder / "vocabulary.json").write_text(json.dumps([*words, "extra"]))
    with pytest.raises(ModelError, match="has 12 words, and the model was made for 11"):
        read_model(folder)


def test_a_decoder_goes_on_from_anothers_with_the_words_that_both_know(
    folder: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> None:
    shared = vocabulary.words[: len(vocabulary) - 1]
    words = Vocabulary((*shared[:4], "unheard", *reversed(shared[4:])))
    config = tiny_model.config
    other = CaptioningModel(replace(config, vocabulary_size=len(words))).decoder
    first = other.embedding[4].clone()
    load_decoder(other, config.decoder, words, folder, "en")
    theirs = tiny_model.decoder.half().float()
    assert torch.equal(other.attention.query.weight, theirs.attention.query.weight)
    for word in shared:
        row, their_row = words.words.index(word), vocabulary.words.index(word)
        assert torch.equal(other.embedding[row], theirs.embedding[their_row])
    mean = theirs.embedding[[vocabulary.words.index(word) for word in shared]].mean(dim=0)
    torch.testing.assert_close(other.embedding[4], first + mean)
    with pytest.raises(ModelError, match="other parts or sizes"):
        load_decoder(other, replace(config.decoder, cell="gru"), words, folder, "en")
