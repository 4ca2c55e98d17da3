"""What captions say, whatever their references say: how varied, how new, about what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from captioner.messages import Message
from captioner.metrics.scores import Figures
from captioner.text.function_words import FUNCTION_WORDS

_FUNCTION_WORDS = frozenset().union(*FUNCTION_WORDS.values())


@dataclass(frozen=True)
class Training:
    """What the training captions said.

    sequences: their token sequences. captions_with: in how many of them each word occurs.
    """

    sequences: frozenset[tuple[str, ...]]
    captions_with: Counter[str]

    @classmethod
    def of(cls, captions: Iterable[Sequence[str]]) -> Training:
        """Takes in tokenised captions."""
        sequences = [tuple(caption) for caption in captions]
        words = Counter(word for sequence in sequences for word in set(sequence))
        return cls(frozenset(sequences), words)


@dataclass(frozen=True)
class Content(Figures):
    """How varied a set of captions is.

    different: how many different captions there are, by their tokens.
    new: share of the captions whose exact token sequence is no training caption's, in percent;
    None where training is unknown.
    distinct_1, distinct_2: how many different words, and different pairs of neighbours, for each
    hundred words written (Li et al., "A Diversity-Promoting Objective Function for Neural
    Conversation Models", NAACL 2016). Both fall as captions are added: compare sets of one size.
    words: how many different words are used. of_vocabulary: share of the model's vocabulary that
    is used, in percent; None where it is unknown.
    mean_length: words per caption. empty: captions without a word, which all metrics score as
    zero, as the field's scorer does.
    """

    different: int
    new: float | None
    distinct_1: float
    distinct_2: float
    words: int
    of_vocabulary: float | None
    mean_length: float
    empty: int

    def rows(self) -> list[tuple[Message, str]]:
        """The known figures but `empty`, each with its name for people."""
        titles = {
            "different": ("different captions", "d"),
            "new": ("never seen in training, %", ".1f"),
            "distinct_1": ("distinct-1, %", ".1f"),
            "distinct_2": ("distinct-2, %", ".1f"),
            "words": ("different words", "d"),
            "of_vocabulary": ("of the model's vocabulary, %", ".1f"),
            "mean_length": ("words per caption", ".1f"),
        }
        known = self.as_dict()
        return [
            (Message(title), format(known[n], form))
            for n, (title, form) in titles.items()
            if n in known
        ]


def content(
    captions: Sequence[Sequence[str]],
    training: Training | None = None,
    vocabulary: Collection[str] | None = None,
) -> Content:
    """Measures tokenised captions, at least one; a vocabulary is the words a model can write."""
    sequences = [tuple(caption) for caption in captions]
    words = [word for sequence in sequences for word in sequence]
    pairs = [pair for sequence in sequences for pair in pairwise(sequence)]
    used = set(words)
    new = of_vocabulary = None
    if training is not None:
        unseen = [sequence for sequence in sequences if sequence not in training.sequences]
        new = _share(len(unseen), len(sequences))
    if vocabulary:
        of_vocabulary = _share(len(used.intersection(vocabulary)), len(vocabulary))
    return Content(
        different=len(set(sequences)),
        new=new,
        distinct_1=_share(len(used), len(words)),
        distinct_2=_share(len(set(pairs)), len(words)),
        words=len(used),
        of_vocabulary=of_vocabulary,
        mean_length=len(words) / len(sequences),
        empty=sequences.count(()),
    )


def by_subject(
    references: Sequence[Sequence[Sequence[str]]], training: Training
) -> tuple[NDArray[np.intp], ...]:
    """Photos in three groups, by how common in training what they show is: rare, medium, common.

    A photo's subjects are the words that at least two of its references share, function words such
    as "a" and "on" left out: what two people mention is on the photo. It counts as common as its
    rarest subject, that is by how many training captions hold that word; word forms count apart.
    Sorted so (photos with equal counts stay in their order) and cut in three, the groups differ in
    size by one at most. A photo without such a word is in no group.

    references: tokenised, one list for each photo. Returns the photos' indices, a group each.
    """
    commonness = [_commonness(group, training.captions_with) for group in references]
    with_subject = [row for row, count in enumerate(commonness) if count is not None]
    with_subject.sort(key=lambda row: commonness[row] or 0)
    return tuple(np.array_split(np.array(with_subject, dtype=np.intp), 3))


def _commonness(references: Sequence[Sequence[str]], captions_with: Counter[str]) -> int | None:
    holders = Counter(word for reference in references for word in set(reference))
    subjects = [w for w, n in holders.items() if n > 1 and w not in _FUNCTION_WORDS]
    return min((captions_with[word] for word in subjects), default=None)


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
