"""`Captioner` on a tiny model with random weights: what holds whatever the weights are."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import captioner
from captioner import Captioner, pipeline
from captioner.errors import ImageError, ModelError, OptionError
from captioner.model import CaptioningModel, save_model
from captioner.text import END, START, Vocabulary


@pytest.fixture
def tiny(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> Captioner:
    """In float32, where sums and batches can be compared closely."""
    monkeypatch.setattr(pipeline, "has_bfloat16", lambda device: False)
    return Captioner(copy.deepcopy(tiny_model), vocabulary, "tiny", "cpu")


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)) for _ in range(5)]


def test_the_log_probability_is_that_of_the_sentence(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    caption = tiny.caption(photos[0], max_length=5, beam=4)
    words = tiny.vocabulary.encode(caption.tokens)
    ended = words if len(caption.tokens) < 5 else words[:-1]
    from captioner.images import to_batch

    with torch.no_grad():
        images = to_batch([photos[0]], tiny.model.config.preprocessing)
        log_probs = tiny.model(images, torch.tensor([ended])).log_softmax(2)[0]
    total = sum(float(log_probs[t, word]) for t, word in enumerate(ended[1:]))
    assert caption.log_prob == pytest.approx(total, abs=1e-4)
    assert (words[0], words[-1]) == (START, END)


def test_a_batch_gives_what_each_photo_alone_gives(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    together = tiny.caption_batch(photos)
    alone = [tiny.caption(photo) for photo in photos]
    assert [c.text for c in together] == [c.text for c in alone]


def test_the_best_sentence_does_not_depend_on_how_many_are_asked_for(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    one, five = tiny.caption(photos[0]), tiny.caption(photos[0], top=5)
    assert five.text == one.text
    texts = [c.text for c in (five, *five.alternatives)]
    assert len(set(texts)) == len(texts) >= 3


def test_attention_is_a_map_a_word(tiny: Captioner, photos: list[Image.Image]) -> None:
    caption = tiny.caption(photos[0], attention=True, max_length=4)
    assert caption.attention is not None
    assert caption.attention.shape == (len(caption.tokens), 2, 2)
    sums = caption.attention.sum((1, 2))
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=0.02)


def test_words_to_avoid_never_appear(tiny: Captioner, photos: list[Image.Image]) -> None:
    caption = tiny.caption(photos[0], max_length=6)
    unwanted = caption.tokens[0]
    avoided = tiny.caption_batch(photos, avoid=[unwanted.upper(), "unheard-of"], max_length=6)
    assert all(unwanted not in c.tokens for c in avoided)


def test_special_tokens_never_appear(tiny: Captioner, photos: list[Image.Image]) -> None:
    for caption in tiny.caption_batch(photos, top=3):
        assert not any("<" in c.text for c in (caption, *caption.alternatives))


def test_sampling_repeats_with_its_seed(tiny: Captioner, photos: list[Image.Image]) -> None:
    options = {"sampling": True, "temperature": 1.5, "top": 3}
    first, again, other = (tiny.caption_batch(photos, seed=seed, **options) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_one_bad_photo_does_not_stop_the_others(
    tiny: Captioner, photos: list[Image.Image], tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_text("text")
    photos[0].save(tmp_path / "good.png")
    names = [tmp_path / name for name in ("good.png", "bad.jpg", "good.png", "none.jpg")]
    results = list(tiny.caption_each(names, batch=3))
    assert [photo for photo, _ in results] == names
    assert isinstance(results[1][1], ImageError)
    assert isinstance(results[3][1], ImageError)
    good = tiny.caption(tmp_path / "good.png").text
    texts = [c.text for _, c in results if not isinstance(c, ImageError)]
    assert texts == [good, good]


def test_no_photos_give_no_captions(tiny: Captioner) -> None:
    assert tiny.caption_batch([]) == []
    assert list(tiny.caption_each([])) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beam": 0}, "beam must be 1 or more"),
        ({"max_length": 0}, "max_length must be 1 or more"),
        ({"sampling": True, "temperature": 0}, "temperature must be greater than 0"),
        ({"beams": 3}, "beams"),
        ({"temperature": 1.0}, "temperature"),
    ],
)
def test_an_option_out_of_range_is_explained(
    tiny: Captioner, photos: list[Image.Image], options: dict[str, object], said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        tiny.caption(photos[0], **options)


def test_models_are_found_by_name_or_path(
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("b", "a"):
        save_model(tmp_path / name, tiny_model, vocabulary, "")
    (tmp_path / "not-a-model").mkdir()
    monkeypatch.setattr(pipeline, "weights_folder", lambda: tmp_path)
    assert captioner.available_models() == ["a", "b"]
    assert captioner.load_model("a").name == "a"
    assert captioner.load_model(tmp_path / "b").name == "b"
    with pytest.raises(ModelError, match="no model named 'c'; installed: a, b"):
        captioner.load_model("c")


@pytest.fixture
def two_languages(
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Three installed models; only the last but one writes Chinese."""
    chinese = copy.deepcopy(tiny_model)
    chinese.config = replace(tiny_model.config, language="zh", unit="character")
    for name, model in (("a-en", tiny_model), ("b-zh", chinese), ("c-en", tiny_model)):
        words = Vocabulary.build(["一只狗在T恤上"]) if model is chinese else vocabulary
        save_model(tmp_path / name, model, words, "")
    monkeypatch.setattr(pipeline, "weights_folder", lambda: tmp_path)
    monkeypatch.setattr(pipeline, "DEFAULT_MODEL", "c-en")
    return tmp_path


def test_a_language_finds_the_model_that_writes_it(two_languages: Path) -> None:
    assert captioner.load_model(language="zh").name == "b-zh"
    assert captioner.load_model(language="en").name == "c-en"  # the default one before any other
    assert captioner.load_model().name == "c-en"
    assert captioner.load_model("a-en", language="en").name == "a-en"


def test_a_language_that_no_model_writes_is_answered_with_what_there_is(
    two_languages: Path,
) -> None:
    with pytest.raises(ModelError, match=r"No installed model writes 'fr'; installed: c-en \(en\)"):
        captioner.load_model(language="fr")
    with pytest.raises(ModelError, match=r"'a-en' writes English \(en\), not Chinese \(zh\)\.$"):
        captioner.load_model("a-en", language="zh")
    shutil.rmtree(two_languages / "b-zh")
    said = r"^No installed model writes Chinese \(zh\); installed: c-en \(en\), a-en \(en\)\.$"
    with pytest.raises(ModelError, match=said):
        captioner.load_model(language="zh")


def test_chinese_is_written_without_spaces_and_avoided_as_it_is_written(
    two_languages: Path, photos: list[Image.Image]
) -> None:
    model = captioner.load_model(language="zh")
    caption = model.caption(photos[0], min_length=4, max_length=4)
    assert len(caption.tokens) == 4
    assert caption.text == "".join(caption.tokens)
    best = model.caption(photos[0], max_length=2, top=4, avoid=list("一只在T恤上"))
    assert {token for c in (best, *best.alternatives) for token in c.tokens} == {"狗"}


def test_importing_captioner_stays_light() -> None:
    import subprocess
    import sys

    heavy = ("gradio", "nltk", "pandas", "jieba", "matplotlib", "tensorboard")
    alone = ("jinja2", "PIL.AvifImagePlugin")
    for package, more in (("captioner", alone), ("captioner.training", ())):
        code = f"import sys, {package}; print([m for m in {heavy + more} if m in sys.modules])"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
