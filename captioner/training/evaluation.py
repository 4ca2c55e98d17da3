"""Captioning a split, scoring it and reading people's captions of it, between epochs."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from captioner.datasets import Photos, Record
from captioner.images import normalise
from captioner.messages import progress_bar, translate
from captioner.metrics import Scores, score
from captioner.metrics.sense import Sense, sense
from captioner.model import CaptioningModel
from captioner.pipeline import Caption, Captioner
from captioner.text import PAD, START, Trigrams, Vocabulary, tokenizer
from captioner.training.data import take
from captioner.training.distributed import Workers
from captioner.training.objectives import CrossEntropy, added

_BATCHES = {"cuda": 256}  # photos captioned at a time


@dataclass(frozen=True)
class Evaluation:
    """A caption for each photo, in their order, and what all of them score.

    perplexity: e to the mean of minus the log-probability of each word and end of people's own
        captions; a word outside the vocabulary counts as the unknown one. Of a model that writes
        in several directions the mean is over all its decoders.
    sense: how the captions read, without what needs people's.
    """

    captions: tuple[str, ...]
    scores: Scores
    perplexity: float
    sense: Sense

    def row(self) -> dict[str, float]:
        """All figures by name."""
        return {
            **self.scores.as_dict(),
            "perplexity": self.perplexity,
            "different_words": self.sense.different_words,
            "stutters": self.sense.stutters,
        }


def evaluate(
    model: CaptioningModel,
    vocabulary: Vocabulary,
    photos: Photos,
    features: np.ndarray | None,
    *,
    workers: Workers,
    batch: int | None = None,
    trigrams: Trigrams | None = None,
) -> Evaluation:
    """Caption all photos with beam search, score that, and see how likely people's captions are.

    features: cached grid features `[n, N, D]` of the photos; encoded from their pixels without.
    trigrams: those that people write, for the search.
    Each worker captions its share, and all return the same.
    """
    device = next(model.parameters()).device
    captioner = Captioner(copy.deepcopy(model), vocabulary, device=device, trigrams=trigrams)
    grid, batch = (0, 0), batch or _BATCHES.get(device.type, 50)
    found: list[Caption] = []
    nats, words = 0.0, 0.0
    share = torch.arange(len(photos.records))[workers.share(len(photos.records))]
    with progress_bar(
        total=len(share), desc=translate("Evaluating"), unit=translate("photo"), leave=False,
        disable=not workers.first,
    ) as bar:  # fmt: skip
        for first in range(0, len(share), batch):
            rows = share[first : first + batch]
            if features is None:
                images = normalise(take(photos.pixels, rows), model.config.preprocessing)
                encoded, grid = captioner.encode(images)
            else:
                encoded = take(features, rows).to(captioner.device, captioner.dtype)
            found.extend(captioner.describe(encoded, grid))
            records = [photos.records[row] for row in rows.tolist()]
            more_nats, more_words = _negative_log_likelihood(captioner, encoded, records)
            nats, words = nats + more_nats, words + more_words
            bar.update(len(rows))
    captions = workers.gather([caption.text for caption in found])
    nats, words = workers.add([nats, words])
    references = [record.captions for record in photos.records]
    scores = score(captions, references, tokenizer(model.config.language).tokenize)
    # e to the 700th is as near to infinity as a number can be.
    perplexity = math.exp(min(700, nats / max(1.0, words)))
    return Evaluation(
        tuple(captions),
        scores,
        perplexity,
        sense(captions, model.config.language),
    )


@torch.inference_mode()
def _negative_log_likelihood(
    captioner: Captioner, features: Tensor, records: Sequence[Record]
) -> tuple[float, int]:
    """Minus the log-probability of people's captions of these photos, and their number of words."""
    config, vocabulary = captioner.model.config, captioner.vocabulary
    tokenize = tokenizer(config.language, config.unit).tokenize
    tokens = [[tokenize(caption) for caption in record.captions] for record in records]
    encoded = [[vocabulary.encode(caption) for caption in group if caption] for group in tokens]
    if not any(encoded):
        return 0.0, 0
    most = max(map(len, encoded))
    # All photos need as many: a start without a next word counts for nothing.
    rows = [row for group in encoded for row in (*group, *[[START]] * (most - len(group)))]
    captions = pad_sequence([torch.tensor(row) for row in rows], True, PAD)
    captions = captions.to(features.device)
    sums = added(
        [CrossEntropy()(decoder, features, decoder.ordered(captions))
         for decoder in captioner.model.decoder.directions]
    )  # fmt: skip
    return sums.shown, sums.counted
