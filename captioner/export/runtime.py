"""ONNX Runtime Web: the files of its npm package that a page needs."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from captioner.errors import MissingError
from captioner.files import MB, check_file, raising
from captioner.messages import Message

PACKAGE = "onnxruntime-web@1.30.0"
_SHA512 = (  # of its archive
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
_WASM = "ort-wasm-simd-threaded"
CPU_FILES = ("ort.wasm.min.mjs", f"{_WASM}.mjs", f"{_WASM}.wasm")
GPU_FILES = ("ort.webgpu.min.mjs", f"{_WASM}.asyncify.mjs", f"{_WASM}.asyncify.wasm")


@contextmanager
def runtime_files(given: Path | None) -> Iterator[Path]:
    """A folder with the package's files as they lie in its `dist`.

    given: the package's archive, or the folder that it was unpacked or installed to; without it npm
    is asked for the archive.

    Raises MissingError where they cannot be had, or an archive is not the one that is known.
    """
    if given and os.path.isdir(given):
        inside = (given / "dist", given / "package" / "dist")
        yield _checked(next((own for own in inside if own.is_dir()), given))
        return
    with tempfile.TemporaryDirectory() as scratch:
        archive = given or _fetched(Path(scratch))
        yield _checked(_unpacked(archive, Path(scratch)))


def _fetched(folder: Path) -> Path:
    npm = shutil.which("npm")
    why = Message("npm is not installed")
    if npm:
        call = [npm, "pack", "--silent", "--pack-destination", str(folder), PACKAGE]
        done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=folder)
        found = list(folder.glob("*.tgz"))
        if done.returncode == 0 and found:
            return found[0]
        why = Message("npm cannot fetch it")
    raise MissingError(
        "The page needs the npm package {} ({}): fetch it with `npm pack {}` where there is npm, "
        "and give the archive as --runtime.",
        PACKAGE,
        why,
        PACKAGE,
    )


def _unpacked(archive: Path, folder: Path) -> Path:
    """The few files that are needed, of an archive that is the one that is known."""
    with raising(MissingError):
        check_file(archive, most=100 * MB)
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != _SHA512:
        raise MissingError("{} is not the archive of {}.", archive, PACKAGE)
    wanted = {f"package/dist/{name}" for name in (*CPU_FILES, *GPU_FILES)}
    with tarfile.open(archive) as files:
        for member in files:
            if member.name in wanted:
                content = files.extractfile(member)
                assert content is not None
                (folder / Path(member.name).name).write_bytes(content.read())
    return folder


def _checked(folder: Path) -> Path:
    missing = [name for name in (*CPU_FILES, *GPU_FILES) if not (folder / name).is_file()]
    if missing:
        raise MissingError(
            "{} is not the folder of {}: {} is missing.", folder, PACKAGE, missing[0]
        )
    return folder
