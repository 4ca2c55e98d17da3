"""An exported model, run by ONNX Runtime and NumPy: no torch."""

from captioner.onnx.captioner import OnnxCaptioner
from captioner.onnx.folder import is_onnx_folder

__all__ = ["OnnxCaptioner", "is_onnx_folder"]
