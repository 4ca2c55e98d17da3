"""A model as a folder of static files: a page that captions in the visitor's own browser."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

from captioner.errors import ModelError
from captioner.export.folder import ExportOptions, export_model
from captioner.export.runtime import CPU_FILES, GPU_FILES, PACKAGE, runtime_files
from captioner.files import writing

_PAGE = Path(__file__).parent / "site"
_PACKED = (".onnx", ".wasm")  # these make up nearly all of it, and lose from a tenth to two thirds


def export_web(
    folder: Path, site: Path, options: ExportOptions | None = None, runtime: Path | None = None
) -> None:
    """Write a site that captions with the model of a folder; files of earlier ones are replaced.

    runtime: the npm package of ONNX Runtime Web, see `runtime_files`.

    Raises as `export_model`, and MissingError where the runtime cannot be had.
    """
    options = replace(options or ExportOptions("int8"), stored=True)
    with runtime_files(runtime) as files, writing(site, ModelError):
        for name in ("model", "runtime"):
            shutil.rmtree(site / name, ignore_errors=True)
        shutil.copytree(_PAGE, site, dirs_exist_ok=True)
        (site / "runtime").mkdir()
        for name in (*CPU_FILES, *GPU_FILES):
            shutil.copy(files / name, site / "runtime" / name)
        (site / "runtime" / "README.txt").write_text(_ABOUT, encoding="utf-8")
        languages = export_model(folder, site / "model", options)
        (site / "languages.json").write_text(json.dumps(languages), encoding="utf-8")
        _pack(site)


def _pack(site: Path) -> None:
    """Compress what is large, and write down what there is and which version of it this is."""
    found = {}
    version = hashlib.sha256()
    for path in sorted(own for own in site.rglob("*") if own.is_file()):
        name = path.relative_to(site).as_posix()
        packed = path.suffix in _PACKED
        if packed:
            content = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
            path.with_name(path.name + ".gz").write_bytes(content)
            path.unlink()
        else:
            content = path.read_bytes()
        version.update(name.encode() + hashlib.sha256(content).digest())
        if name.startswith(("model/", "runtime/")):
            found[name] = {"bytes": len(content), "packed": packed}
    (site / "files.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    keeper = site / "service-worker.js"
    text = keeper.read_text(encoding="utf-8").replace("} VERSION", f"}} {version.hexdigest()[:16]}")
    keeper.write_text(text, encoding="utf-8")


_ABOUT = f"""ONNX Runtime Web, from the npm package {PACKAGE}.

Copyright (c) Microsoft Corporation. All rights reserved.

MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
