"""The field's usual scores of a set of captions, together."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from captioner.errors import OptionError
from captioner.metrics.bleu import bleu
from captioner.metrics.cider import CiderD
from captioner.metrics.rouge import rouge_l

_COLUMNS = {
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr",
}


@dataclass(frozen=True)
class Scores:
    """BLEU-1 to 4, ROUGE-L and CIDEr-D of a set of captions, in percent as papers print them."""

    bleu_1: float
    bleu_2: float
    bleu_3: float
    bleu_4: float
    rouge_l: float
    cider: float

    def as_dict(self) -> dict[str, float]:
        """The scores by field name, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """Two aligned lines of text: the metrics' names, and the scores to one decimal."""
        values = {name: f"{value:.1f}" for name, value in self.as_dict().items()}
        widths = {name: max(len(title), len(values[name])) for name, title in _COLUMNS.items()}
        titles = "  ".join(title.rjust(widths[name]) for name, title in _COLUMNS.items())
        return titles + "\n" + "  ".join(values[name].rjust(widths[name]) for name in _COLUMNS)


def score(
    candidates: Sequence[str],
    references: Sequence[Sequence[str]],
    tokenize: Callable[[str], list[str]],
) -> Scores:
    """Scores one caption for each image against that image's references, all as plain texts.

    `tokenize` makes the tokens of both; figures are comparable with published ones only with the
    field's own tokens, for English `captioner.text.english.tokenize`. Raises OptionError if there
    is no candidate, if the two lists differ in length, or if a candidate has no reference.
    """
    for index, group in enumerate(references):
        if isinstance(group, str):
            raise OptionError(f"The references at index {index} are one text, not a list of texts.")
    candidate_tokens = [tokenize(candidate) for candidate in candidates]
    reference_tokens = [[tokenize(reference) for reference in group] for group in references]
    bleu_corpus = bleu(candidate_tokens, reference_tokens).corpus
    rouges = rouge_l(candidate_tokens, reference_tokens)
    ciders = CiderD.from_references(reference_tokens).score(candidate_tokens, reference_tokens)
    fractions = (*bleu_corpus, _mean(rouges), _mean(ciders))
    return Scores(*(100 * fraction for fraction in fractions))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
