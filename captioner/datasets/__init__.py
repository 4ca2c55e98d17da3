"""Caption datasets: readers for their files, decoded photos, cached features."""

from captioner.datasets.coco import read_captions, read_coco
from captioner.datasets.features import cache_features
from captioner.datasets.flickr8k import read_flickr8k
from captioner.datasets.photos import Photos, decode_photos, open_photo
from captioner.datasets.records import Dataset, Record, TarMember, read_names

__all__ = [
    "Dataset",
    "Photos",
    "Record",
    "TarMember",
    "cache_features",
    "decode_photos",
    "open_photo",
    "read_captions",
    "read_coco",
    "read_flickr8k",
    "read_names",
]
