"""Files that grow row by row and survive being killed."""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captioner.captions import Row, form_of
from captioner.errors import FolderError
from captioner.files import write_whole
from captioner.folder.journal import Journal
from captioner.folder.outputs import Again, Done, FileOutput
from captioner.images import Photo
from captioner.messages import Message

SETTINGS = {"model": "m", "beam": 3}
NEVER = Again()


def begin(path: Path, again: Again = NEVER, **changed: object) -> FileOutput:
    journal = Journal(path.with_name(f"{path.name}.journal"))
    try:
        return FileOutput(path, form_of(path), journal, again, {**SETTINGS, **changed})
    except BaseException:
        journal.close()
        raise


def done(name: str, caption: str = "a dog") -> Done:
    good, bad = Row(name, caption, "en", -2.0, -1.0, "m"), Message("{} is bad.", name)
    return Done(Photo(name, name), (good if caption else Row(name, error=bad),), "", None)


def run(path: Path, *names: str) -> None:
    """A whole run over photos of these names; ones that end in "bad" fail."""
    output = begin(path)
    for name in names:
        if output.wants(Photo(name, name)):
            output.write(done(name, "" if name.endswith("bad") else f"a {name}"))
    output.finish()
    output.close()


def images(path: Path) -> list[str]:
    return [json.loads(line)["image"] for line in path.read_bytes().splitlines()]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_a_second_run_adds_what_is_new(out: Path) -> None:
    run(out, "1", "2")
    run(out, "1", "3", "2")
    assert images(out) == ["1", "2", "3"]


ACTIONS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 9)),
    st.tuples(st.just("change"), st.integers(0, 9)),
    st.just(("save", 0)),
    st.tuples(st.just("kill"), st.integers(0, 60)),
    st.just(("finish", 0)),
)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".json"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(ACTIONS, max_size=25))
def test_after_any_history_of_kills_each_photo_has_one_row(
    tmp_path: Path, suffix: str, history: list[tuple[str, int]]
) -> None:
    """A kill leaves any number of bytes of what was about to be saved, and no commit."""
    path = tmp_path / f"out{suffix}"
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.journal").unlink(missing_ok=True)
    output = begin(path)
    saved: dict[str, str] = {}
    recent: dict[str, str] = {}
    for number, (action, value) in enumerate(history):
        name = f"{value}.jpg"
        if action == "write" and name not in {**saved, **recent}:
            recent[name] = f"a {number}"
            output.write(done(name, recent[name]))
        elif action == "change" and name in {**saved, **recent}:
            recent[name] = f"another {number}"
            output.write(done(name, recent[name]))
        elif action == "save":
            output.save()
            saved, recent = {**saved, **recent}, {}
        elif action == "kill":
            torn = output._waiting.getvalue()[:value]
            output._file.seek(output._length)
            output._file.write(torn + b"?" * (value % 3))
            output.close()
            output, recent = begin(path), {}
        elif action == "finish":
            output.finish()
            output.close()
            output = begin(path)
            saved, recent = {**saved, **recent}, {}
    output.finish()
    rows = {row.image: row.caption for row in output.journal.rows()}
    content, form = path.read_bytes(), form_of(path)
    expected = form.header
    for row in output.journal.rows():
        expected += form.spell(row, expected == form.header)
    output.close()
    assert rows == {**saved, **recent}
    assert content == expected + form.footer


@pytest.mark.parametrize("moment", ["fsync", "replace", "commit"])
@pytest.mark.parametrize("changes", [False, True])
def test_a_kill_between_any_two_steps_loses_nothing(
    out: Path, monkeypatch: pytest.MonkeyPatch, moment: str, changes: bool
) -> None:
    class Killed(BaseException):
        pass

    def kill_at(number: int, real: Callable[..., object]) -> Callable[..., object]:
        calls = iter(range(100))

        def call(*arguments: object, **options: object) -> object:
            if next(calls) == number:
                raise Killed
            return real(*arguments, **options)

        return call

    for number in range(8):
        out.unlink(missing_ok=True)
        run(out, "1", "2")
        with monkeypatch.context() as patch:
            owner = Journal if moment == "commit" else os
            patch.setattr(owner, moment, kill_at(number, getattr(owner, moment)))
            output = None
            with contextlib.suppress(Killed):
                output = begin(out, Again(changed=True))
                output.write(done("3"))
                if changes:
                    output.write(done("1", "a cat"))
                output.save()
                output.finish()
            if output:
                output.close()
        output = begin(out)
        for name in ("1", "2", "3"):
            if output.wants(Photo(name, name)):
                output.write(done(name))
        output.finish()
        output.close()
        assert sorted(images(out)) == ["1", "2", "3"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".json"])
def test_a_kill_before_anything_was_saved_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def killed(file: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / f"out{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            begin(path)
    assert path.exists()
    run(path, "1.jpg")
    assert b"a 1.jpg" in path.read_bytes()


def test_after_every_save_a_list_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    output = begin(path)
    for number in range(3):
        assert len(json.loads(path.read_bytes())) == number
        output.write(done(f"{number}.jpg"))
        output.save()
    output.close()


def test_failures_have_a_file_of_their_own_where_the_form_has_no_place(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    run(path, "1.jpg", "2bad")
    assert json.loads(path.read_bytes()) == [{"image_id": 1, "caption": "a 1.jpg"}]
    assert images(tmp_path / "out.failed.jsonl") == ["2bad"]
    output = begin(path, Again(failed=True))
    output.write(done("2bad", "a cat"))
    output.finish()
    output.close()
    assert not (tmp_path / "out.failed.jsonl").exists()


def test_a_deleted_output_is_begun_anew(out: Path) -> None:
    run(out, "1", "2")
    out.unlink()
    run(out, "2", "3")
    assert images(out) == ["2", "3"]


def test_other_settings_are_refused(out: Path) -> None:
    run(out, "1")
    before = out.read_bytes()
    with pytest.raises(FolderError, match=r"out\.jsonl was begun with beam 3, not with beam 5"):
        begin(out, beam=5)
    with pytest.raises(FolderError, match="begun with model 'm', not with model 'n'"):
        begin(out, model="n")
    with pytest.raises(FolderError, match="begun without avoid, not with avoid 'brown, red ball'"):
        begin(out, avoid=("brown", "red ball"))
    assert out.read_bytes() == before


def test_what_an_earlier_version_did_not_record_was_the_usual(out: Path) -> None:
    run(out, "1")
    begin(out, max_length=20, seed=None).close()
    with pytest.raises(FolderError, match="begun with max_length 20, not with max_length 14"):
        begin(out, max_length=14)


def test_a_photo_has_a_row_in_each_language_and_loses_all_of_them_together(out: Path) -> None:
    def both(caption: str) -> Done:
        rows = (Row("1", caption, "en"), Row("1", f"{caption} 猫", "zh"))
        return Done(Photo("1", "1"), rows, "", None)

    for caption in ("a dog", "a cat"):
        output = begin(out)
        output.write(both(caption))
        output.finish()
        output.close()
        lines = [json.loads(line) for line in out.read_bytes().splitlines()]
        assert [(own["language"], own["caption"]) for own in lines] == [
            ("en", caption), ("zh", f"{caption} 猫"),
        ]  # fmt: skip


@pytest.mark.parametrize("change", [lambda b: b + b"{}\n", lambda b: b[:-9], bytes.upper])
def test_a_file_that_someone_changed_is_left_alone(
    out: Path, change: Callable[[bytes], bytes]
) -> None:
    run(out, "1", "2")
    changed = change(out.read_bytes())
    out.write_bytes(changed)
    with pytest.raises(FolderError, match="was changed since this command wrote it"):
        begin(out)
    assert out.read_bytes() == changed


def test_a_file_of_someone_else_is_left_alone(out: Path) -> None:
    out.write_text("mine")
    with pytest.raises(FolderError, match="is there already and was not begun by this command"):
        begin(out)
    assert out.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "x", [b""], FolderError)
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(FolderError, match=r"out\.jsonl cannot be written \(Is a directory\)"):
        begin(tmp_path / "out.jsonl")


def test_a_longest_name_can_be_written(tmp_path: Path) -> None:
    write_whole(tmp_path / ("x" * 255), [b"a", b"b"], FolderError)
    assert (tmp_path / ("x" * 255)).read_bytes() == b"ab"
    assert len(list(tmp_path.iterdir())) == 1
