"""A visitor's photo: looked at once, written about as often as choices change."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from captioner import Captioner, CaptionOptions
from captioner.errors import ImageError
from captioner.ui import captioning
from captioner.ui.batching import Batcher
from captioner.ui.captioning import Kept, Memory, tell
from captioner.ui.uploads import Upload

Draw = Callable[[str], Path]


def upload(path: Path, name: str = "") -> Upload:
    return Upload(str(path), name or path.name)


def test_other_choices_need_no_second_look(
    tiny: Captioner, batcher: Batcher, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = draw("dog.png")
    first = tell(batcher, tiny, upload(photo), CaptionOptions(), None)
    photo.unlink()
    monkeypatch.setattr(captioning, "opened", lambda *_, **__: pytest.fail("it was opened again"))

    again = tell(
        batcher, tiny, upload(photo), CaptionOptions(avoid=first.caption.tokens[:1]), first.kept
    )

    assert first.caption.tokens[0] not in again.caption.tokens
    assert again.kept.seen[tiny.name].features is first.kept.seen[tiny.name].features


def test_another_photo_or_another_model_is_looked_at(
    tiny: Captioner, batcher: Batcher, draw: Draw
) -> None:
    dog, cat = draw("dog.png"), draw("cat.png")
    first = tell(batcher, tiny, upload(dog), CaptionOptions(), None)
    second = tell(batcher, tiny, upload(cat), CaptionOptions(), first.kept)
    assert second.caption.text == tiny.caption(cat, top=5).text
    assert second.kept.path == str(cat)
    assert second.kept.picture != first.kept.picture

    other = Captioner(tiny.model, tiny.vocabulary, "other", "cpu")
    third = tell(batcher, other, upload(cat), CaptionOptions(), second.kept)
    assert set(third.kept.seen) == {"tiny", "other"}
    assert third.kept.picture == second.kept.picture


@pytest.mark.parametrize("name", ["<b>notes</b>.jpg", "笔记 '1'.jpg"])
def test_a_problem_names_the_file_as_the_person_knows_it(
    tiny: Captioner, batcher: Batcher, tmp_path: Path, name: str
) -> None:
    notes = tmp_path / "notes"
    notes.write_text("no photo\n")
    with pytest.raises(ImageError) as error:
        tell(batcher, tiny, upload(notes, name), CaptionOptions(), None)
    assert str(error.value) == f"{name} is not a photo in any known format."


def test_the_smallest_photo_has_a_caption(
    tiny: Captioner, batcher: Batcher, tmp_path: Path
) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(path)
    assert tell(batcher, tiny, upload(path), CaptionOptions(), None).caption.text


def test_a_photo_is_remembered_for_its_time_and_beside_so_many_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    memory = Memory(seconds=10, most=2)
    kept = {name: Kept(name, "") for name in "abc"}
    memory.keep(kept["a"])
    memory.keep(kept["b"])
    memory.keep(again := Kept("a", "small"))
    memory.keep(kept["c"])
    assert [memory.of(name) for name in "abc"] == [again, None, kept["c"]]
    now = 9.0
    memory.keep(kept["c"])  # asking again makes it no younger
    assert memory.of("c") is kept["c"]
    now = 11.0
    assert [memory.of(name) for name in "ac"] == [None, None]
