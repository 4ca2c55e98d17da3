"""Captioner 看图说话: a photo goes in, a sentence comes out.

import captioner
model = captioner.load_model("base-en")
print(model.caption("dog.jpg").text)
"""

from captioner.errors import CaptionerError
from captioner.options import CaptionOptions
from captioner.pipeline import Caption, Captioner, available_models, load_model

__version__ = "0.1.0"
__all__ = [
    "Caption",
    "CaptionOptions",
    "Captioner",
    "CaptionerError",
    "available_models",
    "load_model",
]
