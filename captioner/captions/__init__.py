"""Captions of photos as rows, and the files that hold them; knows no model."""

from captioner.captions.forms import CocoResults, Csv, Form, JsonLines, form_of, image_id, spelt
from captioner.captions.rows import Alternative, Row, from_json, to_json
from captioner.captions.texts import text_name, text_names, text_of, twins

__all__ = [
    "Alternative",
    "CocoResults",
    "Csv",
    "Form",
    "JsonLines",
    "Row",
    "form_of",
    "from_json",
    "image_id",
    "spelt",
    "text_name",
    "text_names",
    "text_of",
    "to_json",
    "twins",
]
