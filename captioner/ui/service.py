"""`Service`: the models, uploads and batches that all parts of the page and its API share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from captioner.ui.batching import Batcher
from captioner.ui.captioning import Memory
from captioner.ui.visits import Visits

if TYPE_CHECKING:
    from captioner.pipeline import Captioner
    from captioner.ui.models import Models
    from captioner.ui.uploads import Uploads


@dataclass(frozen=True)
class Service:
    """The models, the threads that run them, the uploads, and what is kept of these.

    most_bytes: of one file. keep_seconds, sweep_seconds: an upload is deleted at the first sweep
    after it has reached the age, so at the latest after both together. visits: who still listens.
    memory: of photos that have been looked at.
    """

    models: Models
    uploads: Uploads
    most_bytes: int = 200 * 10**6
    keep_seconds: int = 3000
    sweep_seconds: int = 300
    batcher: Batcher = field(default_factory=Batcher)
    visits: Visits = field(default_factory=Visits)
    memory: Memory = field(default_factory=Memory)

    def captioner(self, model: str | None, language: str) -> Captioner:
        """The model of that name, or without one any, in the language if it writes that.

        Raises ModelError where the model cannot be had.
        """
        return self.models.writing(language, model or "")
