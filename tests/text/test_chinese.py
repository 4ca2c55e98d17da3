"""The Chinese tokenizer against hand-worked examples, the field's scorer, and its own promises."""

import importlib.util
import json
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from captioner.errors import CaptionerError
from captioner.text import chinese
from captioner.text.chinese import detokenize, tokenize_characters, tokenize_words

# text: its characters, its words; a bar stands between tokens.
EXAMPLES = {
    "一个女孩在草地上玩。": ("一|个|女|孩|在|草|地|上|玩", "一个|女孩|在|草地|上|玩"),
    "黑色衣服 的人 在打网球": ("黑|色|衣|服|的|人|在|打|网|球", "黑色|衣服|的|人|在|打网球"),
    "一只dog在 grass 上": ("一|只|dog|在|grass|上", "一只|dog|在|grass|上"),
    "Hot Dog，cat.": ("hot|dog|cat", "hot|dog|cat"),
    "NBA球员穿着T恤，DJ看iPhone": (
        "NBA|球|员|穿|着|T|恤|DJ|看|iphone",
        "NBA|球员|穿着|T恤|DJ|看|iphone",
    ),
    "２８号的Ｔ-恤": ("28|号|的|T|恤", "28|号|的|T恤"),
    "3.5米，12:30，don't, café-bar": (
        "3.5|米|12:30|don't|café-bar",
        "3.5|米|12:30|don't|café-bar",
    ),
    "“红队”（1～2）——《书》·“x”": (
        "红|队|1|2|—|—|书|x",
        "红队|1|2|—|—|书|x",
    ),
    "臺灣的貓咪": ("臺|灣|的|貓|咪", "臺|灣的貓|咪"),
    "𠮷野家的𩸽": ("𠮷|野|家|的|𩸽", "𠮷|野家|的|𩸽"),
    "👨‍👩‍👧和👍🏽在🇨🇳笑❤️1️⃣葛󠄀": (
        "👨‍👩‍👧|和|👍🏽|在|🇨🇳|笑|❤️|1️⃣|葛󠄀",
        "👨‍👩‍👧|和|👍🏽|在|🇨🇳|笑|❤️|1️⃣|葛󠄀",
    ),
    "⽩\u3000ﾌﾞﾙｰ\u200b5m²": ("白|ブ|ル|ー|5m|²", "白|ブ|ル|ー|5m|²"),
    "AT&T的c++": ("AT|&|T|的|c|+|+", "AT&T|的|c++"),
    " ，。！\n\u3000…": ("", ""),
    "": ("", ""),
}


def cut(tokens: str) -> list[str]:
    return tokens.split("|") if tokens else []


@pytest.mark.parametrize("text", EXAMPLES)
def test_tokens_are_those_worked_out_by_hand(text: str) -> None:
    characters, words = EXAMPLES[text]
    assert tokenize_characters(text) == cut(characters)
    assert tokenize_words(text) == cut(words)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("一只|dog|在|grass|上", "一只dog在grass上"),
        ("hot|dog|和|3|5|只|猫", "hot dog和3 5只猫"),
        ("穿|T恤|的|人", "穿T恤的人"),
        ("🇨|🇳", "🇨 🇳"),
        ("", ""),
    ],
)
def test_only_latin_words_are_spaced(tokens: str, text: str) -> None:
    assert detokenize(cut(tokens)) == text


def test_words_put_together_anew_keep_their_characters() -> None:
    assert tokenize_words(detokenize(["女孩", "子"])) == ["女孩子"]


# What is hard: Han of several planes, twin codes, marks, spaces, Latin, emoji and their parts.
HARD = list(
    "一个女孩子的人在上草地打网球台灣貓𠮷𩸽⽩豈丽ａＺ９～。，！、「」—·…'’-.,:%&+#_/"
    " \t\n\u3000\u200b\ufeff"
    "aAbTzZ19éÉǎİßñçе̂ﾌﾞｶﾟ한👍❤👩👧🇨🇳🏽\u200d\ufe0f\u20e3\u0301\U000e0100\x00\x85"
)
TEXTS = st.text(st.sampled_from(HARD), max_size=25) | st.text(max_size=25)
# Where a token could change with its neighbours: a mark between parts that compose, letters that
# grow when lower-cased.
tricky = [example("ｶ.ﾞ"), example("e.\u0301"), example("İa"), example("🇨 🇳🇨"), example("XT恤")]


def with_tricky_texts(test: Callable[..., None]) -> Callable[..., None]:
    for add in tricky:
        test = add(test)
    return settings(deadline=None)(given(TEXTS)(test))


@with_tricky_texts
def test_characters_come_back_from_their_text(text: str) -> None:
    tokens = tokenize_characters(text)
    assert tokenize_characters(detokenize(tokens)) == tokens


@with_tricky_texts
def test_words_come_back_from_their_text(text: str) -> None:
    words = tokenize_words(text)
    assert detokenize(words) == detokenize(tokenize_characters(text))
    assert tokenize_words(detokenize(words)) == words


@with_tricky_texts
def test_a_word_is_whole_character_tokens(text: str) -> None:
    characters = iter(tokenize_characters(text))
    for word in tokenize_words(text):
        built = next(characters)
        while len(built) < len(word):
            built += next(characters)
        assert built == word
    assert next(characters, None) is None


@with_tricky_texts
def test_a_token_is_something_without_white_space(text: str) -> None:
    for token in tokenize_characters(text) + tokenize_words(text):
        assert token.split() == [token]


MARKS = set("，。、！？；：“”‘’（）《》,.!?;:\"'()-~…·")
INVISIBLE = set("\xad\u200b\u200e\u200f\ufeff") | set(map(chr, range(0x2060, 0x2070)))
INVISIBLE |= set(map(chr, [*range(0x202A, 0x202F), *range(32), *range(0x7F, 0xA0)]))


def held(text: str) -> Counter[str]:
    """What a text says, wherever it stands, in whatever case, width and composition."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return Counter(c for c in plain if not c.isspace() and c not in MARKS | INVISIBLE)


@with_tricky_texts
def test_only_punctuation_and_space_are_lost(text: str) -> None:
    assert held("".join(tokenize_characters(text))) == held(text)


def scorer_words(text: str) -> list[str]:
    """As the field's scorer sees a text: marks and spaces out, what is left cut by jieba."""
    jieba = pytest.importorskip("jieba")
    jieba.setLogLevel(60)
    return list(jieba.cut("".join(c for c in text if c not in MARKS and not c.isspace())))


PARTS = "一个 女孩 在 草地 上 玩 T恤 打 网球 的 男人 和 狗 穿 红 色 28 号 NBA"
CAPTION = st.lists(
    st.sampled_from(PARTS.split()) | st.sampled_from("，。 、！「」—～…《》"), max_size=15
)


@settings(deadline=None)
@given(CAPTION)
def test_words_are_the_scorers_where_latin_words_do_not_meet(parts: list[str]) -> None:
    text = "".join(part if part[-1] > "z" else f"{part}在" for part in parts)
    assert tokenize_words(text) == scorer_words(text.replace("～", "~"))


@pytest.fixture(scope="module")
def captions(shared: Path) -> list[str]:
    lines = (shared / "flickr8k" / "flickr8kzhc.caption.txt").read_text("utf-8").splitlines()
    captions = [line.partition(" ")[2] for line in lines]
    for name in ("coco_extra/captions_zh.json", "flickr8k/references_dev_zh.json"):
        content = json.loads((shared / name).read_text("utf-8"))
        captions += [annotation["caption"] for annotation in content["annotations"]]
    return captions


@pytest.fixture(scope="module")
def scorer(shared: Path) -> ModuleType:
    """The yardstick beside the project, which tokenises as the field does."""
    pytest.importorskip("pycocoevalcap")
    pytest.importorskip("jieba")
    spec = importlib.util.spec_from_file_location("score", shared / "tools" / "score.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_real_captions_get_the_scorers_words(captions: list[str], scorer: ModuleType) -> None:
    expected = scorer.tokenise({"all": captions}, "zh")["all"]
    different = [
        c for c, e in zip(captions, expected, strict=True) if tokenize_words(c) != e.split()
    ]
    assert len(captions) > 40_000
    assert different == []


def test_real_captions_get_the_scorers_characters_but_for_whole_latin_words(
    captions: list[str], scorer: ModuleType
) -> None:
    expected = scorer.tokenise({"all": captions}, "zh-char")["all"]
    different = [
        caption
        for caption, characters in zip(captions, expected, strict=True)
        if tokenize_characters(caption) != characters.split()
    ]
    assert 0 < len(different) < 0.002 * len(captions)
    for caption in different:
        joined = "".join(tokenize_characters(caption))
        assert joined == "".join(scorer.tokenise({"one": [caption]}, "zh-char")["one"][0].split())


LOUD = "from captioner.text.chinese import tokenize_words; print(tokenize_words('一个女孩'))"


def test_loading_jieba_says_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    temporary = {name: str(tmp_path) for name in ("TMPDIR", "TEMP", "TMP")}
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", LOUD],
        capture_output=True, check=True, encoding="utf-8",
        env={**os.environ, **temporary, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.stdout.strip() == "['一个', '女孩']"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def unloaded() -> Iterator[None]:
    """As in a program that has not cut a word yet."""
    chinese._load_jieba.cache_clear()
    yield
    chinese._load_jieba.cache_clear()


def test_many_threads_load_the_dictionary_once(
    unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    jieba = pytest.importorskip("jieba")
    made = []

    class Counting(jieba.Tokenizer):
        def __init__(self) -> None:
            made.append(self)
            super().__init__()

    monkeypatch.setattr(jieba, "Tokenizer", Counting)
    together = Barrier(4)

    def first_word(_: int) -> list[str]:
        together.wait()
        return tokenize_words("一个女孩")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(first_word, range(4))) == [["一个", "女孩"]] * 4
    assert len(made) == 1


def test_words_that_a_program_adds_to_jieba_do_not_change_captions() -> None:
    jieba = pytest.importorskip("jieba")
    jieba.setLogLevel(60)
    jieba.add_word("女孩在草地")
    try:
        assert "女孩在草地" in jieba.cut("一个女孩在草地上玩")
        assert "女孩" in tokenize_words("一个女孩在草地上玩")
    finally:
        jieba.del_word("女孩在草地")


def test_without_jieba_words_say_what_to_install_and_characters_go_on(
    unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(CaptionerError, match=r'pip install "captioner\[zh\]"\.$'):
        tokenize_words("一个女孩")
    assert tokenize_characters("女孩") == ["女", "孩"]
    assert detokenize(["一个", "女孩"]) == "一个女孩"
