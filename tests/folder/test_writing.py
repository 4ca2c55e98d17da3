"""How captions of a folder are written: in several languages, and with all options."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command import folder, rows
from conftest import MakePhotos

import captioner
from captioner import CaptionOptions
from captioner.model import CaptioningModel, add_language, save_model
from captioner.text import Vocabulary

PHOTOS = ("1.png", "2.png", "sub/3.png")


@pytest.fixture
def photos(tmp_path: Path, make_photos: MakePhotos) -> Path:
    make_photos(tmp_path / "photos", *PHOTOS)
    return tmp_path / "photos"


@pytest.fixture(scope="module")
def bilingual(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: CaptioningModel, vocabulary: Vocabulary
) -> Path:
    """A model folder with a decoder that writes English and another that writes Chinese."""
    home = tmp_path_factory.mktemp("languages")
    save_model(home / "both", tiny_model, vocabulary, "")
    words = Vocabulary.build([["一只", "狗", "在", "草地", "上", "奔跑"]])
    torch.manual_seed(3)
    config = replace(tiny_model.config, language="zh", vocabulary_size=len(words))
    chinese = CaptioningModel(config).eval()
    chinese.encoder.load_state_dict(tiny_model.encoder.state_dict())
    save_model(home / "chinese", chinese, words, "")
    add_language(home / "both", home / "chinese")
    return home / "both"


def test_a_photo_has_a_row_in_each_language(
    photos: Path, tmp_path: Path, bilingual: Path, float32: None
) -> None:
    out = tmp_path / "out.jsonl"
    arguments = (photos, "--model", bilingual, "--language", "en,zh")
    assert folder(*arguments, "-o", out).code == 0
    found = rows(out)
    assert [(row["image"], row["language"]) for row in found] == [
        (name, language) for name in PHOTOS for language in ("en", "zh")
    ]
    model = captioner.load_model(bilingual, "cpu")
    for row in found:
        alone = model.in_language(row["language"]).caption(photos / row["image"])
        assert row["caption"] == alone.text
    before = out.read_bytes()
    result = folder(*arguments, "-o", out)
    assert "0 captioned, 3 skipped, 0 failed" in result.stderr
    assert out.read_bytes() == before
    result = folder(photos, "--model", bilingual, "--language", "en", "-o", out)
    assert result.code == 2
    assert "was begun with language 'en,zh', not with language 'en'" in result.stderr


def test_texts_and_the_page_hold_all_languages_and_coco_results_one(
    photos: Path, tmp_path: Path, bilingual: Path
) -> None:
    arguments = (photos, "--model", bilingual, "--language", "zh,en")
    html = tmp_path / "page.html"
    assert folder(*arguments, "--sidecar", "--html", html).code == 0
    chinese, english = (photos / "1.txt").read_text(encoding="utf-8").splitlines()
    assert not chinese.isascii()
    assert english.isascii()
    page = html.read_text(encoding="utf-8")
    assert page.count('<p lang="zh">') == page.count('<p lang="en">') == len(PHOTOS)
    assert english in page
    result = folder(*arguments, "-o", tmp_path / "out.json")
    assert result.code == 2
    assert "out.json holds one caption of a photo: give one language." in result.stderr
    assert not (tmp_path / "out.json").exists()


def test_the_language_that_lacks_a_word_is_named(
    photos: Path, tmp_path: Path, bilingual: Path
) -> None:
    arguments = ("--model", bilingual, "--language", "en,zh", "--require", "ball")
    result = folder(photos, "-o", tmp_path / "out.jsonl", *arguments)
    assert result.code == 2
    assert "The model does not know the word 'ball' in Chinese (zh)." in result.stderr


def test_a_language_that_the_model_does_not_write_is_one_sentence(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    result = folder(photos, "--model", model, "--language", "en,zh", "-o", tmp_path / "o.jsonl")
    assert result.code == 2
    assert "The model 'tiny' writes English (en), not Chinese (zh)." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--beam", "5", "--top", "3"], CaptionOptions(beam=5, top=3)),
        (["--min-length", "4", "--max-length", "5"], CaptionOptions(min_length=4, max_length=5)),
        (
            ["--require", "ball", "--avoid", "a red", "--avoid", "dog"],
            CaptionOptions(require=["ball"], avoid=["a red", "dog"]),
        ),
        (
            ["--temperature", "2", "--top-k", "5", "--top-p", "0.9", "--seed", "3"],
            CaptionOptions(temperature=2, top_k=5, top_p=0.9, seed=3),
        ),
        (
            ["--length-penalty", "-1", "--no-repeat-ngram", "0", "--no-repeat-within", "0"],
            CaptionOptions(length_penalty=-1, no_repeat_ngram=0, no_repeat_within=0),
        ),
    ],
)
def test_photos_are_described_as_each_alone_and_never_gone_on_with_in_another_way(  # noqa: PLR0917
    photos: Path, tmp_path: Path, model: Path, float32: None, arguments: list[str],
    options: CaptionOptions,
) -> None:  # fmt: skip
    out = tmp_path / "out.jsonl"
    assert folder(photos, "-o", out, "--model", model, *arguments).code == 0
    alone = captioner.load_model(model, "cpu")
    for row in rows(out):
        expected = alone.caption(photos / row["image"], options)
        written = [own["caption"] for own in (row, *row.get("alternatives", ()))]
        assert written == [own.text for own in (expected, *expected.alternatives)]
    assert "3 skipped" in folder(photos, "-o", out, "--model", model, *arguments).stderr
    result = folder(photos, "-o", out, "--model", model)
    assert result.code == 2
    name = arguments[0].removeprefix("--").replace("-", "_")
    asked_for = "with sampling, not with beam 3" if options.is_sampling else f"with {name}"
    assert f"was begun {asked_for}" in result.stderr
