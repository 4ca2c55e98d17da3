"""Caption datasets: readers for their files, decoded photos, cached features."""

from typing import TYPE_CHECKING

from captioner.datasets.coco_results import read_coco_results
from captioner.datasets.files import read_lines
from captioner.datasets.layouts.coco import CocoCaptions, read_captions, read_coco_captions
from captioner.datasets.processes import in_processes
from captioner.datasets.reading import FORMATS, read_dataset, recognise
from captioner.datasets.records import Dataset, Record, read_names
from captioner.datasets.splits import VAL_SHARE
from captioner.lazy import offered

if TYPE_CHECKING:
    from captioner.datasets.features import cache_features, check_room
    from captioner.datasets.photos import Photos, Undecoded, decode_photos

__all__ = [
    "FORMATS",
    "VAL_SHARE",
    "CocoCaptions",
    "Dataset",
    "Photos",
    "Record",
    "Undecoded",
    "cache_features",
    "check_room",
    "decode_photos",
    "in_processes",
    "read_captions",
    "read_coco_captions",
    "read_coco_results",
    "read_dataset",
    "read_lines",
    "read_names",
    "recognise",
]
__getattr__, __dir__ = offered(
    __name__,
    {"features": "cache_features check_room", "photos": "Photos Undecoded decode_photos"},
)
