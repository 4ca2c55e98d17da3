"""How good a caption is: BLEU, ROUGE-L and CIDEr-D as the captioning field computes them."""

from captioner.metrics.bleu import bleu_scores
from captioner.metrics.cider import CiderD
from captioner.metrics.inputs import Tokens
from captioner.metrics.rouge import rouge_l
from captioner.metrics.scores import Scores, score

__all__ = ["CiderD", "Scores", "Tokens", "bleu_scores", "rouge_l", "score"]
