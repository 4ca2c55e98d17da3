"""Captioning a split and scoring it, between epochs."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from captioner.datasets import Photos
from captioner.images import normalise
from captioner.metrics import Scores, score
from captioner.model import CaptioningModel
from captioner.pipeline import Captioner
from captioner.text import Vocabulary, tokenizer
from captioner.training.data import take
from captioner.training.distributed import Workers


@dataclass(frozen=True)
class Evaluation:
    """A caption for each photo, in their order, and what all of them score."""

    captions: tuple[str, ...]
    scores: Scores


def evaluate(
    model: CaptioningModel,
    vocabulary: Vocabulary,
    photos: Photos,
    features: np.ndarray | None,
    *,
    workers: Workers,
    batch: int = 50,
) -> Evaluation:
    """Caption all photos with beam search and score them against their captions.

    features: cached grid features `[n, N, D]` of the photos; encoded from their pixels without.
    Each worker captions its share, and all return the same.
    """
    device = next(model.parameters()).device
    captioner = Captioner(copy.deepcopy(model), vocabulary, device=device)
    grid = (0, 0)
    texts: list[str] = []
    own = torch.arange(len(photos.records))[workers.share(len(photos.records))]
    with tqdm(
        total=len(own), desc="Evaluating", unit="photo", leave=False, disable=not workers.first
    ) as bar:
        for first in range(0, len(own), batch):
            rows = own[first : first + batch]
            if features is None:
                images = normalise(take(photos.pixels, rows), model.config.preprocessing)
                encoded, grid = captioner.encode(images)
            else:
                encoded = take(features, rows).to(captioner.device, captioner.dtype)
            texts.extend(caption.text for caption in captioner.describe(encoded, grid))
            bar.update(len(rows))
    captions = workers.gather(texts)
    references = [record.captions for record in photos.records]
    scores = score(captions, references, tokenizer(model.config.language).tokenize)
    return Evaluation(tuple(captions), scores)
