"""METEOR as nltk computes it, which is not the METEOR 1.5 of published captioning figures.

nltk follows Lavie and Agarwal, "METEOR: An Automatic Metric for MT Evaluation with High Levels of
Correlation with Human Judgments", WMT 2007: words match exactly, by stem, or as synonyms in
WordNet, where it looks stems up, so that "bicycle", of which "bicycl" is left, has no synonym.
METEOR 1.5 (Denkowski and Lavie, WMT 2014) also matches paraphrases and weighs function words less,
and its figures are about half as large; `captioner.metrics.official` runs it.
"""

from collections.abc import Sequence

from captioner.errors import MissingError
from captioner.messages import Message
from captioner.metrics.inputs import check_pairs

NO_NLTK = Message("nltk is not installed; it comes with pip install 'captioner[metrics]'.")


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
) -> list[float]:
    """nltk's METEOR of each candidate as a fraction: the best it gets with any of its references.

    Takes one tokenised English candidate and its list of tokenised references for each image.
    Raises MissingError with the sentence of `why_no_nltk_meteor`, and OptionError if the two lists
    differ in length or a candidate has no reference.
    """
    check_pairs(candidates, references)
    if why := why_no_nltk_meteor():
        raise MissingError.of(why)
    from nltk.translate.meteor_score import meteor_score

    pairs = zip(references, candidates, strict=True)
    return [float(meteor_score(*pair)) for pair in pairs]
