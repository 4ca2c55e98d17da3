"""`load_model`: whatever a model folder holds, ready to caption; needs no torch for ONNX graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from captioner.captioning import PhotoCaptioner
from captioner.installed import find_model
from captioner.onnx import OnnxCaptioner, is_onnx_folder


def load_model(
    name: str | Path | None = None, device: Any = None, language: str | None = None
) -> PhotoCaptioner[Any]:
    """Load a model by its name under `weights/`, or from a folder of one's own.

    device: such as "cuda" or "cpu"; the GPU where there is one, if not given.
    language: code of the language to write, such as "zh"; without a name, the installed model that
    writes it is taken. The model's own, if not given.

    Raises ModelError where there is no such model, or its folder cannot be used, and OptionError
    where there is no such device.
    """
    folder = find_model(name, language)
    captioner = _load(folder, device)
    return captioner.in_language(language) if language else captioner


def _load(folder: Path, device: Any) -> PhotoCaptioner[Any]:
    if is_onnx_folder(folder):
        return OnnxCaptioner(folder, device)
    from captioner.pipeline import load_captioner

    return load_captioner(folder, device)
