"""`captioner folder`, as a person runs it."""

import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from command import Terminal, folder, names, rows
from conftest import MakePhotos

import captioner
from captioner import installed
from captioner.datasets.layouts.tables import csv_rows
from captioner.folder import devices
from captioner.folder.journal import Journal
from captioner.speed import processes

PHOTOS = ("1.png", "2.png", "10.png", "sub/1.png", "sub/deep/2.png")


@pytest.fixture
def photos(tmp_path: Path, make_photos: MakePhotos) -> Path:
    make_photos(tmp_path / "photos", *PHOTOS)
    return tmp_path / "photos"


def test_every_photo_has_a_line_in_natural_order(
    photos: Path, tmp_path: Path, model: Path, float32: None
) -> None:
    out = tmp_path / "captions.jsonl"
    result = folder(photos, "-o", out, "--model", model)
    assert result.code == 0
    assert result.stdout == ""
    assert result.stderr.startswith("captioner: 5 captioned, 0 skipped, 0 failed; ")
    assert names(out) == list(PHOTOS)
    alone = captioner.load_model(model, "cpu")
    for row in rows(out):
        caption = alone.caption(photos / row["image"], beam=3)
        assert row["caption"] == caption.text
        assert row["score"] == pytest.approx(caption.score, abs=1e-3)
        assert row["model"] == "tiny"
        assert row["log_prob"] == pytest.approx(caption.log_prob, abs=1e-3)
        assert set(row) == {"image", "language", "caption", "log_prob", "score", "model"}


def test_a_folder_is_all_that_has_to_be_said(
    photos: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "DEFAULT_MODEL", str(model))
    monkeypatch.chdir(tmp_path)
    result = folder(photos)
    assert result.code == 0
    assert names(tmp_path / "captions.jsonl") == list(PHOTOS)
    assert result.stderr.endswith("The captions are in captions.jsonl.\n")


def test_the_same_command_again_changes_nothing(photos: Path, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "captions.jsonl"
    folder(photos, "-o", out, "--model", model)
    before = out.read_bytes()
    result = folder(photos, "-o", out, "--model", model)
    assert out.read_bytes() == before
    assert (result.code, result.stderr[:38]) == (0, "captioner: 0 captioned, 5 skipped, 0 f")


def test_a_tables_columns_and_a_list_of_results(photos: Path, tmp_path: Path, model: Path) -> None:
    (photos / "bad.jpg").write_text("no photo")
    table, listing = tmp_path / "captions.csv", tmp_path / "captions.json"
    assert folder(photos, "-o", table, "--model", model, "--top", "2").code == 1
    with table.open(encoding="utf-8", newline="") as file:
        found = {row["image"]: row for row in csv.DictReader(file)}
    assert found["bad.jpg"] == {
        "image": "bad.jpg", "language": "", "caption": "", "log_prob": "", "score": "",
        "model": "", "caption_2": "",
        "error": "bad.jpg is not a photo in any known format.",
    }  # fmt: skip
    assert found["1.png"]["caption_2"] not in ("", found["1.png"]["caption"])
    result = folder(photos, "-o", listing, "--model", model)
    assert result.code == 1
    assert "1 failed" in result.stderr
    assert f"listed in {tmp_path / 'captions.failed.jsonl'}." in result.stderr
    assert [row["image_id"] for row in json.loads(listing.read_text())] == [
        1, 2, 10, "sub/1.png", "sub/deep/2.png",
    ]  # fmt: skip


def test_lines_on_standard_output_are_the_same_as_in_a_file(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    folder(photos, "-o", tmp_path / "out.jsonl", "--model", model)
    result = folder(photos, "-o", "-", "--model", model)
    assert result.stdout == (tmp_path / "out.jsonl").read_text()
    assert result.code == 0


def test_a_list_on_standard_input(
    photos: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    listing = io.TextIOWrapper(io.BytesIO(b"sub/1.png\nnowhere.jpg\n2.png\n"))
    monkeypatch.setattr("sys.stdin", listing)
    result = folder("-", "-o", "-", "--model", model)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(row["image"] for row in found) == ["2.png", "nowhere.jpg", "sub/1.png"]
    assert "captioner: nowhere.jpg does not exist." in result.stderr
    assert result.code == 1


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_photos_in_an_archive_have_the_captions_that_they_have_outside(
    photos: Path, tmp_path: Path, model: Path, kind: str
) -> None:
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, photos)
    folder(photos, "-o", tmp_path / "outside.jsonl", "--model", model)
    assert folder(archive, "-o", tmp_path / "inside.jsonl", "--model", model).code == 0
    assert rows(tmp_path / "inside.jsonl") == rows(tmp_path / "outside.jsonl")
    shutil.move(archive, photos)
    folder(photos, "-o", tmp_path / "both.jsonl", "--model", model)
    assert sorted(names(tmp_path / "both.jsonl")) == sorted(
        [*PHOTOS, *(f"packed.{kind}/{name}" for name in PHOTOS)]
    )


def test_an_update_captions_changed_photos_again(
    photos: Path, tmp_path: Path, model: Path, make_photos: MakePhotos
) -> None:
    out = tmp_path / "out.jsonl"
    (photos / "late.png").write_text("not yet")
    assert folder(photos, "-o", out, "--model", model).code == 1
    before = {row["image"]: row for row in rows(out)}
    make_photos(photos, "late.png", "new.png")
    (photos / "2.png").write_bytes((photos / "10.png").read_bytes())
    assert "1 captioned, 5 skipped, 1 failed" in folder(photos, "-o", out, "--model", model).stderr
    result = folder(photos, "-o", out, "--model", model, "--update")
    assert result.code == 0
    assert "2 captioned, 5 skipped, 0 failed" in result.stderr
    after = {row["image"]: row for row in rows(out)}
    assert sorted(names(out)) == sorted([*PHOTOS, "late.png", "new.png"])
    assert after["2.png"]["caption"] == before["10.png"]["caption"]
    assert "caption" in after["late.png"]
    untouched = set(PHOTOS) - {"2.png"}
    assert {n: after[n] for n in untouched} == {n: before[n] for n in untouched}


def test_shards_together_are_the_whole(
    photos: Path, tmp_path: Path, model: Path, float32: None
) -> None:
    folder(photos, "-o", tmp_path / "whole.jsonl", "--model", model)
    found = []
    for number in (1, 2, 3):
        shard = ("--shard", f"{number}/3", "-o", tmp_path / "part.jsonl")
        assert folder(photos, *shard, "--model", model).code == 0
        found += rows(tmp_path / f"part.{number}-of-3.jsonl")

    def captions(lines: list[dict[str, str]]) -> list[tuple[str, str]]:
        return sorted((line["image"], line["caption"]) for line in lines)

    assert captions(found) == captions(rows(tmp_path / "whole.jsonl"))


def test_patterns_and_a_flat_folder(photos: Path, model: Path) -> None:
    def found(*options: str) -> list[str]:
        lines = folder(photos, "-o", "-", "--model", model, *options).stdout.splitlines()
        return [json.loads(line)["image"] for line in lines]

    assert found("--no-recursive") == ["1.png", "2.png", "10.png"]
    assert found("--include", "1*", "--include", "sub/deep/*", "--exclude", "10.*") == [
        "1.png", "sub/1.png", "sub/deep/2.png",
    ]  # fmt: skip


def test_an_empty_folder_gives_an_empty_output(tmp_path: Path, model: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name, content in (
        ("a.jsonl", ""),
        ("a.csv", '"image",language,caption,log_prob,score,model,error\n'),
    ):
        result = folder(tmp_path / "photos", "-o", tmp_path / name, "--model", model)
        assert (result.code, (tmp_path / name).read_text()) == (0, content)
        assert "0 captioned, 0 skipped, 0 failed" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "-o", "a.jsonl"], "nowhere does not exist"),
        (["photos", "-o", "a.txt"], "must be called .jsonl, .csv or .json"),
        (["photos", "-o", "nowhere/a.jsonl"], "nowhere/a.jsonl.journal cannot be written"),
        (["photos", "-o", "a.jsonl", "--shard", "5/3"], "A shard is written as 3/16"),
        (
            ["photos", "-o", "a.jsonl", "--beam", "0"],
            "beam must be a whole number from 1 to 10, not 0",
        ),
        (["photos", "-o", "a.jsonl", "--top", "99"], "top must be a whole number from 1 to 10"),
        (["photos", "-o", "a.jsonl", "--require", "xyz"], "does not know the word 'xyz'"),
        (["photos", "-o", "a.jsonl", "--beam", "2", "--seed", "1"], "seed with sampling"),
        (["photos", "-o", "a.jsonl", "--batch", "0"], "batch must be 1 or more, not 0"),
        (["photos", "-o", "a.jsonl", "--workers", "-1"], "workers must be 1 or more, not -1"),
        (["photos", "-o", "a.jsonl", "--model", "nobody"], "no model named 'nobody'"),
        (["photos", "-o", "-", "--sidecar"], "cannot go to standard output"),
        (["photos/1.png", "-o", "a.jsonl"], "is one photo"),
        (["photos", "-o", "a.jsonl", "--device", "gpu"], "'gpu' is no device such as cpu"),
        (["photos", "-o", "a.jsonl", "--device", "cpu,cuda:99"], "There is no device 'cuda:99'"),
        (["photos", "-o", "a.jsonl", "--html", "no/a.html"], "There is no folder no for a.html"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_writes_nothing(
    photos: Path, model: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(photos.parent)
    before = sorted(photos.parent.rglob("*"))
    result = folder("--model", model, *arguments)
    assert result.code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("captioner: ")
    assert line.endswith(".")
    assert said in line
    assert sorted(photos.parent.rglob("*")) == before


def test_two_runs_at_once_are_refused(photos: Path, tmp_path: Path, model: Path) -> None:
    journal = Journal(tmp_path / "out.jsonl.journal")
    result = folder(photos, "-o", tmp_path / "out.jsonl", "--model", model)
    journal.close()
    assert result.code == 2
    assert "Another run is writing the same captions" in result.stderr


def test_a_reader_that_leaves_early_is_no_error(photos: Path, model: Path) -> None:
    command = f"{sys.executable} -m captioner folder {photos} -o - --model {model} | true"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in result.stderr
    assert "BrokenPipe" not in result.stderr


def test_without_a_terminal_there_is_a_plain_line_now_and_then(
    photos: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captioner.folder.progress.LINE_SECONDS", 0.0)
    result = folder(photos, "-o", tmp_path / "o.jsonl", "--model", model, "--batch", "1")
    lines = result.stderr.splitlines()
    assert len(lines) == len(PHOTOS) + 1
    assert re.fullmatch(r"4 of 5 photos, [0-9,.]+ a second, about \d+ s left", lines[3])


def test_on_a_terminal_there_is_a_bar(photos: Path, tmp_path: Path, model: Path) -> None:
    (photos / "bad.jpg").write_text("no photo")
    folder(photos, "-o", tmp_path / "o.jsonl", "--model", model, "--exclude", "sub")
    result = folder(photos, "-o", tmp_path / "o.jsonl", "--model", model, errors=Terminal)
    last = result.stderr.split("\r")[-1]
    assert "6/6" in last
    assert "photo/s" in last
    assert "2 captioned, 3 skipped, 1 failed" in last


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing runs on a GPU, a process for a device need not import torch anew."""
    if not hasattr(os, "fork"):
        pytest.skip("needs a system that can fork")
    monkeypatch.setattr(devices, "pool", lambda count, method: processes.pool(count, "fork"))


def test_several_devices_give_the_same_captions(
    photos: Path, tmp_path: Path, model: Path, forked: None
) -> None:
    for out, where in (("one.jsonl", "cpu"), ("two.jsonl", "cpu,cpu")):
        arguments = ("-o", tmp_path / out, "--model", model, "--device", where, "--batch", "2")
        assert folder(photos, *arguments).code == 0
    one, two = rows(tmp_path / "one.jsonl"), rows(tmp_path / "two.jsonl")
    assert [(row["image"], row["caption"]) for row in one] == [
        (row["image"], row["caption"]) for row in two
    ]


def test_several_devices_without_a_model_are_one_sentence(
    photos: Path, tmp_path: Path, forked: None
) -> None:
    arguments = ("-o", tmp_path / "o.jsonl", "--device", "cpu,cpu", "--model", "nobody")
    result = folder(photos, *arguments)
    assert result.code == 2
    assert "There is no model named 'nobody'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_table_of_an_earlier_version_is_gone_on_with_in_one_spelling(
    model: Path, tmp_path: Path, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, path = tmp_path / "photos", tmp_path / "captions.csv"
    make_photos(photos, "-a.png")
    with monkeypatch.context() as earlier:
        earlier.setattr("captioner.text.spreadsheet.header", lambda names: ",".join(names) + "\r\n")
        earlier.setattr("captioner.text.spreadsheet.harmless", str)
        assert folder(photos, "--model", model, "-o", path).code == 0
    assert path.read_bytes().startswith(b"image,")
    make_photos(photos, "-b.png")
    assert folder(photos, "--model", model, "-o", path).code == 0
    assert [row.image for row in csv_rows(path)] == ["-a.png", "-b.png"]
    assert path.read_bytes().count(b"\n'-") == 2
    assert folder(photos, "--model", model, "-o", path).code == 0


def process(
    *arguments: object, home: Path, most: int | None = None, stdout: object = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own; most: bytes that a file of it may have."""
    limit = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({most}, {most})); " if most else ""
    start = f"import sys; {limit}from captioner.cli import main; sys.exit(main(sys.argv[1:]))"
    options = ("--device", "cpu", "--workers", "1", *map(str, arguments))
    return subprocess.run(
        [sys.executable, "-c", start, "folder", *options],
        cwd=home, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=240, check=False,
    )  # fmt: skip


def assert_one_sentence(code: int, told: str, *parts: str) -> None:
    assert code == 2
    [line] = told.splitlines()
    assert line.startswith("captioner: ")
    assert line.endswith(".")
    assert all(part in line for part in parts)


def test_a_full_disk_is_one_sentence(photos: Path, tmp_path: Path, model: Path) -> None:
    """The journal is smaller than the limit, the captions would be larger."""
    arguments = (photos, "--model", model, "--trigger", "x" * 20_000, "-o", tmp_path / "c.csv")
    done = process(*arguments, home=tmp_path, most=90_000)
    assert_one_sentence(done.returncode, done.stderr, "cannot be written")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_standard_output_that_is_full_is_one_sentence(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    with open("/dev/full", "w") as full:
        done = process(photos, "--model", model, "-o", "-", home=tmp_path, stdout=full)
    assert_one_sentence(done.returncode, done.stderr, "Standard output cannot be written")


@pytest.mark.parametrize("kind", ["/dev/zero", "/dev/null", "pipe", "socket", "pipe.zip"])
def test_what_is_no_ordinary_file_is_no_collection(
    kind: str, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(kind) if kind.startswith("/") else tmp_path / kind
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "socket":
            monkeypatch.chdir(tmp_path)  # a socket's path has a hundred bytes at most
            server.bind(kind)
        elif not kind.startswith("/"):
            os.mkfifo(place)
        result = folder(place, "--model", model, "-o", tmp_path / "captions.jsonl")
    assert_one_sentence(result.code, result.stderr, "is not an ordinary file")
    assert not (tmp_path / "captions.jsonl").exists()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_an_output_that_is_no_ordinary_file_is_refused_at_once(
    kind: str, photos: Path, tmp_path: Path, model: Path
) -> None:
    out = tmp_path / "captions.csv"
    if kind == "pipe":
        os.mkfifo(out)
    else:
        out.symlink_to("/dev/full")
    result = folder(photos, "--model", model, "-o", out)
    assert_one_sentence(result.code, result.stderr, "captions.csv is not an ordinary file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captions.csv", "photos"]


def test_a_text_that_is_a_pipe_fails_its_photo_alone(
    tmp_path: Path, model: Path, make_photos: MakePhotos
) -> None:
    make_photos(tmp_path, "a.png", "b.png")
    os.mkfifo(tmp_path / "a.txt")
    result = folder(tmp_path, "--model", model, "--sidecar", "--existing", "append")
    assert result.code == 1
    assert "a.txt is not an ordinary file." in result.stderr
    assert (tmp_path / "b.txt").read_text()


def test_of_a_damaged_archive_the_whole_photos_are_captioned(
    photos: Path, tmp_path: Path, model: Path
) -> None:
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(photos / "1.png", "1.png")
        archive.add(photos / "2.png", "2.png")
    with tarfile.open(path) as archive:
        cut = archive.getmembers()[1].offset_data + 100
    path.write_bytes(path.read_bytes()[:cut])
    result = folder(path, "--model", model, "-o", tmp_path / "captions.jsonl")
    assert result.code == 1
    done = {row["image"]: "caption" in row for row in rows(tmp_path / "captions.jsonl")}
    assert done.pop("1.png")
    assert not any(done.values())
    assert "Traceback" not in result.stderr
    assert "photos.tar" in result.stderr
