"""Forms of one English word: "dog" and "dogs"; "jumps", "jumped" and "jumping"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def base_forms(words: Sequence[str]) -> dict[str, str]:
    """The word itself, of each word that is another's form and whose own form is there as well.

    words: the most frequent first; of several that a form may belong to, that one is taken.

    Endings are taken off only where what remains is one of the words. For words of captions that
    finds nine in ten of the pairs that the Snowball stemmer finds, and hardly any that it does not.
    """
    rank = {word: number for number, word in enumerate(words)}
    known = {word: [form for form in _shorter(word) if form in rank] for word in words}
    return {word: min(found, key=rank.__getitem__) for word, found in known.items() if found}


def _shorter(word: str) -> Iterator[str]:
    """What a word may be a form of."""
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith(("ies", "ied")):
        yield word[:-3] + "y"
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 2:
            yield from (rest, rest + "e")
            if rest[-1] == rest[-2]:
                yield rest[:-1]
