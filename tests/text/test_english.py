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
from odd_captions import odd_captions, our_tokens, reference_tokens

from captioner.text.english import detokenize, tokenize, with_articles

SHARED = Path(os.environ.get("CAPTIONER_SHARED", Path(__file__).resolve().parents[3] / "shared"))
NO_CAPTIONS = f"the shared captions are not at {SHARED}; set CAPTIONER_SHARED to the folder"
SEED = 2026

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
    "up to ....5 or ......5 metres": "up to 5 or .5 metres",
    "Jan.b and Jan.bc, no.5 and no. one": "jan. b and jan.bc no. 5 and no one",
    "‘’tis’ “quoted” rock ’n’ roll d’art": "`' tis quoted rock ’n’ roll d’art",
    "don`t show'till a B'day; ann't": "do n`t show 'till a b'day ann t",
    "<b> <a href='x'> <b c=d> a<b": "<b> <a href='x'> < b c =d > a < b",
    "caf&eacute; &quot;a&quot; AT&amp;T &hellip;": "caf&eacute; a at&t & hellip",
    "so\u00adft (555) 555-1234 a/b/c/d 3 1/2-inch": (
        "soft -lrb-555-rrb- 555-1234 a/b/c / d 3 1/2 inch"
    ),
    ":) :D ^_^ =( ;-) (x) >:(": ":-rrb- :d ^_^ =-lrb- ;--rrb- -lrb- x -rrb- >:-lrb-",
    "###  ** ----- \u200ba\u200b \x80 \x92 ¢5 £5": "### ** ----- a $ cents 5 # 5",
    "a.com/bc a.com/b A.com/bc x+y.com b@c.d, me@x.y.": (
        "a.com/bc a.com / b a.com / bc x+y.com b@c.d, me@x.y"
    ),
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
    "pattern",
    [
        *["a,", "a.", "a-", "a'", "a:", "a", "<a", "a/", "1,", "-1", "a@", "ye'", "(", "5 ", "(5"],
        *["555-", "http://", "www.a:", "www.a,", "+a", "1.a", "a&", "a.b-", "'", "~", "&amp;"],
        *["n't", "d'ab-", "o'c_", "1/2", "<!", "Mr.", " ", "<a ", "3 1/2 "],
    ],
)
def test_time_is_linear_in_the_length_of_a_hostile_text(pattern: str) -> None:
    start = time.process_time()
    tokenize(pattern * 20_000)
    assert time.process_time() - start < 5


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


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("a orange cat on an blanket", "an orange cat on a blanket"),
        ("an uniform and a umbrella", "a uniform and an umbrella"),
        ("a hour with a unusual user", "an hour with an unusual user"),
        ("an european holds a", "a european holds a"),
        ("a a dog an a", "a a dog a a"),
        ("", ""),
    ],
)
def test_articles_go_by_the_sound_of_the_word_behind(written: str, spelled: str) -> None:
    assert " ".join(with_articles(written.split())) == spelled


def _shared_captions() -> Iterator[str]:
    for line in (SHARED / "flickr8k" / "Flickr8k.token.txt").read_text("utf-8").splitlines():
        yield line.split("\t")[1]
    for name in ["coco_extra/captions_en.json", "coco_thumbs/captions_en.json"]:
        document = json.loads((SHARED / name).read_text("utf-8"))
        yield from (annotation["caption"] for annotation in document["annotations"])
    (mini,) = (SHARED / "coco_mini" / "annotations").glob("captions_*.json")
    yield from (a["caption"] for a in json.loads(mini.read_text("utf-8"))["annotations"])


@pytest.fixture(scope="module")
def captions() -> list[str]:
    """Every real English caption, none where they are absent."""
    if not (SHARED / "flickr8k" / "Flickr8k.token.txt").exists():
        return []
    return list(_shared_captions())


@pytest.fixture(scope="module")
def odd(captions: list[str]) -> list[str]:
    """Captions with every oddity that one may meet, half of them made of real ones if there are."""
    return odd_captions(SEED, 20_000, captions)


@pytest.fixture(scope="module")
def agreement(odd: list[str], captions: list[str]) -> dict[str, list[bool]]:
    """Which of EXAMPLES, the odd and the real captions have pycocoevalcap's tokens, in this order.

    All in one run of Java, which reads them as one text.
    """
    if shutil.which("java") is None:
        pytest.skip("java, which the reference tokenizer runs on, is not installed")
    pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer")
    parts = {"examples": [t for t in EXAMPLES if t.strip()], "odd": odd, "real": captions}
    texts = [text for part in parts.values() for text in part]
    pairs = zip(our_tokens(texts), reference_tokens(texts), strict=True)
    agreeing = iter([ours == theirs for ours, theirs in pairs])
    return {name: [next(agreeing) for _ in part] for name, part in parts.items()}


def _assert_agreement(texts: list[str], agreeing: list[bool]) -> None:
    different = [text for text, agrees in zip(texts, agreeing, strict=True) if not agrees]
    assert len(different) <= 0.0005 * len(texts), different[:20]


def test_examples_get_the_reference_tokens(agreement: dict[str, list[bool]]) -> None:
    assert all(agreement["examples"])


def test_odd_captions_get_the_reference_tokens(
    odd: list[str], agreement: dict[str, list[bool]]
) -> None:
    assert len(set(odd)) > 0.99 * len(odd)
    _assert_agreement(odd, agreement["odd"])


def test_real_captions_get_the_reference_tokens(
    captions: list[str], agreement: dict[str, list[bool]]
) -> None:
    if not captions:
        pytest.skip(NO_CAPTIONS)
    _assert_agreement(captions, agreement["real"])


@pytest.mark.parametrize(
    ("following", "tokens"),
    [
        ("A dog .", ["mary", "j"]),
        ("THEN", ["mary", "j"]),
        ("a dog .", ["mary", "j."]),
        ("Two dogs .", ["mary", "j."]),
        ("", ["mary", "j."]),
    ],
)
def test_text_behind_tells_an_initial_from_the_end_of_a_sentence(
    following: str, tokens: list[str]
) -> None:
    assert tokenize("Mary J.", following) == tokens


def test_detokenized_captions_tokenize_to_the_same_tokens(captions: list[str]) -> None:
    """So that a generated caption is scored with the very words the model chose."""
    if not captions:
        pytest.skip(NO_CAPTIONS)
    changed = 0
    for caption in captions[::10]:
        tokens = tokenize(caption)
        changed += tokenize(detokenize(tokens)) != tokens
    assert changed <= 0.001 * len(captions[::10])
