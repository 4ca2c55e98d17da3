"""How captions read beside a person's, which metrics of n-grams do not see.

Self-critical training raises CIDEr, and the captions come to be made of few words and to stutter:
"a white and white dog". What is counted here tells that, and how far a caption says what people
say of the photo. Everything is counted in the same way for people's captions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from captioner.errors import MissingError
from captioner.messages import Message
from captioner.metrics.meteor import NO_NLTK
from captioner.metrics.scores import Figures
from captioner.text import tokenizer
from captioner.text.function_words import FUNCTION_WORDS

PEOPLE = 4  # that a caption is held against; the reference after theirs stands for a person
_AGREED = 3  # of them make a word one that a caption should have
_NEAR = 2  # words from one another, the same content word is a stutter

# What needs no look at the photo. Published figures hang on this very list, so it does not grow
# with the one by which subjects are told.
_ENGLISH = """
    a an the this that these those another other some many few several group people person
    one two three four five six and or while there he she they it its his her their him them
    of in on at to with by for from as into onto near over under up down out off through along
    across behind beside next front back side top background who which
    is are was were be being been has have having s t
"""
_FUNCTION_WORDS = {**FUNCTION_WORDS, "en": frozenset(_ENGLISH.split())}


@dataclass(frozen=True)
class Sense(Figures):
    """How a set of captions reads; shares are in percent.

    different_captions, different_words: how many there are. words_a_caption: their mean.
    stutters: captions in which a content word comes twice in a row or one word apart.
    wrong: of the captions' content words, those that none of four people used for the photo.
    told: of the content words that three of four people used, those that the caption has.
    The last two are None where they were not counted, or where there are no such words.
    """

    photos: int
    different_captions: int
    different_words: int
    words_a_caption: float
    stutters: float
    wrong: float | None = None
    told: float | None = None


def sense(
    captions: Sequence[str], language: str, references: Sequence[Sequence[str]] | None = None
) -> Sense:
    """Counts in captions, at least one, and holds them against references where there are any.

    English words are runs of letters, compared by their stems (Porter2); Chinese ones are those of
    the tokenizer, compared as they are. Of the references the first four count.

    Raises MissingError where English is to be stemmed and nltk is not installed.
    """
    words = [_words(caption, language) for caption in captions]
    wrong = told = None
    if references is not None:
        wrong, told = _held_against(captions, references, language)
    return Sense(
        photos=len(words),
        different_captions=len(set(map(tuple, words))),
        different_words=len({word for caption in words for word in caption}),
        words_a_caption=sum(map(len, words)) / len(words),
        stutters=100 * sum(_stutters(caption, language) for caption in words) / len(words),
        wrong=wrong,
        told=told,
    )


def beside_a_person(
    captions: Sequence[str], references: Sequence[Sequence[str]], language: str
) -> dict[str, Sense]:
    """The figures of captions, "captions", and of people's of the same photos, "human".

    A person's caption is each photo's fifth reference. Photos that have fewer, or no caption, take
    no part; empty where that leaves none. Without nltk no English words are wrong or told.
    """
    pairs = [
        (caption, group)
        for caption, group in zip(captions, references, strict=True)
        if caption and len(group) > PEOPLE
    ]
    if not pairs:
        return {}
    ours, people = zip(*pairs, strict=True)
    known = None if why_no_content_words(language) else people
    return {
        "captions": sense(ours, language, known),
        "human": sense([group[PEOPLE] for group in people], language, known),
    }


def content_words(text: str, language: str) -> frozenset[str]:
    """What a caption says of the photo: its words but function words, English ones as stems.

    Raises MissingError where English is to be stemmed and nltk is not installed.
    """
    content = (word for word in _words(text, language) if word not in _FUNCTION_WORDS[language])
    return frozenset(map(_stem(), content) if language == "en" else content)


def why_no_content_words(language: str) -> Message | None:
    """One sentence that says what is missing for `content_words`; None where nothing is."""
    if language != "en":
        return None
    try:
        from nltk.stem import snowball  # noqa: F401
    except ImportError:
        return NO_NLTK
    return None


def _held_against(
    captions: Sequence[str], references: Sequence[Sequence[str]], language: str
) -> tuple[float | None, float | None]:
    """The shares of wrong words and of those that are told, in percent."""
    written = wrong = agreed = told = 0
    for caption, group in zip(captions, references, strict=True):
        words = content_words(caption, language)
        people = [content_words(text, language) for text in group[:PEOPLE]]
        common = {w for w, n in Counter(w for one in people for w in one).items() if n >= _AGREED}
        written, wrong = written + len(words), wrong + len(words.difference(*people))
        agreed, told = agreed + len(common), told + len(common & words)
    return _percent(wrong, written), _percent(told, agreed)


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _words(text: str, language: str) -> list[str]:
    if language == "en":
        return re.findall("[a-z]+", text.lower())
    return tokenizer(language).tokenize(text)


def _stutters(words: Sequence[str], language: str) -> bool:
    function = _FUNCTION_WORDS[language]
    return any(
        word in words[at + 1 : at + 1 + _NEAR]
        for at, word in enumerate(words)
        if word not in function
    )


@cache
def _stem() -> Callable[[str], str]:
    """The stem of an English word; a caption's words are mostly those of the one before."""
    if why := why_no_content_words("en"):
        raise MissingError.of(why)
    from nltk.stem.snowball import SnowballStemmer

    return cache(SnowballStemmer("english").stem)
