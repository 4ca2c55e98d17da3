"""ROUGE-L (Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004)."""

from collections.abc import Sequence

from captioner.metrics.inputs import Tokens, check_pairs

_BETA = 1.2  # how much more recall counts than precision, as the captioning field sets it


def rouge_l(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """ROUGE-L of each candidate, as fractions.

    The F-measure (beta 1.2) of the best precision and the best recall that the longest common
    subsequence with any reference gives; the two may come from different references. Raises
    OptionError if the two lists differ in length or a candidate has no reference.
    """
    check_pairs(candidates, references)
    return [_rouge_l(*pair) for pair in zip(candidates, references, strict=True)]


def _rouge_l(candidate: Tokens, references: Sequence[Tokens]) -> float:
    common = [_common_subsequence(candidate, reference) for reference in references]
    precision = max(common) / max(len(candidate), 1)
    recall = max(
        length / max(len(reference), 1)
        for length, reference in zip(common, references, strict=True)
    )
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def _common_subsequence(first: Tokens, second: Tokens) -> int:
    """The length of the longest common subsequence, one row of the usual table at a time."""
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for column, other in enumerate(second, start=1):
            above = row[column]
            row[column] = diagonal + 1 if word == other else max(above, row[column - 1])
            diagonal = above
    return row[-1]
