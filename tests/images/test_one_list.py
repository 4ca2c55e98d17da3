"""One archive holds the same photos for a dataset, for the folder command and for the page."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from captioner.datasets.finding import find_files
from captioner.folder.scan import Scan, Source
from captioner.images import Photo
from captioner.ui.uploads import Upload
from captioner.ui.zips import photos_in

FILES = {
    "b/photo10.jpg": b"ten",
    "b/photo2.JPG": b"two",
    "a.heic": b"heic",
    "b.jp2": b"jp2",
    "./c.png": b"c",
    "../up.png": b"up",
    "twice.png": b"old",
    "x/../y.gif": b"y",
    "b\\windows.bmp": b"w",
    "..g/h.jpg": b"hidden folder",
    ".hidden.jpg": b"hidden",
    "b/._photo2.jpg": b"macOS",
    "__MACOSX/b/photo2.jpg": b"macOS",
    "deep/__MACOSX/photo2.jpg": b"macOS",
    "notes.txt": b"no photo",
    "jpg": b"no suffix",
}
PHOTOS = {
    "a.heic": b"heic",
    "b.jp2": b"jp2",
    "b/photo2.JPG": b"two",
    "b/photo10.jpg": b"ten",
    "b/windows.bmp": b"w",
    "c.png": b"c",
    "twice.png": b"new",
    "up.png": b"up",
    "x/y.gif": b"y",
}


def make_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("twice.png", b"new")


def make_tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in [*FILES.items(), ("twice.png", b"new")]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_one_archive_gives_one_list_everywhere(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / f"photos.{make.__name__[-3:]}"
    make(path)
    lists = [
        {found.path: found.file.read() for found in find_files([path])},
        {photo.name: photo.read() for photo in Scan(Source(str(path)))},
    ]
    if path.suffix == ".zip":
        given = photos_in([Upload(str(path), "photos.zip")], 10**6)
        lists.append({photo.name: photo.read() for photo in given if isinstance(photo, Photo)})
        assert len(given) == len(PHOTOS)
    for found in lists:
        assert list(found.items()) == list(PHOTOS.items())


def test_a_folder_gives_the_dataset_and_the_folder_command_one_list(tmp_path: Path) -> None:
    for name in (
        "a.heic",
        "b/photo10.jpg",
        "b/photo2.JPG",
        ".git/a.jpg",
        "__MACOSX/b.jpg",
        "c.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    expected = ["a.heic", "b/photo2.JPG", "b/photo10.jpg"]
    assert [found.path for found in find_files([tmp_path])] == expected
    assert [photo.name for photo in Scan(Source(str(tmp_path)))] == expected
