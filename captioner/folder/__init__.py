"""Captioning a folder: look through it, caption, write, resume, spread over machines."""

from captioner.folder.choice import ModelChoice
from captioner.folder.run import FolderOptions, Summary, caption_folder
from captioner.folder.scan import Shard, Source, parse_shard

__all__ = [
    "FolderOptions",
    "ModelChoice",
    "Shard",
    "Source",
    "Summary",
    "caption_folder",
    "parse_shard",
]
