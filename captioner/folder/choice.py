"""Which model captions a folder, and how; needs no torch until it is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from captioner.options import CaptionOptions

if TYPE_CHECKING:
    from captioner.captioning import PhotoCaptioner


@dataclass(frozen=True)
class ModelChoice:
    """Which model captions, where and how.

    name: as for `load_model`. languages: codes of those to write; the model's own, if none.
    devices: such as "cuda:0", or ("cpu", "cpu") for two processes; every GPU where there are some,
    else the CPU, if not given. options: how captions are written.
    """

    name: str | None = None
    languages: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    options: CaptionOptions = field(default_factory=CaptionOptions)

    def load(self, device: str) -> list[PhotoCaptioner[Any]]:
        """The model on a device, once for each language.

        Raises ModelError as `load_model`, OptionError where the options do not suit the model.
        """
        from captioner.loading import load_model

        first = load_model(self.name, device, self.languages[0] if self.languages else None)
        captioners = [first.in_language(language) for language in self.languages] or [first]
        for captioner in captioners:
            captioner.check(self.options)
        return captioners
