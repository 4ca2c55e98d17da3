"""Fuzzing: real inputs, damaged at random, for what reads other people's files and numbers.

    python benchmarks/fuzz.py TARGET SECONDS             TARGET: readers, opener, model, beam,
                                                         sampling, or all, one after another
    python benchmarks/fuzz.py TARGET SECONDS --seed 7    the same inputs again
    python benchmarks/fuzz.py TARGET --seed 7 --case 41  one of them, with its traceback

Every input is made from the seed and its number alone. A target may return or raise one of the
project's own errors. Any other exception, an input that takes more processor time than `--limit` or
does not end, and the end of the process are failures, and the exit code is then 1. Inputs run in a
process of their own, which is started again where it ends or hangs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import multiprocessing
import os
import random
import re
import resource
import shutil
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, features
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from captioner.datasets import (
    FORMATS,
    read_coco_captions,
    read_coco_results,
    read_dataset,
    read_names,
)
from captioner.decoding import BeamOptions, Hypothesis, SamplingOptions, beam_search, sample
from captioner.errors import CaptionerError, ImageError
from captioner.images import Preprocessing, open_image
from captioner.metrics.report import read_report
from captioner.model import (
    CaptioningModel,
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    add_language,
    languages_of,
    read_language,
    read_model,
    save_model,
)
from captioner.pipeline import Captioner
from captioner.text import END, START, Vocabulary

_PATIENCE = 15  # an input may wait so many times its processor time: other processes work, too
MEMORY = 12 * 2**30  # bytes of address space; a damaged input must not take the machine with it
Random = random.Random
Files = dict[str, Any]  # contents by path, or what makes something else than a file
Target = Callable[[Random, Path], str]  # gets an empty folder, returns what came of it


# Damage to bytes


def damaged(data: bytes, chance: Random) -> bytes:
    """The bytes with one to four accidents."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        data = chance.choice(_ACCIDENTS)(data, chance)
    return data


def _flip(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), chance.choice((1, 2, 8)))):
        changed[_place(data, chance)] = chance.randrange(256)
    return bytes(changed)


def _overwrite(data: bytes, chance: Random) -> bytes:
    """Numbers that lengths and offsets are likely to mind."""
    at, size = chance.randrange(len(data) + 1), chance.choice((1, 2, 4, 8))
    number = chance.choice((0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), chance.randrange(256)))
    value = number.to_bytes(size, chance.choice(("little", "big")))
    return data[:at] + value + data[at + size :]


def _cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _drop(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.choice((1, 4, 64, 512)) :]


def _repeat(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return (
        data[:at] + data[at : at + chance.choice((1, 16, 512))] * chance.choice((2, 9)) + data[at:]
    )


def _insert(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_WORDS) + data[at:]


def _digits(data: bytes, chance: Random) -> bytes:
    """Another number where the text has one."""
    numbers = list(re.finditer(rb"\d+", data[:100_000]))
    if not numbers:
        return _flip(data, chance)
    found = chance.choice(numbers)
    new = chance.choice((b"0", b"-1", b"9" * 4301, b"1e999", b"NaN", b"4294967296", b"1.5"))
    return data[: found.start()] + new + data[found.end() :]


def _place(data: bytes, chance: Random) -> int:
    """Rather where headers and tables of contents are."""
    edge = min(len(data), 600)
    return chance.choice(
        (
            chance.randrange(len(data)),
            chance.randrange(edge),
            len(data) - 1 - chance.randrange(edge),
        )
    )


_ACCIDENTS = (_flip, _flip, _overwrite, _overwrite, _cut, _drop, _repeat, _insert, _digits)
_WORDS = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b"'", b",", b"\t", b"[" * 3000, b"{}",
    b'{"a":' * 500, b"\\ud800", b"\x1b[31m", b"#", b"-0.0e-999", b"x" * 200_000, b"\xed\xa0\x80",
    "\u2028".encode(), b"=1+1", b"../" * 20, b"/" * 300,
)  # fmt: skip


# Damage to JSON


class Raw(str):
    """JSON that Python has no value for."""


def spelt(value: Any) -> str:
    """JSON, `Raw` as it is, a list of pairs named `Pairs` as an object whose keys may repeat."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{spelt(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spelt, value)) + "]"
    return json.dumps(value)


def damaged_json(value: Any, chance: Random) -> bytes:
    """A document with one to three of its values changed."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        value = _changed(value, chance)
    return spelt(value).encode("utf-8", "surrogatepass")


def _changed(value: Any, chance: Random) -> Any:
    if isinstance(value, (dict, list)) and value and chance.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = chance.choice(keys)
        changed = dict(value) if isinstance(value, dict) else list(value)
        action = chance.random()
        if action < 0.1:
            del changed[key]
        elif action < 0.2 and isinstance(changed, dict):
            changed[chance.choice((*keys, *map(str, _ODD[:9])))] = value[key]
        elif action < 0.2:
            changed += [value[key]] * chance.choice((1, 2, 500))
        else:
            changed[key] = _changed(value[key], chance)
        return changed
    if isinstance(value, dict) and value and chance.random() < 0.3:  # a key twice
        inside = spelt(value)[1:-1]
        return Raw(
            "{" + inside + "," + inside.replace(spelt(chance.choice(list(value))), '"x"') + "}"
        )
    return chance.choice(_ODD)


_ODD: tuple[Any, ...] = (
    "", "\ud800", "\udce9.jpg", "\0", "a\nb", "x" * 3000, "\x1b]0;x\x07", "../1.jpg", "/1.jpg",
    "1.jpg", "a/b/" * 200, "train", "val", "restval", "lstm", "none", "zh", "regnet_y_400mf",
    None, True, False, 0, 1, -1, 2, 3.0, 7.5, 1e308, 10**18, 2**63, 2**70, 10**400,
    [], {}, [[]], [{}], [None], ["x"], [1, 2, 3], [0.5] * 3, [0.0] * 4, {"a": {"b": []}},
    {"raw": "x"}, ["\ud83d"] * 3, Raw("9" * 5000), Raw("-" + "9" * 4301), Raw("1e99999"),
    Raw("NaN"), Raw("-Infinity"), Raw("[" * 400 + "]" * 400), Raw("[" * 900 + "]" * 900),
    Raw("[" * 5000 + "]" * 5000), Raw('{"a":' * 300 + "1" + "}" * 300), Raw('"\\ud800\\u0041"'),
    Raw("01"), Raw("'x'"),
)  # fmt: skip


# Damage to files and folders


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _upwards(path: Path) -> None:
    path.symlink_to("..")


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


_THINGS = (_pipe, _device, _folder, _loop, _upwards, _hole)


def damaged_files(files: Files, chance: Random) -> Files:
    """A folder with one or two of its files damaged, each as what it is."""
    files = dict(files)
    for name in chance.choices(list(files), k=chance.choice((1, 1, 2))):
        content = files[name]
        if not isinstance(content, bytes):
            continue
        action = chance.random()
        if action < 0.05:
            files[name] = chance.choice(_THINGS)
        elif action < 0.08:
            del files[name]
        elif action < 0.12:
            files[
                str(Path(name).with_name(chance.choice(("\udce9.jpg", "x" * 250, "a\nb", "-"))))
            ] = files.pop(name)
        elif action < 0.16:
            files[name] = chance.choice([c for c in files.values() if isinstance(c, bytes)])
        else:
            files[name] = _damaged_file(name, content, chance)
        if name not in files or len(files) == 0:
            break
    return files


def _damaged_file(name: str, content: bytes, chance: Random) -> bytes:
    suffix = Path(name).suffix
    if chance.random() < 0.3:
        return damaged(content, chance)
    try:
        if suffix == ".json":
            return damaged_json(json.loads(content), chance)
        if suffix == ".jsonl":
            lines = content.decode().splitlines()
            row = chance.randrange(len(lines))
            lines[row] = damaged_json(json.loads(lines[row]), chance).decode("utf-8", "replace")
            return "\n".join(lines).encode()
        if suffix == ".tar":
            return damaged_tar(content, chance)
        if suffix == ".safetensors":
            return damaged_weights(content, chance)
    except (ValueError, RecursionError, SafetensorError):  # damaged a second time
        pass
    return damaged(content, chance)


def damaged_tar(content: bytes, chance: Random) -> bytes:
    """Another field in the header of a member, its checksum made true (POSIX.1, ustar)."""
    at = chance.randrange(0, max(1, len(content) - 512), 512)
    header = bytearray(content[at : at + 512])
    start, size = chance.choice(((0, 100), (100, 8), (124, 12), (124, 12), (156, 1), (345, 155)))
    field = chance.choice(_TAR_FIELDS)
    header[start : start + size] = field[:size].ljust(size, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return content[:at] + bytes(header) + content[at + 512 :]


_TAR_FIELDS = (
    b"", b"0", b"5", b"g", b"x", b"L", b"S", b"77777777777", b"1750", b"-1", b"\xff" * 12,
    b"\xff" * 10 + b"\xfd\xff", b"\x80" + b"\x7f" * 11, b"\x80" + b"\0" * 10 + b"\1", b"a/../b.jpg",
    b"\xff.jpg",
)  # fmt: skip


def damaged_weights(content: bytes, chance: Random) -> bytes:
    """Other values, types and shapes of a tensor; or a header that lies."""
    if chance.random() < 0.4:
        size = int.from_bytes(content[:8], "little")
        header = damaged_json(json.loads(content[8 : 8 + size]), chance)
        length = len(header) + chance.choice((0, 0, 0, 0, 1, -1, 2**20, 2**40))
        return struct.pack("<Q", max(0, length)) + header + content[8 + size :]
    weights = load(content)
    name = chance.choice(list(weights))
    tensor = weights[name]
    change = chance.choice(_TENSOR_CHANGES)
    weights[name] = change(tensor.clone(), chance).contiguous()
    if chance.random() < 0.2:
        del weights[chance.choice(list(weights))]
    return save(weights)


def _spoilt(tensor: Tensor, chance: Random) -> Tensor:
    values = (math.nan, math.inf, -math.inf, 65504.0, 0.0, -1.0, 1e-7)
    tensor.view(-1)[chance.randrange(tensor.numel())] = chance.choice(values)
    return tensor


def _filled(tensor: Tensor, chance: Random) -> Tensor:
    return tensor.fill_(chance.choice((0.0, -1.0, 65504.0, -65504.0, 1e-7)))


def _typed(tensor: Tensor, chance: Random) -> Tensor:
    kinds = (
        torch.int8, torch.int64, torch.bool, torch.float64, torch.bfloat16, torch.complex64,
        torch.float8_e4m3fn, torch.uint16,
    )  # fmt: skip
    return tensor.to(chance.choice(kinds))


def _shaped(tensor: Tensor, chance: Random) -> Tensor:
    return chance.choice(
        (
            tensor.flatten(),
            tensor[:1],
            tensor[:0],
            tensor[None],
            tensor.mT if tensor.dim() > 1 else tensor[1:],
        )
    )


_TENSOR_CHANGES = (_spoilt, _spoilt, _filled, _typed, _shaped)


def written(files: Files, folder: Path) -> Path:
    """Files below a folder; what cannot have such a name is left out."""
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(path)
            else:
                path.write_bytes(content)
        except OSError:
            pass
    return folder


# Readers of caption files


def readers(shared: Path | None) -> Target:
    """Every layout, read as itself, as any other and as what it looks like."""
    sets = list(_datasets())
    if shared:
        for case in sorted(shared.glob("cases/readers/*")):
            found = {f.name: f.read_bytes() for f in case.iterdir() if f.is_file()}
            sets += [("auto", name, found) for name in found if not name.endswith(".jpg")]
    return partial(_read_any, sets=sets)


def _read_any(chance: Random, folder: Path, sets: Sequence[tuple[str, str, Files]]) -> str:
    format, name, files = chance.choice(sets)
    written(damaged_files(files, chance) if chance.random() < 0.97 else files, folder)
    path = folder / name
    reading = chance.random()
    if reading < 0.06:
        references = read_coco_captions(path)
        read_coco_results(path, references)
        return "COCO results"
    if reading < 0.12:
        return str(type(chance.choice((read_names, read_report))(path)))
    if reading < 0.3:
        format = chance.choice(FORMATS)
        path = chance.choice((path, folder))
    images = chance.choice(
        (None, None, None, [folder], [folder / n for n in files if "images" in n])
    )
    dataset = read_dataset(
        chance.choice((path, path, folder)) if reading > 0.7 else path,
        None if reading > 0.7 or format == "auto" else format,
        images,
        split=chance.choice(("", "", "train", "val")),
        language=chance.choice(("en", "zh")),
    )
    dataset.split("val").hold_out([record.name for record in dataset.records[:1]])
    for record in dataset.records:
        assert record.captions
        assert all(isinstance(caption, str) and caption for caption in record.captions)
        if record.name.endswith(".jpg"):
            with contextlib.suppress(ImageError):
                record.photo.read()
    return f"{format}, {min(len(dataset.records), 3)} records, {bool(dataset.missing)}"


def _datasets() -> Iterator[tuple[str, str, Files]]:
    """Format, file and contents of a small dataset of every layout."""
    names = [f"{number}.jpg" for number in range(3)]
    photos: Files = dict.fromkeys(names, b"photo")
    images = [{"id": i, "file_name": n} for i, n in enumerate(names)]
    notes = [{"image_id": i % 3, "id": i, "caption": f"A dog {i}."} for i in range(6)]
    coco = {"info": {}, "images": images, "annotations": notes}
    yield "coco", "c.json", {**photos, "c.json": _json(coco)}
    yield "coco", "c.json", {"images.tar": _tar(photos), "c.json": _json(coco)}
    yield "coco", "c.json", {"images.zip": _zip(photos), "c.json": _json(coco)}
    results = [{"image_id": i, "caption": "a dog"} for i in range(3)]
    yield "coco", "c.json", {**photos, "c.json": _json(coco), "r.json": _json(results)}
    sentences = [{"raw": "A dog.", "tokens": ["a", "dog"]}, {"tokens": ["a", "cat"]}]
    entries = [
        {"filepath": "a", "filename": n, "split": s, "sentences": sentences}
        for n, s in zip(names, ("train", "restval", "val"), strict=True)
    ]
    yield "karpathy", "k.json", {**photos, "k.json": _json({"images": entries})}
    rows = [{"image": n, "captions": ["a dog", "two dogs"], "split": "train"} for n in names]
    lines = "\n".join(map(json.dumps, rows)).encode()
    yield "jsonl", "t.jsonl", {**photos, "t.jsonl": lines}
    yield "jsonl", "t.json", {"images.zip": _zip(photos), "t.json": _json(rows)}
    table = "image,caption,split\n" + "".join(f'{n},"a, dog",val\n' for n in names)
    yield "csv", "t.csv", {**photos, "t.csv": table.encode()}
    yield "csv", "t.tsv", {**photos, "t.tsv": table.replace(",", "\t").encode()}
    tokens = "".join(f"{n}#{i}\tA dog .\n" for n in names for i in range(2)).encode()
    chinese = "".join(f"{n}#zhc#0 一只狗\n" for n in names).encode()
    yield "flickr8k", ".", {
        "Flickr8k.token.txt": tokens, "flickr8kzhc.caption.txt": chinese,
        "images.tar": _tar(photos),
        "Flickr_8k.trainImages.txt": b"0.jpg\n1.jpg\n", "Flickr_8k.devImages.txt": b"2.jpg\n",
    }  # fmt: skip
    yield "flickr30k", ".", {
        **photos, "results_20130124.token": tokens, "train.txt": b"0\n", "val.txt": b"2.jpg\n"
    }  # fmt: skip
    yield "coco-cn", ".", {
        **photos, "imageid.human-written-caption.txt": tokens.replace(b".jpg", b""),
        "coco-cn_train.txt": b"0\n1\n", "coco-cn_val.txt": b"2\n",
    }  # fmt: skip
    metadata = "\n".join(json.dumps({"file_name": n, "text": "a dog"}) for n in names).encode()
    yield "imagefolder", ".", {
        **{f"train/{n}": b"photo" for n in names}, "train/metadata.jsonl": metadata
    }  # fmt: skip
    texts = {n.replace(".jpg", ".txt"): b"a dog\ntwo dogs\n" for n in names}
    yield "sidecar", ".", {**photos, **texts}
    yield "sidecar", ".", {"images.tar": _tar({**photos, **texts})}
    report = {"name": "r", "language": "en", "photos": [
        {"image": n, "caption": "a dog", "references": ["a dog"]} for n in names
    ]}  # fmt: skip
    yield "auto", "r.json", {**photos, "r.json": _json(report)}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _tar(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _zip(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


# The opener of photos


def opener(shared: Path | None) -> Target:
    """Photos of every format that this Pillow writes, and some real ones."""
    photos = list(_photos())
    if shared:
        real = sorted((shared / "coco_mini" / "train2017").glob("*.jpg"))[:4]
        photos += [(".jpg", path.read_bytes()) for path in real]
    return partial(_open_any, photos=photos)


def _open_any(chance: Random, folder: Path, photos: Sequence[tuple[str, bytes]]) -> str:
    suffix, content = chance.choice(photos)
    content = damaged(content, chance)
    source: Any = content
    if chance.random() < 0.3:
        source = folder / f"photo{suffix}"
        source.write_bytes(content)
    photo = open_image(source, at_least=chance.choice((None, 64, 205)))
    assert photo.mode == "RGB"
    assert min(photo.size) >= 1
    np.asarray(photo)
    return f"opened {suffix}"


def _photos() -> Iterator[tuple[str, bytes]]:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 4), dtype=np.uint8)
    colours = Image.fromarray(pixels).resize((96, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("JPEG", "RGB", {"exif": exif}), ("JPEG", "L", {"progressive": True}),
        ("JPEG", "CMYK", {}), ("PNG", "RGBA", {}), ("PNG", "P", {"transparency": 3}),
        ("PNG", "I;16", {}), ("PNG", "1", {}), ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"exif": exif}), ("GIF", "P", {}), ("BMP", "RGB", {}), ("BMP", "P", {}),
        ("DIB", "RGB", {}), ("PPM", "RGB", {}), ("PPM", "L", {}), ("TIFF", "F", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}), ("TIFF", "RGBA", {"exif": exif}),
        ("TIFF", "1", {"compression": "group4"}), ("TIFF", "RGB", {"compression": "jpeg"}),
        ("JPEG2000", "RGB", {}), ("ICO", "RGBA", {}), ("TGA", "RGBA", {"compression": "tga_rle"}),
        ("PCX", "P", {}), ("SGI", "RGB", {}), ("AVIF", "RGB", {}), ("QOI", "RGB", {}),
    ]  # fmt: skip
    for format, mode, options in kinds:
        image = colours.convert("L").convert(mode) if mode == "I;16" else colours.convert(mode)
        out = io.BytesIO()
        try:
            image.save(out, format, **options)
        except (OSError, KeyError, ValueError):  # this Pillow was built without
            continue
        yield f".{format.lower()}", out.getvalue()
    if features.check("webp"):
        out = io.BytesIO()
        rgb = colours.convert("RGB")
        rgb.save(out, "WEBP", save_all=True, append_images=[rgb.rotate(90), rgb], duration=9)
        yield ".webp", out.getvalue()


# Model folders


def model(shared: Path | None) -> Target:
    """Small model folders, of one language and of two; what loads also writes a caption."""
    with tempfile.TemporaryDirectory() as name:
        folders = [_model_files(Path(name), number) for number in range(3)]
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    return partial(_load_any, folders=folders, photo=photo)


_MODELS = (
    (EncoderConfig("mobilenet_v3_small", (2,)), DecoderConfig(hidden_size=8, heads=2)),
    (EncoderConfig("resnet18", (1,)), DecoderConfig("gru", "additive", 8, layers=2, residual=True)),
    (
        EncoderConfig("regnet_y_400mf", (0, 1), ("block1.block1-0",)),
        DecoderConfig("grid_lstm", "aoa", 8, 2, layer_norm=True, kind="bidirectional"),
    ),
)


def _model_files(folder: Path, number: int) -> Files:
    torch.manual_seed(number)
    encoder, decoder = _MODELS[number]
    if number == 2:
        encoder = replace(encoder, identity=())
    size = Preprocessing(size=48)
    words = Vocabulary.build([["a", "dog", "runs"], ["two", "cats"]])
    english = CaptioningModel(ModelConfig(encoder, decoder, size, "en", len(words)))
    own = folder / f"en{number}"
    save_model(own, english, words, "# Card\n")
    if number < 2:
        words = Vocabulary.build([["一只", "狗"]])
        chinese = CaptioningModel(ModelConfig(encoder, decoder, size, "zh", len(words)))
        chinese.encoder = english.encoder
        save_model(folder / f"zh{number}", chinese, words, "# Card\n")
        add_language(own, folder / f"zh{number}")
    return {
        path.relative_to(own).as_posix(): path.read_bytes()
        for path in own.rglob("*")
        if path.is_file()
    }


def _load_any(chance: Random, folder: Path, folders: Sequence[Files], photo: Image.Image) -> str:
    files = chance.choice(folders)
    written(damaged_files(files, chance), folder)
    languages = languages_of(folder)
    loaded, words = read_model(folder)
    if "zh" in languages and loaded.config.language != "zh":
        read_language(folder, "zh", loaded)
    captioner = Captioner(loaded, words, "fuzzed", "cpu")
    try:
        captioner.caption(photo, beam=2, max_length=5, attention=chance.random() < 0.3)
    except RuntimeError as error:
        raise AssertionError("a model was loaded that cannot caption") from error
    return f"captioned in {len(languages)} languages"


# Both searches


@dataclass(frozen=True)
class _Last:
    """The state of a model that looks at the last token and at how many there were."""

    length: int = 0

    def reorder(self, parents: Tensor) -> _Last:
        return self

    def keep(self, images: Tensor) -> _Last:
        return self


def beam(shared: Path | None) -> Target:
    """Beam search over tables of logits, some of them no numbers, with options of all kinds."""
    return partial(_search, search=_beam)


def sampling(shared: Path | None) -> Target:
    """Sampling, likewise."""
    return partial(_search, search=_sampled)


def _search(
    chance: Random, folder: Path, search: Callable[..., tuple[Any, list[list[Hypothesis]]]]
) -> str:
    vocabulary = chance.choice((4, 5, 9, 30))
    lengths = chance.choice((1, 2, 4))
    generator = torch.Generator().manual_seed(chance.randrange(2**40))
    table = torch.randn(lengths, vocabulary, vocabulary, generator=generator)
    table *= chance.choice((0.0, 1.0, 30.0, 1e30))
    for _ in range(chance.choice((0, 0, 1, 3, 40))):
        table.view(-1)[chance.randrange(table.numel())] = chance.choice(_LOGITS)
    if chance.random() < 0.1:
        table.fill_(chance.choice(_LOGITS))

    def step(tokens: Tensor, state: _Last) -> tuple[Tensor, _Last]:
        return table[state.length % lengths][tokens], _Last(state.length + 1)

    images = chance.choice((1, 1, 2, 7))
    options, found = search(chance, step, images, vocabulary)
    assert len(found) == images
    for group in found:
        assert 1 <= len(group) <= options.top
        for own in group:
            assert len(own.tokens) <= options.max_length
            assert all(0 <= token < vocabulary and token != END for token in own.tokens)
            assert not math.isnan(own.log_prob)
            assert not set(own.tokens) & set(options.avoid)
    return f"{sum(map(len, found))} hypotheses"


_LOGITS = (math.nan, math.inf, -math.inf, 3.4e38, -3.4e38, 1e-40, 0.0)


def _mostly(chance: Random, fit: Sequence[Any], unfit: Any) -> Any:
    """An option that can be, but for one time in a hundred."""
    return unfit if chance.random() < 0.01 else chance.choice(fit)


def _common(chance: Random, vocabulary: int) -> dict[str, Any]:
    longest = chance.choice((1, 2, 6, 14, 25))
    return {
        "top": _mostly(chance, (1, 1, 3, 12), 0),
        "min_length": _mostly(chance, (0, 1, longest), longest + 1),
        "max_length": longest,
        "length_penalty": _mostly(chance, (0, 0.8, -5, 5), chance.choice((5.1, math.nan))),
        "no_repeat_ngram": _mostly(chance, (0, 1, 2, 3, 99), -1),
        "avoid": tuple(t for t in range(vocabulary) if t != END and chance.random() < 0.2),
    }


def _beam(
    chance: Random, step: Any, images: int, vocabulary: int
) -> tuple[Any, list[list[Hypothesis]]]:
    phrases = chance.choice((0, 0, 0, 1, 2))
    require = tuple(
        tuple(chance.randrange(vocabulary) for _ in range(chance.choice((1, 1, 2))))
        for _ in range(phrases)
    )
    options = BeamOptions(
        **_common(chance, vocabulary), beam=_mostly(chance, (1, 2, 3, 10, 50), 0), require=require
    )
    return options, beam_search(step, _Last(), images, START, END, options)


def _sampled(
    chance: Random, step: Any, images: int, vocabulary: int
) -> tuple[Any, list[list[Hypothesis]]]:
    options = SamplingOptions(
        **_common(chance, vocabulary),
        temperature=_mostly(chance, (1.0, 0.1, 5e-324, 1e-38, 1e38, 1e308), math.nan),
        top_k=_mostly(chance, (None, 1, 3, 10**9), 0),
        top_p=_mostly(chance, (None, 5e-324, 1e-40, 0.5, 1.0), math.nan),
        seed=chance.choice((0, 1, 2**31)),
    )
    return options, sample(step, _Last(), images, START, END, options)


TARGETS: dict[str, Callable[[Path | None], Target]] = {
    "readers": readers,
    "opener": opener,
    "model": model,
    "beam": beam,
    "sampling": sampling,
}


# Running


@dataclass
class Report:
    """What came of many inputs. slowest: seconds of processor time, and the case. largest: bytes
    of memory above what there was before, and the case."""

    target: str
    seed: int
    seconds: float = 0.0
    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)
    failures: dict[str, list[int]] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The report as a person reads it."""
        mine = sum(n for o, n in self.outcomes.items() if o.startswith("error: "))
        yield (
            f"{self.target}: seed {self.seed}, {self.inputs} inputs in {self.seconds:.0f} s, "
            f"{mine} refused, {len(self.outcomes)} distinct outcomes"
        )
        yield f"  slowest {self.slowest[0]:.2f} s of processor time (case {self.slowest[1]})"
        yield f"  most memory {self.largest[0] / 2**20:.0f} MiB (case {self.largest[1]})"
        for what, cases in self.failures.items():
            yield f"  FAILED {len(cases)} times, case {cases[0]}: {what}"
        if not self.failures:
            yield "  no failure"


@dataclass(frozen=True)
class Result:
    """Of one input. failure: "" where there was none. peak: bytes above what it began with."""

    case: int
    outcome: str
    seconds: float
    peak: int
    failure: str = ""


def run_case(target: Target, seed: int, case: int, folder: Path) -> Result:
    """One input, made and tried in a folder that is emptied afterwards."""
    before = _memory("VmRSS", reset=True)
    started = time.process_time()  # that of the input alone, whatever else the machine does
    failure = ""
    try:
        outcome = target(Random(f"{seed}/{case}"), folder)
    except CaptionerError as error:
        outcome = f"error: {_shape_of(str(error), folder)}"
    except BaseException as error:  # Rust's panics are no Exceptions
        if isinstance(error, KeyboardInterrupt):
            raise
        outcome = f"failure: {type(error).__name__}"
        frames = traceback.extract_tb(error.__traceback__)
        places = [
            f"{Path(f.filename).name}:{f.lineno}" for f in frames if "fuzz.py" not in f.filename
        ]
        failure = f"{type(error).__name__}: {str(error)[:200]!r} at {' > '.join(places[-4:])}"
    seconds = time.process_time() - started
    peak = max(0, _memory("VmHWM") - before)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    return Result(case, outcome, seconds, peak, failure)


def _shape_of(sentence: str, folder: Path) -> str:
    """A sentence without its values."""
    sentence = re.sub(r"'.*?'|\".*?\"|\(.*?\)|\[.*\]|\d+", "~", sentence.replace(str(folder), ""))
    return re.sub(r"\S*[/.]\S+", "~", sentence)[:120]


def _memory(name: str, reset: bool = False) -> int:
    """Bytes of resident memory, now or at their peak since the last reset."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
        return int(found[1]) * 1024 if found else 0
    except OSError:  # elsewhere than on Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(name: str, target: Target, seconds: float, seed: int, limit: float) -> Report:
    """Try inputs for so many seconds; none may take `limit` seconds of processor time."""
    report = Report(name, seed)
    started = time.monotonic()
    case, deadline = 0, started + seconds
    with tempfile.TemporaryDirectory() as scratch:
        while time.monotonic() < deadline:
            trial = _Trial(target, seed, deadline, Path(scratch) / "input")
            case = _until_it_ends(report, trial, case, limit) + 1
    report.seconds = time.monotonic() - started
    return report


@dataclass(frozen=True)
class _Trial:
    """What a process is to try, until when, and in which folder."""

    target: Target
    seed: int
    deadline: float
    folder: Path

    def run(self, first: int, pipe: Any) -> None:
        """Send the result of one input after another, and None at the end."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders have much to say of damage
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        torch.set_num_threads(1)
        case = first
        while time.monotonic() < self.deadline:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
            pipe.send(run_case(self.target, self.seed, case, self.folder))
            case += 1
        pipe.send(None)


def _until_it_ends(report: Report, trial: _Trial, case: int, limit: float) -> int:
    """Let one process try inputs until the time is up, or it hangs or ends; the last case."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=trial.run, args=(case, theirs))
    process.start()
    theirs.close()
    heard, before = time.monotonic(), 0.0
    try:
        while True:
            if ours.poll(0.2):
                result = ours.recv()
                heard, before = time.monotonic(), _spent(process.pid)
                if result is None:
                    return case
                _add(report, result)
                case = result.case + 1
            elif (spent := _spent(process.pid) - before) > limit or (
                time.monotonic() - heard > _PATIENCE * limit
            ):
                process.kill()
                _fail(report, f"did not end; it spent {spent:.0f} s of processor time", case)
                return case
    except EOFError:
        process.join()
        _fail(report, f"the process ended with exit code {process.exitcode}", case)
        return case
    finally:
        process.join()


def _spent(process: int) -> float:
    """Seconds of processor time, by proc_pid_stat(5); nothing where that is not to be had."""
    try:
        values = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def _add(report: Report, result: Result) -> None:
    report.inputs += 1
    report.outcomes[result.outcome] += 1
    report.slowest = max(report.slowest, (result.seconds, result.case))
    report.largest = max(report.largest, (result.peak, result.case))
    if result.failure:
        _fail(report, result.failure, result.case)


def _fail(report: Report, what: str, case: int) -> None:
    kind = re.sub(r"\d+|'.*?'", "~", what)
    known = next((own for own in report.failures if re.sub(r"\d+|'.*?'", "~", own) == kind), what)
    report.failures.setdefault(known, []).append(case)
    if len(report.failures[known]) == 1:
        print(f"{report.target}: seed {report.seed}, case {case}: {what}", flush=True)


def shared_folder() -> Path | None:
    """The folder of real data beside the project, where it is there."""
    own = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("CAPTIONER_SHARED", own.parent / "shared"))
    return folder if folder.is_dir() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("seconds", type=float, nargs="?", default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--case", type=int, help="try this one input and show what it raises")
    parser.add_argument(
        "--limit", type=float, default=20.0, help="seconds of processor an input may take"
    )
    parser.add_argument("--outcomes", action="store_true", help="list them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"seed {options.seed}", flush=True)
    failed = False
    for name in TARGETS if options.target == "all" else [options.target]:
        target = TARGETS[name](shared_folder())
        if options.case is not None:
            with tempfile.TemporaryDirectory() as folder:
                print(target(Random(f"{options.seed}/{options.case}"), Path(folder)))
            continue
        report = fuzz(name, target, options.seconds, options.seed, options.limit)
        print("\n".join(report.lines()), flush=True)
        if options.outcomes:
            for outcome, count in report.outcomes.most_common():
                print(f"  {count:7} {outcome!r}")
        failed |= bool(report.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
