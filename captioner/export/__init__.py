"""A model as ONNX graphs, which `captioner.onnx` and a web page run without torch."""

from captioner.export.folder import PRECISIONS, ExportOptions, export_model
from captioner.export.web import export_web

__all__ = ["PRECISIONS", "ExportOptions", "export_model", "export_web"]
