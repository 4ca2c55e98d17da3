"""Captioner 看图说话: a photo goes in, a sentence comes out.

import captioner
model = captioner.load_model("base-en")
print(model.caption("dog.jpg").text)
"""

from typing import TYPE_CHECKING

from captioner.lazy import offered

if TYPE_CHECKING:
    from captioner.captioning import Caption
    from captioner.errors import CaptionerError
    from captioner.installed import available_models
    from captioner.loading import load_model
    from captioner.options import CaptionOptions
    from captioner.pipeline import Captioner

__version__ = "0.1.0"
__all__ = [
    "Caption",
    "CaptionOptions",
    "Captioner",
    "CaptionerError",
    "available_models",
    "load_model",
]
__getattr__, __dir__ = offered(
    __name__,
    {
        "errors": "CaptionerError",
        "captioning": "Caption",
        "loading": "load_model",
        "installed": "available_models",
        "options": "CaptionOptions",
        "pipeline": "Captioner",
    },
)
