"""Captioning a split and scoring it, between epochs."""

from __future__ import annotations

import copy

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


def evaluate(
    model: CaptioningModel,
    vocabulary: Vocabulary,
    photos: Photos,
    features: np.ndarray | None = None,
    batch: int = 50,
) -> Scores:
    """Caption all photos with beam search and score them against their captions.

    features: cached grid features `[n, N, D]` of the photos; encoded from their pixels without.
    """
    device = next(model.parameters()).device
    captioner = Captioner(copy.deepcopy(model), vocabulary, device=device)
    grid = (0, 0)
    texts: list[str] = []
    count = len(photos.records)
    with tqdm(total=count, desc="Evaluating", unit="photo", leave=False) as bar:
        for first in range(0, count, batch):
            rows = torch.arange(first, min(first + batch, count))
            if features is None:
                images = normalise(take(photos.pixels, rows), model.config.preprocessing)
                encoded, grid = captioner.encode(images)
            else:
                encoded = take(features, rows).to(captioner.device, captioner.dtype)
            texts.extend(caption.text for caption in captioner.describe(encoded, grid))
            bar.update(len(rows))
    references = [record.captions for record in photos.records]
    return score(texts, references, tokenizer(model.config.language).tokenize)
