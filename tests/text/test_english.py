"""The English tokenizer against hand-worked examples and against the scorer's own tokenizer."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.text.english import detokenize, tokenize

SHARED = Path(os.environ.get("CAPTIONER_SHARED", Path(__file__).resolve().parents[3] / "shared"))

EXAMPLES = {
    "A man's dog isn't here; he cannot go.": "a man 's dog is n't here he can not go",
    "They're, we've, I'd, you'll, I'm": "they 're we 've i 'd you 'll i 'm",
    "Don’t take the girl’s hat": "do n't take the girl 's hat",
    "the boys' toys and 'quoted words'": "the boys toys and quoted words",
    "gonna wanna gotta lemme gimme, wannabe": "gon na wan na got ta lem me gim me wannabe",
    "'Tis ma'am o'clock o'neil 'em rock 'n' roll": ("'t is ma'am o'clock o'neil 'em rock 'n' roll"),
    "y'all in the '80s, the 1980's": "y' all in the '80s the 1980 's",
    "a well-dressed 3-year-old in a T-shirt.": "a well-dressed 3-year-old in a t-shirt",
    "jumping -- falling - a dog--cat ... end...": "jumping falling a dog cat end",
    "3,000 or 1/2 or 2 ½ or $3.50 or 50% at 10:30pm": (
        "3,000 or 1/2 or 2 1/2 or $ 3.50 or 50 % at 10:30 pm"
    ),
    "-5 +5 .5 5th 4x4 5'10\"": "-5 +5 .5 5th 4x4 5 10",
    "Mr. Smith of St. Paul, U.S., at 5 p.m. in the D.C. area.": (
        "mr. smith of st. paul u.s. at 5 p.m. in the d.c. area"
    ),
    "A dog sat. A man with no. 5 says no.": "a dog sat a man with no. 5 says no",
    "Mass. is not a mass. and Ill. is not ill.": "mass. is not a mass and ill. is not ill",
    "John F. Kennedy has vitamin C. The end": "john f. kennedy has vitamin c the end",
    "a dog (brown) [sic] {x}": "a dog -lrb- brown -rrb- -lsb- sic -rsb- -lcb- x -rcb-",
    "Stop! Stop!! What?! Why? go:now": "stop stop !! what ?! why go now",
    "and/or w/o his/her cat/": "and/or w/o his/her cat /",
    "AT&T and R&B and a&b &amp; #1 #tag @home": "at&t and r&b and a & b & # 1 #tag @home",
    "see http://x.com/a?b=c or www.x.com or me@x.com": (
        "see http://x.com/a?b=c or www.x.com or me@x.com"
    ),
    "end of one.Start of next, photo.jpg": "end of one.start of next photo.jpg",
    "Café crème-brûlée “naïve” 日本語": "café crème-brûlée naïve 日本語",
    "a dog 😀 here": "a dog here",
    " \t\n ": "",
    "": "",
    "... -- ' \" . , ; : ! ?": "",
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_tokens_are_the_scorers(text: str) -> None:
    assert tokenize(text) == EXAMPLES[text].split()


@settings(deadline=None)
@given(st.text())
def test_any_text_gives_lower_case_tokens_without_white_space(text: str) -> None:
    for token in tokenize(text):
        assert token.split() == [token]
        assert token == token.lower()


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True).filter(str.isascii)))
def test_plain_words_are_kept_one_for_one(words: list[str]) -> None:
    fused = {"cannot", "gonna", "wanna", "gotta", "lemme", "gimme"}
    words = [word for word in words if word not in fused]
    assert tokenize(" ".join(words)) == words


@pytest.mark.parametrize(
    "pattern", ["a,", "a.", "a-", "a'", "a:", "a", "<a", "a/", "1,", "-1", "a@", "ye'", "(", "5 "]
)
def test_time_is_linear_in_the_length_of_a_hostile_text(pattern: str) -> None:
    start = time.perf_counter()
    tokenize(pattern * 20_000)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["the", "man", "'s", "dog", "is", "n't", "here"], "the man's dog isn't here"),
        (["they", "'re", "here"], "they're here"),
        (["can", "not", "go"], "can not go"),
        (["'s", "dog"], "'s dog"),
        (["a", "dog", "-lrb-", "brown", "-rrb-"], "a dog ( brown )"),
        ([], ""),
    ],
)
def test_detokenize_writes_readable_text(tokens: list[str], text: str) -> None:
    assert detokenize(tokens) == text


def _shared_captions() -> Iterator[str]:
    for line in (SHARED / "flickr8k" / "Flickr8k.token.txt").read_text("utf-8").splitlines():
        yield line.split("\t")[1]
    for name in ["coco_extra/captions_en.json", "coco_thumbs/captions_en.json"]:
        document = json.loads((SHARED / name).read_text("utf-8"))
        yield from (annotation["caption"] for annotation in document["annotations"])
    (mini,) = (SHARED / "coco_mini" / "annotations").glob("captions_*.json")
    yield from (a["caption"] for a in json.loads(mini.read_text("utf-8"))["annotations"])


def _reference_tokens(captions: list[str]) -> list[list[str]]:
    """pycocoevalcap's tokens, skipping the test where it or Java is absent."""
    if shutil.which("java") is None:
        pytest.skip("java, which the reference tokenizer runs on, is not installed")
    module = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer")
    tokenized = module.PTBTokenizer().tokenize(
        {index: [{"caption": caption}] for index, caption in enumerate(captions)}
    )
    return [tokenized[index][0].split() for index in range(len(captions))]


@pytest.fixture(scope="module")
def captions() -> list[str]:
    if not (SHARED / "flickr8k" / "Flickr8k.token.txt").exists():
        pytest.skip(f"the shared captions are not at {SHARED}; set CAPTIONER_SHARED to the folder")
    return list(_shared_captions())


def test_examples_are_what_the_reference_tokenizer_gives() -> None:
    texts = [text for text in EXAMPLES if text.strip()]
    assert [EXAMPLES[text].split() for text in texts] == _reference_tokens(texts)


def test_real_captions_get_the_reference_tokens(captions: list[str]) -> None:
    expected = _reference_tokens(captions)
    different = [
        caption
        for caption, tokens in zip(captions, expected, strict=True)
        if tokenize(caption) != tokens
    ]
    assert len(different) <= 0.0005 * len(captions), different[:20]


def test_detokenized_captions_tokenize_to_the_same_tokens(captions: list[str]) -> None:
    """So that a generated caption is scored with the very words the model chose."""
    changed = 0
    for caption in captions[::10]:
        tokens = tokenize(caption)
        changed += tokenize(detokenize(tokens)) != tokens
    assert changed <= 0.001 * len(captions[::10])
