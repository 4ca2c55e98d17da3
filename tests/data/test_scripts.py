"""The scripts that lay out the public datasets, on tiny archives and folders built alike."""

import importlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from captioner.datasets import Record
from captioner.training import read_recipe
from captioner.training.sources import read_records

SCRIPTS = Path(__file__).parents[2] / "data"
REST = """
[encoder]
name = "resnet18"
[[phases]]
name = "only"
epochs = 1
learning_rate = 1
"""

Files = Mapping[str, bytes | str]


@dataclass
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """The script of that name as a module."""
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module


@pytest.fixture
def run(
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    def run(name: str, *arguments: Path) -> Result:
        module = script(name)
        monkeypatch.setattr(sys, "argv", [f"data/{name}.py", *map(str, arguments)])
        try:
            code = module.run(module.lay_out, module.__doc__)
        except SystemExit as exit:  # argparse's own way out
            code = int(exit.code or 0)
        return Result(code, *capsys.readouterr())

    return run


def records(result: Result, folder: Path) -> list[Record]:
    """What a recipe with the lines that a script printed reads."""
    (folder / "x.toml").write_text(f'name = "x"\n{result.out}{REST}')
    return read_records(read_recipe(folder / "x.toml"))


def jpeg(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def photos(*names: str) -> dict[str, bytes]:
    return dict.fromkeys(names, jpeg())


def folder(root: Path, files: Files) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def archive(path: Path, files: Files, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as content:
        for name, data in files.items():
            content.writestr(name, data)
    return path


def tar(path: Path, files: Files, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as content:  # type: ignore[call-overload]
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            content.addfile(info, io.BytesIO(data))
    return path


def links(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_symlink()}


FLICKR8K: Files = {
    "Flickr8k.token.txt": "1.jpg#0\tA dog .\n2.jpg#0\tA cat .\n3.jpg#0\tA bird .\n",
    "Flickr_8k.trainImages.txt": "1.jpg\n",
    "Flickr_8k.devImages.txt": "2.jpg\n",
    "Flickr_8k.testImages.txt": "3.jpg\n",
}
COUNTED = (
    "There are 1 photos on Flickr_8k.trainImages.txt instead of 6,000.\n"
    "There are 1 photos on Flickr_8k.devImages.txt instead of 1,000.\n"
    "There are 1 photos on Flickr_8k.testImages.txt instead of 1,000.\n"
    "There are 3 photos in Flickr8k.token.txt instead of 8,092.\n"
    "There are 3 captions in Flickr8k.token.txt instead of 40,460.\n"
)


def test_flickr8k_is_unpacked_from_its_archives_once(run: Run, tmp_path: Path) -> None:
    text = archive(tmp_path / "down" / "Flickr8k_text.zip", FLICKR8K)
    dataset = photos("Flicker8k_Dataset/1.jpg", "Flicker8k_Dataset/2.jpg")
    hidden = photos("__MACOSX/Flicker8k_Dataset/._1.jpg", "__MACOSX/Flicker8k_Dataset/3.jpg")
    archive(tmp_path / "down" / "Flickr8k_Dataset.zip", {**dataset, **hidden})
    target = tmp_path / "flickr8k"
    result = run("flickr8k", tmp_path / "down", target)
    assert result.code == 1
    assert result.out == f'[[data.sources]]\nformat = "flickr8k"\npath = "{target}"\n'
    assert result.err.endswith(COUNTED + "1 of the 3 photos of flickr8k are missing, as 3.jpg.\n")
    assert (target / "Flicker8k_Dataset" / "1.jpg").read_bytes() == jpeg()
    found = [(record.name, record.split) for record in records(result, tmp_path)]
    assert found == [("1.jpg", "train"), ("2.jpg", "val")]
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.jpg")}
    assert run("flickr8k", text.parent, target).out == result.out
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*.jpg")} == before


def test_flickr8k_in_folders_and_tar_archives_is_linked(run: Run, tmp_path: Path) -> None:
    down = folder(tmp_path / "down", FLICKR8K)
    tar(down / "a.tar", photos("1.jpg", "2.jpg"), "w")
    tar(down / "b.tar", photos("3.jpg"), "w")
    result = run("flickr8k", down, tmp_path / "flickr8k")
    assert result.err == COUNTED
    assert links(tmp_path / "flickr8k") == {*FLICKR8K, "a.tar", "b.tar"}
    assert len(records(result, tmp_path)) == 3


def test_photos_in_a_folder_and_an_archive_are_both_named(run: Run, tmp_path: Path) -> None:
    down = folder(tmp_path / "down", {**FLICKR8K, **photos("rest/3.jpg")})
    tar(down / "a.tar", photos("1.jpg", "2.jpg"), "w")
    result = run("flickr8k", down, tmp_path / "flickr8k")
    assert f'images = ["{tmp_path}/flickr8k/a.tar", "{tmp_path}/flickr8k/rest"]' in result.out
    assert len(records(result, tmp_path)) == 3


def test_a_dataset_downloaded_to_its_place_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    root = folder(tmp_path / "flickr8k", {**FLICKR8K, **photos("a/1.jpg", "a/2.jpg", "3.jpg")})
    before = sorted(root.rglob("*"))
    result = run("flickr8k", root, root)
    assert result.err == COUNTED
    assert sorted(root.rglob("*")) == before
    assert len(records(result, tmp_path)) == 3


def test_what_is_missing_is_said_with_where_it_comes_from(run: Run, tmp_path: Path) -> None:
    result = run("flickr8k", folder(tmp_path / "down", photos("1.jpg")), tmp_path / "flickr8k")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines()[0] == (
        "Flickr8k.token.txt is missing; it comes with Flickr8k_text.zip."
    )
    assert len(result.err.splitlines()) == 4


def test_flickr8k_cn_joins_what_is_laid_out(
    run: Run, script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script("flickr8k"), "LISTS", dict.fromkeys(list(FLICKR8K)[1:], 1))
    target = tmp_path / "flickr8k"
    files = {**FLICKR8K, **photos("images/1.jpg", "images/2.jpg", "images/3.jpg")}
    run("flickr8k", folder(tmp_path / "down", files), target)
    chinese = "1.jpg#zhc#0 一只狗。\n2.jpg#zhc#0 一只猫。\n3.jpg#zhc#0 一只鸟。\n"
    cn = folder(tmp_path / "cn", {"data/flickr8kzhc.caption.txt": chinese})
    result = run("flickr8k_cn", cn, target)
    assert (result.code, result.err) == (0, f"{target} is complete.\n")
    assert result.out.startswith('[data]\nlanguage = "zh"\n\n[[data.sources]]\n')
    assert [record.captions for record in records(result, tmp_path)] == [
        ("一只狗。",), ("一只猫。",), ("一只鸟。",),
    ]  # fmt: skip
    (cn / "data" / "flickr8kzhc.caption.txt").write_text(chinese.splitlines()[0])
    result = run("flickr8k_cn", cn, target)
    assert result.err == "2 photos of the lists have no Chinese caption, as 2.jpg.\n"


def captions(names: Iterable[str]) -> str:
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    annotations = [{"image_id": image["id"], "caption": "A dog."} for image in images]
    return json.dumps({"images": images, "annotations": annotations})


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """COCO 2017 of two photos that train and one that evaluates, as it is downloaded."""
    files = {
        "annotations/captions_train2017.json": captions(["1.jpg", "2.jpg"]),
        "annotations/captions_val2017.json": captions(["3.jpg"]),
        "annotations/instances_val2017.json": "{}",
    }
    down = tmp_path / "down"
    archive(down / "annotations_trainval2017.zip", files)
    train = photos("train2017/1.jpg", "train2017/2.jpg")
    archive(down / "train2017.zip", train, zipfile.ZIP_STORED)
    archive(down / "val2017.zip", photos("val2017/3.jpg"))
    return down


def test_coco_reads_photos_inside_uncompressed_archives(
    run: Run,
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    coco: Path,
    tmp_path: Path,
) -> None:
    published = {"train2017": (2, 2), "val2017": (1, 1), "val2014": (9, 9)}
    monkeypatch.setattr(script("coco"), "PUBLISHED", published)
    target = tmp_path / "coco"
    result = run("coco", coco, target)
    assert (result.code, result.err.splitlines()[-1]) == (0, f"{target} is complete.")
    assert links(target) == {"train2017.zip"}
    assert not (target / "annotations" / "instances_val2017.json").exists()
    found = [(record.name, record.split) for record in records(result, tmp_path)]
    assert found == [("1.jpg", "train"), ("2.jpg", "train"), ("3.jpg", "val")]


def test_coco_in_part_says_what_is_missing(run: Run, tmp_path: Path) -> None:
    files = {"annotations/captions_train2017.json": captions(["1.jpg", "2.jpg"])}
    down = folder(tmp_path / "down", {**files, **photos("train2017/2.jpg")})
    result = run("coco", down, tmp_path / "coco")
    assert result.code == 1
    assert result.err == (
        "There are 2 photos in captions_train2017.json instead of 118,287.\n"
        "There are 2 captions in captions_train2017.json instead of 591,753.\n"
        "1 of the 2 photos of captions_train2017.json are missing, as 1.jpg.\n"
        "captions_val2017.json is missing; it comes with annotations_trainval2017.zip.\n"
    )
    assert links(tmp_path / "coco") == {"annotations/captions_train2017.json", "train2017"}
    assert [record.name for record in records(result, tmp_path)] == ["2.jpg"]


def test_karpathys_split_goes_with_both_folders_of_2014(run: Run, tmp_path: Path) -> None:
    images = [
        {"filepath": "train2014", "filename": "1.jpg", "split": "train", "sentences": []},
        {"filepath": "val2014", "filename": "2.jpg", "split": "restval", "sentences": []},
        {"filepath": "val2014", "filename": "3.jpg", "split": "test", "sentences": []},
    ]
    for image in images:
        image["sentences"] = [{"raw": "A dog."}]
    files: Files = {"dataset_coco.json": json.dumps({"images": images})}
    pictures = photos("train2014/1.jpg", "val2014/2.jpg", "val2014/3.jpg")
    down = folder(tmp_path / "down", {**files, **pictures})
    result = run("coco", down, tmp_path / "coco")
    assert "There are 3 photos in dataset_coco.json instead of 123,287.\n" in result.err
    found = [(record.name, record.split) for record in records(result, tmp_path)]
    assert found == [
        ("train2014/1.jpg", "train"), ("val2014/2.jpg", "train"), ("val2014/3.jpg", "test"),
    ]  # fmt: skip


FLICKR30K: Files = {"results_20130124.token": "1.jpg#0\tA dog .\n2.jpg#0\tA cat .\n"}


def test_flickr30k_is_unpacked_from_compressed_tar_archives(run: Run, tmp_path: Path) -> None:
    text = tar(tmp_path / "flickr30k.tar.gz", {**FLICKR30K, "readme.txt": ""})
    images = photos("flickr30k-images/1.jpg", "flickr30k-images/2.jpg")
    packed = tar(tmp_path / "flickr30k-images.tar.gz", images)
    lists = folder(tmp_path / "entities", {"train.txt": "1\n", "val.txt": "2\n"})
    target = tmp_path / "flickr30k"
    result = run("flickr30k", text, packed, lists, target)
    assert result.err.endswith(
        "There are 2 photos in results_20130124.token instead of 31,783.\n"
        "There are 2 captions in results_20130124.token instead of 158,915.\n"
    )
    assert sorted(path.name for path in (target / "flickr30k-images").iterdir()) == [
        "1.jpg", "2.jpg",
    ]  # fmt: skip
    found = [(record.name, record.split) for record in records(result, tmp_path)]
    assert found == [("1.jpg", "train"), ("2.jpg", "val")]


def test_flickr30k_goes_by_karpathys_split_where_it_is_there(run: Run, tmp_path: Path) -> None:
    images = [{"filename": "2.jpg", "split": "val", "sentences": [{"raw": "A cat ."}]}]
    files: Files = {"dataset_flickr30k.json": json.dumps({"images": images})}
    down = folder(tmp_path / "down", {**FLICKR30K, **files, **photos("images/2.jpg")})
    result = run("flickr30k", down, tmp_path / "flickr30k")
    assert result.err == "There are 1 photos in dataset_flickr30k.json instead of 31,014.\n"
    found = [(record.name, record.split) for record in records(result, tmp_path)]
    assert found == [("2.jpg", "val")]


def test_coco_cn_takes_the_photos_of_coco(run: Run, tmp_path: Path) -> None:
    files = {
        "imageid.human-written-caption.txt": "COCO_val2014_1#0\t一只狗\nCOCO_train2014_2#0\t猫\n",
        "coco-cn_train.txt": "COCO_val2014_1\n",
        "coco-cn_val.txt": "COCO_train2014_2\n",
    }
    text = folder(tmp_path / "coco-cn-version1805", files)
    val = folder(tmp_path / "coco", photos("val2014/COCO_val2014_1.jpg"))
    train = photos("train2014/COCO_train2014_2.jpg", "train2014/COCO_train2014_3.jpg")
    packed = archive(tmp_path / "train2014.zip", train, zipfile.ZIP_STORED)
    result = run("coco_cn", text, val, packed, tmp_path / "coco-cn")
    assert result.code == 1
    assert result.err == (
        "coco-cn_test.txt is missing; it comes with the release of COCO-CN.\n"
        "There are 1 photos on coco-cn_train.txt instead of 18,341.\n"
        "There are 1 photos on coco-cn_val.txt instead of 1,000.\n"
        "There are 2 captions in imageid.human-written-caption.txt instead of 22,218.\n"
    )
    assert {"val2014", "train2014.zip"} <= links(tmp_path / "coco-cn")
    found = [(record.captions, record.split) for record in records(result, tmp_path)]
    assert found == [(("一只狗",), "train"), (("猫",), "val")]


def test_a_damaged_archive_is_named(run: Run, coco: Path, tmp_path: Path) -> None:
    whole = (coco / "val2017.zip").read_bytes()
    (coco / "val2017.zip").write_bytes(whole[: len(whole) // 2])
    result = run("coco", coco, tmp_path / "coco")
    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert "val2017.zip is a damaged archive" in result.err
    middle = bytearray(whole)
    middle[60:90] = bytes(30)
    (coco / "val2017.zip").write_bytes(middle)
    result = run("coco", coco, tmp_path / "coco")
    assert result.code == 1
    assert "val2017.zip is a damaged archive" in result.err
    assert not list((tmp_path / "coco" / "val2017").glob("*.jpg"))


def test_a_cut_compressed_tar_is_named(run: Run, tmp_path: Path) -> None:
    images = {f"images/{number}.jpg": bytes(range(256)) * 50 for number in range(20)}
    packed = tar(tmp_path / "flickr30k-images.tar.gz", images)
    packed.write_bytes(packed.read_bytes()[:-300])
    result = run("flickr30k", folder(tmp_path / "down", FLICKR30K), packed, tmp_path / "flickr30k")
    assert result.code == 1
    assert "flickr30k-images.tar.gz is a damaged archive" in result.err


def test_another_file_in_the_way_is_left_alone(run: Run, tmp_path: Path) -> None:
    down = folder(tmp_path / "down", {**FLICKR8K, **photos("images/1.jpg")})
    target = folder(tmp_path / "flickr8k", {"images/mine.txt": "mine"})
    result = run("flickr8k", down, target)
    assert result.code == 1
    assert f"{target / 'images'} is there already, and is not {down / 'images'}" in result.err
    assert (target / "images" / "mine.txt").read_text() == "mine"


def test_a_link_that_leads_nowhere_is_made_anew(run: Run, tmp_path: Path) -> None:
    down = folder(tmp_path / "down", {**FLICKR8K, **photos("images/1.jpg", "images/2.jpg")})
    target = tmp_path / "flickr8k"
    run("flickr8k", down, target)
    down.rename(tmp_path / "moved")
    result = run("flickr8k", tmp_path / "moved", target)
    assert len(records(result, tmp_path)) == 2


def test_a_wrong_call_is_explained(run: Run, tmp_path: Path) -> None:
    result = run("coco", tmp_path / "nowhere", tmp_path / "coco")
    assert result.code == 2
    assert "nowhere does not exist" in result.err
    assert not (tmp_path / "coco").exists()
    assert run("coco", tmp_path).code == 2


def test_the_real_files_are_laid_out_without_a_copy(run: Run, shared: Path, tmp_path: Path) -> None:
    english = run("flickr8k", shared / "flickr8k", tmp_path / "flickr8k")
    chinese = run("flickr8k_cn", shared / "flickr8k", tmp_path / "flickr8k")
    coco = run("coco", shared / "coco_mini", tmp_path / "coco")
    assert "There are 5,996 photos on Flickr_8k.trainImages.txt instead of 6,000.\n" in english.err
    assert "Flickr_8k.testImages.txt is missing" in chinese.err
    assert "40 of the 80 photos of captions_train2017.json are missing" in coco.err
    files = [path for path in tmp_path.rglob("*") if not path.is_dir() and not path.is_symlink()]
    assert files == []
    for result, count in ((english, 6996), (chinese, 6996), (coco, 40)):
        assert len(records(result, tmp_path)) == count
