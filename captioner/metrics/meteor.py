"""METEOR as nltk computes it, which is not the METEOR 1.5 of published captioning figures.

nltk follows Lavie and Agarwal, "METEOR: An Automatic Metric for MT Evaluation with High Levels of
Correlation with Human Judgments", WMT 2007: words match exactly, by stem, or as synonyms in
WordNet, where it looks stems up, so that "bicycle", of which "bicycl" is left, has no synonym.
METEOR 1.5 (Denkowski and Lavie, WMT 2014) also matches paraphrases and weighs function words less,
and its figures are about half as large; `captioner.metrics.official` runs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from captioner.errors import MissingError, OptionError
from captioner.messages import Message
from captioner.metrics.inputs import check_pairs

NO_NLTK = Message("nltk is not installed; it comes with pip install 'captioner[metrics]'.")


@dataclass(frozen=True)
class NltkMeteorScores:
    """nltk's METEOR as fractions: one value for each candidate, and their mean."""

    mean: float
    sentences: list[float]


def why_no_nltk_meteor() -> Message | None:
    """One sentence that says what is missing for `nltk_meteor`; None where nothing is.

    Looks on this machine only and never downloads anything.
    """
    try:
        from nltk.corpus import wordnet
        from nltk.translate import meteor_score  # noqa: F401
    except ImportError:
        return NO_NLTK
    try:
        wordnet.ensure_loaded()
    except LookupError:
        return Message(
            "nltk has no WordNet data; python -m nltk.downloader wordnet gets them where the "
            "network allows."
        )
    except Exception as error:
        # nltk reads a damaged folder or archive with whatever error comes up first.
        return Message("nltk cannot read its WordNet data ({}: {}).", type(error).__name__, error)
    return None


def nltk_meteor(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> NltkMeteorScores:
    """nltk's METEOR of each candidate: the best it gets with any of its references.

    Takes one tokenised English candidate and its list of tokenised references for each image.
    Raises MissingError with the sentence of `why_no_nltk_meteor`, and OptionError if there is no
    candidate, if the two lists differ in length, or if a candidate has no reference.
    """
    check_pairs(candidates, references)
    if not candidates:
        raise OptionError("METEOR needs at least one candidate, and there is none.")
    if why := why_no_nltk_meteor():
        raise MissingError.of(why)
    from nltk.translate.meteor_score import meteor_score

    sentences = [
        float(meteor_score(group, candidate))
        for candidate, group in zip(candidates, references, strict=True)
    ]
    return NltkMeteorScores(sum(sentences) / len(sentences), sentences)
