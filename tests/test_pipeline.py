"""`Captioner` on a tiny model with random weights: what holds whatever the weights are."""

import copy
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import captioner
from captioner import Caption, Captioner, CaptionOptions, installed, pipeline
from captioner.captioning import Word
from captioner.decoding import BeamOptions
from captioner.errors import ImageError, ModelError, OptionError
from captioner.images import to_batch
from captioner.model import CaptioningModel, add_language, save_model
from captioner.text import END, NEVER_WRITTEN, START, Vocabulary


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


def with_decoder(model: CaptioningModel, **changes: Any) -> CaptioningModel:
    """A model with random weights and another decoder."""
    torch.manual_seed(0)
    config = model.config
    return CaptioningModel(replace(config, decoder=replace(config.decoder, **changes))).eval()


def test_the_log_probability_is_that_of_the_sentence(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    caption = tiny.caption(photos[0], max_length=5, beam=4, words=True)
    words = tiny.vocabulary.encode(caption.tokens)
    ended = words if len(caption.tokens) < 5 else words[:-1]
    with torch.no_grad():
        images = to_batch([photos[0]], tiny.model.config.preprocessing)
        log_probs = tiny.model(images, torch.tensor([ended])).log_softmax(2)[0]
    each = [float(log_probs[t, word]) for t, word in enumerate(ended[1:])]
    assert caption.log_prob == pytest.approx(sum(each), abs=1e-4)
    assert (words[0], words[-1]) == (START, END)
    assert [math.log(own.probability) for own in caption.words] == pytest.approx(each, abs=1e-4)
    for own, step in zip(caption.words, log_probs.exp(), strict=False):
        step[list(NEVER_WRITTEN)] = 0
        assert [p for _, p in own.likeliest] == pytest.approx(step.topk(5).values.tolist())


def test_a_sentence_can_go_on_from_a_beginning(tiny: Captioner, photos: list[Image.Image]) -> None:
    own = tiny.caption(photos[0], beam=4, max_length=6, search=True)
    assert own.tokens in {branch.words for step in own.search for branch in step if branch.kept}
    for begin in (own.tokens[:2], ("red", "ball")):
        found = tiny.caption(photos[0], beam=4, max_length=6, begin=begin, top=3, search=True)
        for one in (found, *found.alternatives):
            assert one.tokens[:2] == begin
        assert {branch.words[:2] for step in found.search for branch in step} == {begin}
    for begin, options in (
        (("unheard-of",), {}),
        (("a",), {"max_length": 1}),
        (("a",), {"seed": 1}),
    ):
        with pytest.raises(OptionError):
            tiny.caption(photos[0], begin=begin, **options)


def test_certainty_is_of_the_words_that_tell_what_is_there() -> None:
    def certainty(*words: tuple[str, float], ended: bool = True) -> float | None:
        told = tuple(Word(text, probability, ()) for text, probability in words)
        tokens = tuple(own.text for own in told)
        end = (Word("", 0.01, ()),) if ended else ()
        return Caption("", tokens, -1.0, -1.0, words=told + end, language="en").certainty

    assert certainty(("a", 0.9), ("dog", 0.2), ("runs", 0.8)) == pytest.approx(0.4)
    assert certainty(("the", 0.1), ("dog", 0.2), ("runs", 0.8)) == pytest.approx(0.4)
    assert certainty(("dog", 0.0)) == pytest.approx(0, abs=1e-9)
    assert certainty(("a", 0.9)) is None  # such a sentence says nothing that could be wrong
    assert certainty(("dog", 0.2), ended=False) is None  # cut off, by a limit of one word, say
    assert Caption("a dog", ("a", "dog"), -1.0, -1.0, language="en").certainty is None


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


@pytest.mark.parametrize("cell", ["lstm", "lstm_peephole", "lstm_coupled", "grid_lstm"])
def test_a_trace_equals_a_run_step_by_step(
    cell: str,
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    photos: list[Image.Image],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "has_bfloat16", lambda device: False)
    model = Captioner(with_decoder(tiny_model, cell=cell, layers=2), vocabulary, device="cpu")
    features, grid = model.encode(to_batch(photos, model.model.config.preprocessing))
    torch.manual_seed(1)
    captions = model.describe(features, grid, trace=True, temperature=1.0)
    assert len({len(caption.tokens) for caption in captions}) > 1  # some rows are padded
    decoder = model.model.decoder
    for row, caption in enumerate(captions):
        trace, state = caption.trace, decoder.start(features[row : row + 1])
        assert trace is not None
        parts = (trace.input, trace.forget, trace.output, trace.cell)
        assert {part.shape for part in parts} == {(len(caption.tokens), 2, 32)}
        for t, word in enumerate(vocabulary.encode(caption.tokens)[:-2]):
            before = state.recurrent
            x = decoder.embedding[word] + state.summary[0]
            _, state = decoder.step(torch.tensor([word]), state)
            gates = decoder.cell.trace(x.unsqueeze(0), before)  # of this step alone
            for layer in range(2):
                for part, right in zip(parts, gates[layer], strict=True):
                    torch.testing.assert_close(part[t, layer], right[0, 0], rtol=0, atol=1e-5)
                h, c = state.recurrent[2 * layer : 2 * layer + 2]
                torch.testing.assert_close(trace.cell[t, layer], c[0], rtol=0, atol=1e-5)
                o = trace.output[t, layer]
                shown = torch.tanh(o * c[0]) if cell == "grid_lstm" else o * torch.tanh(c[0])
                torch.testing.assert_close(shown, h[0], rtol=0, atol=1e-5)


@pytest.fixture
def bilingual(
    tmp_path: Path,
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A model folder with a decoder that writes English and another that writes Chinese."""
    monkeypatch.setattr(pipeline, "has_bfloat16", lambda device: False)
    save_model(tmp_path / "both", tiny_model, vocabulary, "# Tiny\n")
    words = Vocabulary.build([["一只", "狗", "在", "草地", "上", "奔跑"]])
    config = replace(tiny_model.config, language="zh", vocabulary_size=len(words))
    torch.manual_seed(3)
    chinese = CaptioningModel(config).eval()
    chinese.encoder.load_state_dict(tiny_model.encoder.state_dict())
    save_model(tmp_path / "chinese", chinese, words, "# 中文\n")
    add_language(tmp_path / "both", tmp_path / "chinese")
    return tmp_path / "both"


def test_two_languages_are_those_of_two_models(bilingual: Path, photos: list[Image.Image]) -> None:
    model = captioner.load_model(bilingual)
    chinese = captioner.load_model(bilingual.parent / "chinese")
    assert (model.language, model.languages) == ("en", ("en", "zh"))
    both = list(model.caption_each(photos, languages=["zh", "en"], top=2))
    assert [photo for photo, _ in both] == [photo for photo in photos for _ in range(2)]
    captions = [own for _, own in both if isinstance(own, Caption)]
    assert [own.language for own in captions] == ["zh", "en"] * len(photos)
    for language, alone in (("en", model), ("zh", chinese)):
        found = [own for own in captions if own.language == language]
        expected = alone.caption_batch(photos, top=2)
        assert [own.text for own in found] == [own.text for own in expected]
        for own, right in zip(found, expected, strict=True):
            assert own.log_prob == pytest.approx(right.log_prob, abs=1e-3)


def test_two_languages_encode_once(
    bilingual: Path, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = captioner.load_model(bilingual)
    seen = []
    model.model.encoder.register_forward_hook(lambda *_: seen.append(1))
    list(model.caption_each(photos, languages=["en", "zh"]))
    assert seen == [1]
    chinese = model.in_language("zh")
    assert chinese.in_language("en") is model
    assert model.in_language("zh") is chinese
    assert chinese.model.encoder is model.model.encoder
    assert (chinese.name, chinese.language, chinese.languages) == ("both", "zh", ("en", "zh"))


def test_a_bad_photo_is_paired_with_its_error_in_several_languages(
    bilingual: Path, photos: list[Image.Image]
) -> None:
    model = captioner.load_model(bilingual, language="zh")
    assert model.language == "zh"
    found = list(model.caption_each([photos[0], b"no photo"], languages=["en", "zh"]))
    assert [photo for photo, _ in found] == [photos[0], photos[0], b"no photo"]
    assert [getattr(own, "language", None) for _, own in found] == ["en", "zh", None]
    assert isinstance(found[2][1], ImageError)
    with pytest.raises(ModelError, match=r"'both' writes English \(en\), Chinese \(zh\), not 'fr'"):
        next(model.caption_each(photos, languages=["fr"]))


def test_the_installed_model_that_writes_a_language_is_found(
    bilingual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(bilingual.parent / "chinese")
    monkeypatch.setattr(installed, "weights_folder", lambda: bilingual.parent)
    assert captioner.available_models() == ["both"]
    assert captioner.load_model(language="zh").language == "zh"
    with pytest.raises(ModelError, match=r"writes 'fr'; installed: both \(en, zh\)\."):
        captioner.load_model(language="fr")


@pytest.fixture
def bidirectional(
    tiny_model: CaptioningModel, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> Captioner:
    monkeypatch.setattr(pipeline, "has_bfloat16", lambda device: False)
    return Captioner(with_decoder(tiny_model, kind="bidirectional"), vocabulary, device="cpu")


def alone(model: Captioner, side: str) -> Captioner:
    """One direction of a bidirectional model, as a model that knows nothing of directions."""
    config = model.model.config
    config = replace(config, decoder=replace(config.decoder, kind="forward"))
    one = CaptioningModel(config)
    one.encoder = copy.deepcopy(model.model.encoder)
    one.decoder.load_state_dict(getattr(model.model.decoder, side).state_dict(), strict=False)
    return Captioner(one.eval(), model.vocabulary, device="cpu")


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {"top": 3, "length_penalty": 0.0},
    "constrained": {"top": 2, "max_length": 4, "no_repeat_ngram": 1, "avoid": ["dog"]},
    "sampled": {"top": 1, "seed": 26, "temperature": 2.0},
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_likelier_sentence_of_both_directions_wins(bidirectional: Captioner, kind: str) -> None:
    options, grid = OPTIONS[kind], (2, 2)
    longest = options.get("max_length", 20)
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(12, 4, bidirectional.model.encoder.width, generator=generator)
    asked = bidirectional._in_tokens(CaptionOptions(**options))
    ahead, back = (
        alone(bidirectional, side)._search(features, asked) for side in ("ahead", "back")
    )
    words = bidirectional.vocabulary.decode
    winners = set()
    for row, caption in enumerate(bidirectional.describe(features, grid, **options)):
        one, other = (
            [(h.score, words(h.tokens)[::step], h.log_prob, h.unlikely) for _, h in own]
            for own, step in ((ahead[row], 1), (back[row], -1))
        )

        def rank(own: tuple[float, tuple[str, ...], float, bool]) -> tuple[bool, bool, float]:
            score, tokens, _, unlikely = own
            return len(tokens) < longest, not unlikely, score

        if kind == "sampled":  # one draw each
            right = [max(*one, *other, key=rank)]
        else:
            by_words = {own[1]: own for own in sorted((*one, *other), key=rank)}
            right = sorted(by_words.values(), key=rank, reverse=True)[: options["top"]]
        captions = (caption, *caption.alternatives)
        assert [c.tokens for c in captions] == [tokens for _, tokens, _, _ in right]
        for own, (score, _, log_prob, _) in zip(captions, right, strict=True):
            assert (own.score, own.log_prob) == pytest.approx((score, log_prob), abs=1e-4)
        if kind == "constrained":
            assert all(len(c.tokens) <= 4 for c in captions)
            assert all(len(set(c.tokens)) == len(c.tokens) for c in captions)
            assert not any("dog" in c.tokens for c in captions)
        winners.add(right[0] in other)
    assert winners == {True, False}


def test_a_phrase_that_is_required_is_written_in_both_directions(bidirectional: Captioner) -> None:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(12, 4, bidirectional.model.encoder.width, generator=generator)
    phrase = tuple(bidirectional.vocabulary.encode(["red", "dog", "ball"])[1:-1])
    chosen = bidirectional._search(features, BeamOptions(require=(phrase,), max_length=5))
    assert {choices[0].decoder for choices in chosen} == {0, 1}
    for choices in chosen:
        assert "red dog ball" in " ".join(
            bidirectional.vocabulary.decode(choices[0].hypothesis.tokens)
        )


@pytest.mark.parametrize("side", ["ahead", "back"])
def test_attention_and_trace_are_those_of_the_winning_direction(
    bidirectional: Captioner, photos: list[Image.Image], side: str
) -> None:
    both = bidirectional.model.decoder
    own, other = (both.ahead, both.back) if side == "ahead" else (both.back, both.ahead)
    with torch.no_grad():  # the other direction never ends, so that its captions are cut off
        own.output_projection.bias[END], other.output_projection.bias[END] = 3, -1e4
    features, grid = bidirectional.encode(
        to_batch(photos, bidirectional.model.config.preprocessing)
    )
    asked = {"attention": True, "trace": True, "min_length": 3, "max_length": 6}
    step = 1 if side == "ahead" else -1
    right = alone(bidirectional, side).describe(features, grid, **asked)
    for caption, own in zip(bidirectional.describe(features, grid, **asked), right, strict=True):
        assert caption.tokens == own.tokens[::step]
        assert caption.attention is not None
        assert own.attention is not None
        assert caption.trace is not None
        assert own.trace is not None
        turned = own.attention if step == 1 else own.attention.flip(0)
        torch.testing.assert_close(caption.attention, turned, rtol=0, atol=1e-5)
        for name in ("input", "forget", "output", "cell"):
            expected = getattr(own.trace, name)
            expected = expected if step == 1 else expected.flip(0)
            torch.testing.assert_close(getattr(caption.trace, name), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("cell", "trace"), [("gru", True), ("rnn", True), ("lstm", False)])
def test_there_is_no_trace_without_an_lstm_or_unasked(
    cell: str,
    trace: bool,
    tiny_model: CaptioningModel,
    vocabulary: Vocabulary,
    photos: list[Image.Image],
) -> None:
    model = Captioner(with_decoder(tiny_model, cell=cell), vocabulary, device="cpu")
    assert model.caption(photos[0], trace=trace).trace is None


def test_options_are_given_whole_or_one_by_one(tiny: Captioner, photos: list[Image.Image]) -> None:
    whole = CaptionOptions(beam=5, top=3, max_length=6)
    expected = tiny.caption(photos[0], whole)
    assert len((expected, *expected.alternatives)) == 3
    assert tiny.caption(photos[0], beam=5, top=3, max_length=6) == expected
    assert tiny.caption(photos[0], CaptionOptions(beam=5, top=3), max_length=6) == expected
    assert tiny.caption_batch(photos[:1], whole) == [expected]
    assert list(tiny.caption_each(photos[:1], whole)) == [(photos[0], expected)]


@pytest.mark.parametrize("model", ["tiny", "bidirectional"])
def test_a_phrase_to_avoid_never_appears_whole(
    model: str, photos: list[Image.Image], request: pytest.FixtureRequest
) -> None:
    captioner = request.getfixturevalue(model)
    options = {"max_length": 6, "min_length": 4}
    for search in ({"beam": 3}, {"seed": 1}):
        for caption in captioner.caption_batch(photos, **options, **search):
            phrase = " ".join(caption.tokens[1:3])
            (other,) = captioner.caption_batch(photos[:1], avoid=[phrase.upper()], **options)
            assert phrase not in " ".join(other.tokens)
            longer = f"{caption.tokens[0]} unheard-of"
            assert captioner.caption(photos[0], avoid=longer, **options).text == (
                captioner.caption(photos[0], **options).text
            )


def test_a_string_is_one_phrase_and_never_letters(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    assert "grass near" in tiny.caption(photos[0], require="grass near").text
    options = {"max_length": 6, "min_length": 3}
    best = tiny.caption(photos[0], **options)
    assert tiny.caption(photos[0], avoid="a", **options) == (
        tiny.caption(photos[0], avoid=["a"], **options)
    )
    assert best.tokens[0] not in tiny.caption(photos[0], avoid=best.tokens[0], **options).tokens


@pytest.mark.parametrize("model", ["tiny", "bidirectional"])
def test_draws_come_in_the_order_of_their_score(
    model: str, photos: list[Image.Image], request: pytest.FixtureRequest
) -> None:
    captioner = request.getfixturevalue(model)
    for caption in captioner.caption_batch(photos, top=8, seed=1, max_length=30):
        scores = [own.score for own in (caption, *caption.alternatives)]
        assert scores == sorted(scores, reverse=True)


def test_a_seed_gives_a_photo_the_same_draws_in_any_company(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    options = CaptionOptions(seed=4, temperature=2.0, top=3)
    together = tiny.caption_batch(photos, options)
    alone = [tiny.caption(photo, options) for photo in photos]
    assert [c.text for c in together] == [c.text for c in alone]


def test_words_to_avoid_never_appear(tiny: Captioner, photos: list[Image.Image]) -> None:
    caption = tiny.caption(photos[0], max_length=6)
    unwanted = caption.tokens[0]
    avoided = tiny.caption_batch(photos, avoid=[unwanted.upper(), "unheard-of"], max_length=6)
    assert all(unwanted not in c.tokens for c in avoided)


def test_special_tokens_never_appear(tiny: Captioner, photos: list[Image.Image]) -> None:
    for caption in tiny.caption_batch(photos, top=3):
        assert not any("<" in c.text for c in (caption, *caption.alternatives))


def test_sampling_repeats_with_its_seed(tiny: Captioner, photos: list[Image.Image]) -> None:
    options = {"temperature": 1.5, "top": 3}
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


def test_a_verb_that_is_gone_names_the_one_in_its_place(tiny: Captioner) -> None:
    with pytest.raises(AttributeError, match=r"gone: caption_each\(photos, languages"):
        tiny.caption_in  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(tiny, "anything_else")


def test_no_photos_give_no_captions(tiny: Captioner) -> None:
    assert tiny.caption_batch([]) == []
    assert list(tiny.caption_each([])) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beam": 0}, "beam must be a whole number from 1 to 10, not 0"),
        ({"max_length": 0}, "max_length must be a whole number from 1 to 30, not 0"),
        ({"temperature": 0}, "temperature must be a number from 0.01 to 100, not 0"),
        ({"beams": 3}, "There is no option 'beams'; there is: beam, top, "),
        ({"include": ["dog"]}, "There is no option 'include'; there is: require"),
        ({"sampling": True}, "There is no option 'sampling'; there is: temperature"),
        ({"beam": 3, "temperature": 1.0}, "beam goes with beam search, temperature with"),
        ({"options": {"beam": 3}}, "must be CaptionOptions, not an object"),
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
    monkeypatch.setattr(installed, "weights_folder", lambda: tmp_path)
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
    monkeypatch.setattr(installed, "weights_folder", lambda: tmp_path)
    monkeypatch.setattr(installed, "DEFAULT_MODEL", "c-en")
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


def test_words_that_must_appear_do(tiny: Captioner, photos: list[Image.Image]) -> None:
    asked = ["ball", "Grass near"]
    for caption in tiny.caption_batch(photos, require=asked, max_length=8):
        assert "ball" in caption.tokens
        assert "grass near" in caption.text


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"require": ["dog", "xylophone"]}, "xylophone"),
        ({"require": [" "]}, "require"),
        ({"require": ["dog"], "avoid": ["dog"]}, "avoid"),
        ({"require": ["a red dog"], "avoid": ["red dog"]}, "avoid"),
        ({"require": ["dog"], "seed": 1}, "require"),
    ],
)
def test_words_that_cannot_appear_are_named(
    options: dict, word: str, tiny: Captioner, photos: list[Image.Image]
) -> None:
    with pytest.raises(OptionError, match=word):
        tiny.caption(photos[0], **options)


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


def test_the_maps_of_alternatives_are_those_of_their_own_words_and_photo(
    tiny: Captioner, photos: list[Image.Image]
) -> None:
    features, grid = tiny.encode(to_batch(photos, tiny.model.config.preprocessing))
    # A network with random weights sees all photos nearly alike.
    features = torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    captions = tiny.describe(features, grid, top=4, beam=4, attention=True, min_length=2)

    for row, caption in enumerate(captions):
        assert len(caption.alternatives) == 3
        for other in caption.alternatives:
            words = torch.tensor([tiny.vocabulary.encode(other.tokens)])
            with torch.inference_mode():
                maps = tiny.model.decoder.attention_maps(features[row : row + 1], words)[0]
            expected = maps[: len(other.tokens)].unflatten(1, grid)
            assert other.attention is not None
            torch.testing.assert_close(other.attention, expected, rtol=0, atol=1e-5)
