"""Captioning on all machines of a Ray cluster, with Ray Data.

Copies of the model caption, one for each GPU, while any machine's processor cores open photos for
them; without GPUs one for each core, which opens its photos itself. Photos and model must lie where
every machine finds them by the same path.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from captioner.chunks import chunks
from captioner.errors import FolderError, MissingError
from captioner.folder.choice import ModelChoice
from captioner.folder.devices import caption_pixels
from captioner.folder.engine import Lookup, done, without_model
from captioner.folder.opening import Opened, open_chunk
from captioner.folder.outputs import Done
from captioner.images import Photo, Preprocessing

_MOST_BLOCKS = 2000


class RayEngine:
    """The processors of the Ray cluster that this process belongs to, or of this machine alone.

    A photo travels through the cluster by itself: copies of the same photo are each captioned.

    Raises MissingError where Ray Data is not installed, ModelError as `load_model`, OptionError
    where the options do not suit the model.
    """

    def __init__(self, choice: ModelChoice, batch: int, trigger: str = "") -> None:
        self._ray = _import_ray()
        self._choice, self._batch, self._trigger = choice, batch, trigger
        captioners = choice.load("cpu")
        self.model = captioners[0].name
        self.languages = tuple(captioner.language for captioner in captioners)
        self._preprocessing = captioners[0].preprocessing
        self._is_own = not self._ray.is_initialized()
        if self._is_own:
            self._ray.init(logging_level=logging.ERROR, log_to_driver=False)

    def caption(self, photos: Iterable[Photo], lookup: Lookup) -> Iterator[Done]:
        """See `Engine`; in no particular order."""
        batches = [{"photos": pickle.dumps(batch)} for batch in chunks(photos, self._batch)]
        if not batches:
            return
        try:
            for row in self._described(batches):
                yield from pickle.loads(row["done"])
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()
            raise FolderError("The Ray cluster could not go on ({}).", lines[-1]) from None

    def close(self) -> None:
        """Leave the cluster."""
        if self._is_own:
            self._ray.shutdown()

    def _described(self, batches: list[dict[str, bytes]]) -> Iterator[dict[str, Any]]:
        blocks = min(len(batches), _MOST_BLOCKS)
        rows = self._ray.data.from_items(batches, override_num_blocks=blocks)
        cluster = self._ray.cluster_resources()
        device = (self._choice.devices or ("cuda" if "GPU" in cluster else "cpu",))[0]
        kind = "CPU" if device == "cpu" else "GPU"
        if kind == "GPU":
            rows = rows.map(_opener(self._preprocessing), num_cpus=1)
        described = rows.map(
            _Describe,
            fn_constructor_args=(self._choice, device, self._trigger),
            concurrency=max(1, min(blocks, int(cluster.get(kind, 0)))),
            **{f"num_{kind.lower()}s": 1},
        )
        return described.iter_rows()


def _import_ray() -> Any:
    try:
        import ray.data
    except ImportError:
        raise MissingError(
            "Captioning on a Ray cluster needs Ray Data: pip install 'captioner[ray]'."
        ) from None
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it warns of its own inner workings
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def _opener(preprocessing: Preprocessing) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def open_row(row: dict[str, Any]) -> dict[str, Any]:
        return {"opened": pickle.dumps(open_chunk(pickle.loads(row["photos"]), preprocessing))}

    return open_row


class _Describe:
    """A copy of the model, which stays loaded. It opens photos that nobody has opened for it."""

    def __init__(self, choice: ModelChoice, device: str, trigger: str) -> None:
        self._captioners = choice.load(device)
        self._choice, self._trigger = choice, trigger
        self._open = _opener(self._captioners[0].preprocessing)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        row = row if "opened" in row else self._open(row)
        opened: list[Opened] = pickle.loads(row["opened"])
        unreadable = [without_model(found, lambda digest: ()) for found in opened]
        readable = [found for found in opened if found.pixels is not None]
        return {"done": pickle.dumps([d for d in unreadable if d] + self._captioned(readable))}

    def _captioned(self, opened: list[Opened]) -> list[Done]:
        if not opened:
            return []
        pixels = np.stack([found.pixels for found in opened if found.pixels is not None])
        found = caption_pixels(self._captioners, pixels, self._choice.options)
        name = self._captioners[0].name
        return [
            done(photo, captions, name, self._trigger)
            for photo, captions in zip(opened, found, strict=True)
        ]
