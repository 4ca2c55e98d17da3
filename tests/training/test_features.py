"""Views of the training photos: which pixels they show, and how rows are taken out of several.

And whose features are computed once.
"""

from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from captioner.datasets import Photos, Record, cache_features
from captioner.images import Photo, Preprocessing
from captioner.model import Encoder, EncoderConfig
from captioner.training.augment import augment, draw
from captioner.training.features import take_views, view

COUNT = 7


def photos() -> Photos:
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 3, 16, 16), dtype=np.uint8)
    records = tuple(Record(Photo.at(f"{n}.png"), ("a dog",), "train") for n in range(COUNT))
    return Photos(records, pixels, (), "key")


def test_a_view_is_the_photos_augmented_whichever_rows_are_read() -> None:
    plain, mirror = photos(), torch.arange(COUNT) % 2 == 0
    draws = draw(COUNT, torch.Generator().manual_seed(3))
    expected = augment(torch.from_numpy(plain.pixels), mirror, draws).numpy()
    found = view(plain, mirror, 3)
    assert found.records == plain.records
    assert np.array_equal(found.pixels[0:COUNT], expected)
    assert np.array_equal(found.pixels[2:5], expected[2:5])
    assert not np.array_equal(expected, plain.pixels)


def test_views_are_told_apart_by_their_keys() -> None:
    plain, none = photos(), torch.zeros(COUNT, dtype=torch.bool)
    assert view(plain, none, 0) is plain
    keys = [view(plain, mirror, n).key for mirror in (none, ~none) for n in (1, 2)]
    assert len({plain.key, *keys}) == 5


def test_each_row_is_taken_out_of_the_view_that_its_number_chooses() -> None:
    own = np.arange(COUNT, dtype=np.float16)[:, None, None]
    views = [np.full((COUNT, 2, 3), 10 * n, np.float16) + own for n in range(4)]
    rows, draws = torch.tensor([5, 0, 5, 6]), torch.tensor([0.0, 0.26, 0.999, 0.74])
    taken = take_views(views, rows, draws)
    assert taken.shape == (4, 2, 3)
    assert taken[:, 1, 2].tolist() == [5, 10, 35, 26]


def test_the_moving_average_of_a_frozen_encoder_needs_no_features_of_its_own(
    tmp_path: Path,
) -> None:
    encoder = Encoder(EncoderConfig("resnet18", (1,)), 16).eval()
    with torch.no_grad():
        next(encoder.parameters()).view(-1)[:2] = torch.tensor([-0.0, 0.0])
    average = AveragedModel(encoder, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for _ in range(2):
        average.update_parameters(encoder)
    for one in (encoder, average.module):
        cache_features(one, photos(), Preprocessing(16), tmp_path, torch.device("cpu"))
    assert len(list(tmp_path.glob("*.npy"))) == 1
