"""One model folder for several languages: a decoder added to it, read again, or refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from captioner.errors import ModelError
from captioner.model import (
    CaptioningModel,
    add_language,
    languages_of,
    read_config,
    read_language,
    read_model,
    save_model,
)
from captioner.text import Vocabulary

CHINESE = Vocabulary.build([["一只", "狗", "在", "草地", "上", "奔跑"]])


@pytest.fixture
def english(tmp_path: Path, tiny_model: CaptioningModel, vocabulary: Vocabulary) -> Path:
    save_model(tmp_path / "tiny", tiny_model, vocabulary, "# Tiny\n")
    return tmp_path / "tiny"


@pytest.fixture
def chinese(tmp_path: Path, tiny_model: CaptioningModel) -> Path:
    """A model with the same encoder and a larger decoder, in words of its own."""
    own = tiny_model.config
    config = replace(
        own,
        decoder=replace(own.decoder, hidden_size=40),
        language="zh",
        vocabulary_size=len(CHINESE),
    )
    model = CaptioningModel(config).eval()
    model.encoder.load_state_dict(tiny_model.encoder.state_dict())
    save_model(tmp_path / "chinese", model, CHINESE, "# 中文\n")
    return tmp_path / "chinese"


def test_both_languages_are_read_with_one_encoder(english: Path, chinese: Path) -> None:
    assert languages_of(english) == ("en",)
    assert add_language(english, chinese) == english / "zh"
    assert languages_of(english) == ("en", "zh")

    alone, words = read_model(chinese)
    model, _ = read_model(english)
    added, own_words = read_language(english, "zh", model)
    assert added.encoder is model.encoder
    assert own_words == words == CHINESE
    assert added.config == alone.config
    images, captions = torch.randn(2, 3, 64, 64), torch.randint(0, len(CHINESE), (2, 5))
    with torch.no_grad():
        torch.testing.assert_close(added(images, captions), alone(images, captions))


def test_the_added_folder_has_no_second_encoder_and_a_card(english: Path, chinese: Path) -> None:
    inside = add_language(english, chinese)
    weights = load_file(inside / "model.safetensors")
    assert sum(t.numel() for t in weights.values()) == sum(
        p.numel() for p in read_model(chinese)[0].decoder.state_dict().values()
    )
    assert (inside / "README.md").read_text() == "# 中文\n"
    config = json.loads((inside / "config.json").read_text())
    assert not {"encoder", "preprocessing"} & config.keys()


def test_a_language_is_replaced_by_a_better_one(english: Path, chinese: Path) -> None:
    add_language(english, chinese)
    path = chinese / "model.safetensors"
    weights = load_file(path)
    name = next(n for n in weights if n.startswith("decoder."))
    weights[name] = weights[name] + 1
    save_file(weights, path)
    add_language(english, chinese)
    added, _ = read_language(english, "zh", read_model(english)[0])
    state = added.decoder.state_dict()
    torch.testing.assert_close(state[name.removeprefix("decoder.")], weights[name].float())


def test_another_encoder_is_refused(english: Path, chinese: Path) -> None:
    path = chinese / "model.safetensors"
    weights = load_file(path)
    name = next(n for n in weights if n.startswith("encoder."))
    weights[name] = weights[name] + 0.01
    save_file(weights, path)
    with pytest.raises(ModelError, match="has another encoder than"):
        add_language(english, chinese)
    assert languages_of(english) == ("en",)


def test_another_size_of_photos_is_refused(english: Path, chinese: Path) -> None:
    path = chinese / "config.json"
    config = json.loads(path.read_text())
    config["preprocessing"]["size"] = 96
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match="has another encoder than"):
        add_language(english, chinese)


def test_the_same_language_is_refused(english: Path) -> None:
    with pytest.raises(ModelError, match="write the same language, 'en'"):
        add_language(english, english)


def test_the_folder_inside_is_no_model_of_its_own(english: Path, chinese: Path) -> None:
    inside = add_language(english, chinese)
    for read in (read_config, read_model):
        with pytest.raises(ModelError, match="give the model folder that it lies in"):
            read(inside)


@pytest.mark.parametrize("name", ["model.safetensors", "vocabulary.json"])
def test_what_is_missing_inside_is_named(english: Path, chinese: Path, name: str) -> None:
    (add_language(english, chinese) / name).unlink()
    with pytest.raises(ModelError, match=f"zh.{name} is missing"):
        read_language(english, "zh", read_model(english)[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"language": "en"}, "is for the language 'en', not 'zh'"),
        ({"vocabulary_size": 3}, "the model was made for 3"),
        ({"decoder": {"hidden_size": 41, "heads": 4}}, r"heads|does not match its configuration"),
        ({"decoder": None}, "decoder: expected a table, found None"),
        ({"tokens": 3}, "unknown key 'tokens'"),
        ({"format_version": 99}, "please update captioner"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    english: Path, chinese: Path, change: dict[str, object], said: str
) -> None:
    path = add_language(english, chinese) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=said):
        read_language(english, "zh", read_model(english)[0])
