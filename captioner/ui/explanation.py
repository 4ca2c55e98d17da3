"""How a sentence came about, in HTML and as data for player.js: the likeliest words, the gates, the
search, and a beginning that was chosen by hand."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from captioner.errors import OptionError
from captioner.text import tokenizer
from captioner.ui.html import element, text
from captioner.ui.numbers import probability
from captioner.ui.words import Words

if TYPE_CHECKING:
    from captioner.captioning import Branch, Caption
    from captioner.model import ModelConfig

_FAR_BELOW = 7  # in log-probability, a thousandth: such branches of a search are not worth a line
_MOST_BEGIN = 5000  # characters


def begin_key(path: str, model: ModelConfig) -> str:
    """What a beginning that was chosen on the page is good for: this photo, in these words."""
    return hashlib.sha256(f"{path}|{model.language}|{model.vocabulary_size}".encode()).hexdigest()


def what_if_html(begin: Sequence[str], language: str, words: Words) -> str:
    """That the sentences did not begin by themselves, and the way back."""
    if not begin:
        return ""
    begun = element("q", text(tokenizer(language).detokenize(begin)), lang=language)
    said = element("p", text(words.what_if), " ", begun)
    back = element("button", text(words.its_own), type="button", class_="back")
    return element("div", said, back, class_="titled what-if")


def beginning(value: object, key: str) -> tuple[str, ...]:
    """The words that the page's hidden field says to begin with; none where they were chosen for
    another photo or another model. Raises OptionError."""
    if not value:
        return ()
    try:
        if not isinstance(value, str) or len(value) > _MOST_BEGIN:
            raise ValueError
        chosen = json.loads(value)
        own, words = chosen["key"], chosen["words"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise OptionError("A beginning must be a list of words.") from None
    return tuple(words) if own == key else ()


def likely(caption: Caption) -> list[Any] | None:
    """For each word its probability and the likeliest words there, for the browser."""
    return [
        [own.text, own.probability, [[word, chance] for word, chance in own.likeliest]]
        for own in caption.words
    ] or None


def gates(caption: Caption) -> list[list[float]] | None:
    """How open the input, forget and output gates of an LSTM were for each word, on average over
    all units of all layers."""
    trace = caption.trace
    if trace is None:
        return None
    means = [
        part.flatten(1).mean(dim=1).tolist() for part in (trace.input, trace.forget, trace.output)
    ]
    return [[round(value, 3) for value in row] for row in zip(*means, strict=True)]


def search_html(caption: Caption, words: Words) -> str:
    """The tree of all that the beam search has weighed, folded away; what it left behind is struck
    out, and can be gone on from."""
    following: dict[tuple[str, ...], list[Branch]] = defaultdict(list)
    for step in caption.search:
        best = max((own.log_prob for own in step), default=0.0)
        for own in step:
            if own.kept or own.log_prob > best - _FAR_BELOW:
                before = own.words if own.ended else own.words[:-1]
                following[before].append(own)
    if not following:
        return ""
    tree = element(
        "div", _branches(min(following, key=len), following, caption, words),
        class_="tree", tabindex="0", role="group", aria_label=words.tree,
    )  # fmt: skip
    hint = element("p", text(words.tree_hint), class_="hint")
    return element("details", element("summary", text(words.tree)), hint, tree, class_="search")


def _branches(
    before: tuple[str, ...],
    following: Mapping[tuple[str, ...], Sequence[Branch]],
    caption: Caption,
    words: Words,
) -> str:
    """All that goes on from a beginning, likeliest first, each with what follows it."""
    items = []
    for own in sorted(following.get(before, ()), key=lambda own: -own.log_prob):
        chance = element("small", text(probability(own.log_prob, words)))
        inner = ""
        if own.kept and not own.ended:
            inner = _branches(own.words, following, caption, words)
        items.append(element("li", _branch(own, caption, words), " ", chance, inner))
    return element("ul", *items) if items else ""


def _branch(branch: Branch, caption: Caption, words: Words) -> str:
    """A word of the tree: strong in the sentence itself, struck out where it was left behind."""
    said = text(words.tree_end if branch.ended else branch.words[-1])
    if not branch.kept:
        struck = element("s", said)
        if branch.ended:
            return struck
        return element(
            "button", struck, type="button", tabindex="-1", data_begin=list(branch.words),
            aria_label=words.from_there.format(branch.words[-1]),
        )  # fmt: skip
    whole = branch.words == caption.tokens
    spoken = whole if branch.ended else branch.words == caption.tokens[: len(branch.words)]
    return element("strong" if spoken else "span", said)
