"""Chinese captions cut into words or into characters, and put together again.

Chinese is written without spaces, and the field scores its captions on the words of a segmenter:
here jieba's (https://github.com/fxsjy/jieba, its own dictionary, unknown words by its hidden Markov
model), cut after the punctuation is taken out. Characters need no segmenter and no dictionary.

Both units agree on what a text holds: a word is one character token or several in a row.
"""

from __future__ import annotations

import re
import threading
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from captioner.errors import CaptionerError

# Two codes for one sign: full and half width, radicals, compatibility ideographs. NFKC makes them
# one. On any other character it would do harm: "m²" would become "m2".
_TWIN_CODES = re.compile("[\u2f00-\u2fdf\u3000\uf900-\ufaff\uff00-\uffef\U0002f800-\U0002fa1f]+")

# Invisible characters that stand between signs as a space does.
_SPACE = r"\s\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
# What scoring leaves out; other brackets and dashes are tokens to the scorer, and so they are here.
_PUNCTUATION = r"，。、！？；：“”‘’（）《》,.!?;:\"'()\-~…·"
# Accents, the joiner and modifiers of emoji, variants of ideographs: parts of the sign before them.
_JOINER = "\u200d"
_EXTENDS = (
    "\u0300-\u036f\u200d\u20d0-\u20f0\u3099\u309a\ufe00-\ufe0f"
    "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\U000e0100-\U000e01ef"
)
_FLAG_LETTER = "\U0001f1e6-\U0001f1ff"  # two of them are a flag
# ASCII, and Latin letters with accents, as in "café" and in pinyin.
_LETTER = "A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f\u01cd-\u01dc\u1e00-\u1eff"

_LATIN = rf"[{_LETTER}][{_LETTER}{_EXTENDS}]*"
_CHARACTER = re.compile(
    rf"""
    {_LATIN}(?:['’-]{_LATIN}|(?<=\d)[.,:](?=\d){_LATIN})*   # "t-shirt", "3.5", "don't"
    | [{_FLAG_LETTER}]{{2}}
    | [^{_SPACE}{_PUNCTUATION}](?:[{_EXTENDS}]|(?<={_JOINER})[^{_SPACE}{_PUNCTUATION}])*
    """,
    re.VERBOSE,
)
# Two tokens that would be read as one if no space were between them.
_RUN_TOGETHER = re.compile(
    rf"[{_LETTER}{_EXTENDS}][{_LETTER}] | .[{_EXTENDS}] | {_JOINER}. | [{_FLAG_LETTER}]{{2}}",
    re.VERBOSE,
)


def tokenize_characters(text: str) -> list[str]:
    """Characters of a Chinese text, without spaces and the punctuation that scoring leaves out.

    A Latin word or a number is one token, as is an emoji with its modifiers. Latin words are
    lower-cased but for abbreviations such as "T" and "NBA", which Chinese writes in capitals and
    the scorer counts so. Any string is accepted.
    """
    text = _TWIN_CODES.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)
    tokens = (match.group() for match in _CHARACTER.finditer(text))
    return [token if token.isupper() else token.lower() for token in tokens]


def tokenize_words(text: str) -> list[str]:
    """Words of a Chinese text: the character tokens, grouped where jieba sees a word.

    They are jieba's own words but for two things: a character token is never divided, and a space
    or a mark between two Latin words, where the scorer runs them together, divides them.

    Raises CaptionerError where jieba is not installed.
    """
    tokens = tokenize_characters(text)
    pieces = _spaced(tokens)
    word_ends = set(accumulate(map(len, _jieba().cut("".join(pieces)))))
    words, word = [], ""
    for token, end in zip(tokens, accumulate(map(len, pieces)), strict=True):
        word += token
        if end in word_ends:
            words.append(word)
            word = ""
    return words


def detokenize(tokens: Sequence[str]) -> str:
    """A readable text of words or characters: no spaces but those that Latin words need.

    "一只", "dog", "在", "grass" gives "一只dog在grass", and "hot", "dog" gives "hot dog".

    Characters cut from any text come back from its detokenized form the same. So do words cut from
    a text; words that were put together in another way keep their characters, and jieba may draw
    the lines between them elsewhere ("女孩", "子" comes back as "女孩子").
    """
    return "".join(_spaced(tokens))


def _spaced(tokens: Iterable[str]) -> list[str]:
    """The tokens, a space before those that would run together with the one before."""
    pieces: list[str] = []
    last = ""
    for token in tokens:
        pieces.append(f" {token}" if _RUN_TOGETHER.match(last + token[:1]) else token)
        last = token[-1:]
    return pieces


_loading = threading.Lock()


def _jieba() -> Any:
    """jieba's segmenter; the first call takes about a second for the dictionary."""
    with _loading:
        return _load_jieba()


@cache
def _load_jieba() -> Any:
    """A segmenter of our own: words that another program adds to jieba's don't change captions.

    Its own loading prints, leaves a cache in the temporary folder, and trusts whatever lies there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its age, which no user can change
        try:
            import jieba
        except ModuleNotFoundError as error:
            if error.name != "jieba":
                raise
            raise CaptionerError(
                'Chinese words need jieba; install it with: pip install "captioner[zh]".'
            ) from error
    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter
