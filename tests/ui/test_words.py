"""The page's words and sentences, in both languages."""

import dataclasses
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from translations import TRANSLATIONS

from captioner import CaptionOptions
from captioner.errors import CaptionerError, ImageError, OptionError
from captioner.images import open_image
from captioner.messages import translate
from captioner.ui.models import Models
from captioner.ui.uploads import Upload
from captioner.ui.words import ENGLISH, UNEXPECTED, sentence_of
from captioner.ui.zips import Refusal, photos_in


def test_every_word_of_the_page_has_a_translation() -> None:
    values = [
        getattr(ENGLISH, own.name) for own in dataclasses.fields(ENGLISH) if own.name != "numbers"
    ]
    words = {word for own in values for word in (own if isinstance(own, tuple) else (own,))}
    assert len(words) > 50
    assert words - TRANSLATIONS.keys() == set()


def is_chinese(sentence: str) -> bool:
    return sentence.endswith("。") and any("\u4e00" <= letter <= "\u9fff" for letter in sentence)


def refusal(call: Any) -> CaptionerError:
    with pytest.raises(CaptionerError) as raised:
        call()
    return raised.value


def bomb() -> bytes:
    file = io.BytesIO()
    Image.new("1", (30000, 30000)).save(file, "PNG")
    return file.getvalue()


def bad_photos(folder: Path) -> list[Path]:
    contents = {
        "notes.jpg": b"no photo at all",
        "empty.png": b"",
        "bomb.png": bomb(),
        "cut.gif": b"GIF89a" + bytes(20),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [*(folder / name for name in contents), folder / "absent.png"]


def test_every_bad_photo_has_its_reason_in_chinese_with_its_name(tmp_path: Path) -> None:
    for photo in bad_photos(tmp_path):
        name = f'{photo.name} "<b>{{}} 猫'
        error = refusal(lambda photo=photo, name=name: open_image(photo, name))
        assert translate(error, "en") == str(error)
        assert is_chinese(translate(error, "zh"))
        assert name in translate(error, "zh")


def test_every_bad_zip_file_has_its_reason_in_chinese(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.zip", b"")
        archive.writestr("large.png", bytes(2000))
    photos = photos_in([Upload(str(path), "all.zip")], most_bytes=1000)
    path.with_name("bad.zip").write_bytes(b"PK")
    photos += photos_in([Upload(str(path.with_name("bad.zip")), "bad.zip")], most_bytes=1000)

    assert len(photos) == 3
    for photo in photos:
        assert isinstance(photo, Refusal)
        assert is_chinese(translate(photo.error, "zh"))


def test_every_impossible_choice_is_said_in_chinese(tiny: Any) -> None:
    def describe(**options: Any) -> Any:
        return lambda: tiny.caption(Image.new("RGB", (9, 9)), **options)

    calls = [
        describe(require=["unheard-of"]),
        describe(require=["dog"], avoid=["dog"]),
        describe(require=["a dog runs near grass"], max_length=3),
        lambda: Models(tiny, {}).named("other"),
        lambda: CaptionOptions(beam=99),
    ]
    for call in calls:
        assert is_chinese(translate(refusal(call), "zh"))


def test_only_what_is_meant_for_a_person_is_said_and_the_rest_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert str(sentence_of(ImageError("No photo."))) == "No photo."
    assert str(sentence_of(OptionError("No option."))) == "No option."
    assert caplog.text == ""
    assert sentence_of(ZeroDivisionError("secret")) == UNEXPECTED
    assert "secret" in caplog.text
    assert is_chinese(translate(UNEXPECTED, "zh"))
