"""A message is told by its template, in the language of whoever reads it, whatever its values."""

from __future__ import annotations

import json
import logging
import pickle
import string
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translations import TRANSLATIONS

from captioner import errors
from captioner.errors import CaptionerError, DatasetError, FileError, ImageError, ModelError
from captioner.messages import Formatter, Message, reason, speak, translate, translate_all

# argparse fills in its own, which have other placeholders.
TEMPLATES = {english: chinese for english, chinese in TRANSLATIONS.items() if "%(" not in english}
KINDS = [kind for name, kind in vars(errors).items() if name.endswith("Error")]
# What would mislead whoever looked for templates in finished sentences, or filled values in twice.
ODD = ["'; installed: ", "{}", "{0}", "{x}", "}{", "%s %d %", "a\nb", "a.*", "", "“”", "猫",
       " does not exist.", ", line 3: not valid JSON (", "none", "train", ": " * 99]  # fmt: skip
names = st.text() | st.sampled_from(ODD)
plain = names | st.integers() | st.floats(allow_nan=False)
messages = st.recursive(
    st.builds(lambda values: Message("; ".join(["{}"] * len(values)), *values), st.lists(plain)),
    lambda inner: st.builds(lambda a, b: Message("{}: {}", a, b), inner, inner | plain),
    max_leaves=5,
)


@pytest.fixture
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


def values_for(template: str, data: st.DataObject) -> list[str | int]:
    """Text for each place, a number where the place has a form."""
    forms = [form for _, name, form, _ in string.Formatter().parse(template) if name is not None]
    return [data.draw(st.integers(0, 10**6) if form else names) for form in forms]


@given(st.sampled_from(sorted(TEMPLATES)), st.data())
def test_each_language_fills_its_own_template_with_the_same_values(
    english: str, data: st.DataObject
) -> None:
    values = values_for(english, data)
    message = Message(english, *values)
    assert str(message) == translate(message, "en") == english.format(*values)
    assert translate(message, "zh") == TEMPLATES[english].format(*values)


def test_a_name_that_looks_like_a_template_is_told_as_it_is() -> None:
    name = "a'; installed: b"
    error = ModelError("There is no model named '{}'; installed: {}.", name, Message("none"))
    assert str(error) == "There is no model named 'a'; installed: b'; installed: none."
    assert translate(error, "zh") == "没有名为“a'; installed: b”的模型；已安装：无。"


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_kept(name: str) -> None:
    assert translate(ImageError("{} does not exist.", name), "zh") == f"{name} 不存在。"


@pytest.mark.parametrize("name", ODD)
def test_a_text_without_values_is_no_format(name: str) -> None:
    assert str(Message(name)) == translate(Message(name), "en") == name


def test_messages_within_a_message_are_translated_too() -> None:
    where = Message("{}, line {}", "a.jsonl", 2)
    assert translate(DatasetError("{}: a caption must be text.", where), "zh") == (
        "a.jsonl 第 2 行：描述必须是文字。"
    )
    empty = ImageError("{} is empty.", "a")
    outer = DatasetError("None of the {} photos can be read: {}", 2, empty)
    assert translate(outer, "zh") == "2 张照片都无法读取：a 是空文件。"
    assert str(outer) == "None of the 2 photos can be read: a is empty."


def test_what_the_system_says_is_translated() -> None:
    error = FileError(
        "{} cannot be read ({}).", "a.csv", reason(PermissionError(13, "Permission denied"))
    )
    assert translate(error, "zh") == "a.csv 无法读取（没有权限）。"
    assert str(reason(ValueError("two\n  lines."))) == "two lines"


@given(st.text())
def test_what_has_no_translation_is_told_in_english(text: str) -> None:
    if text not in TRANSLATIONS:
        assert translate(text, "zh") == translate(text, "en") == text


@pytest.mark.parametrize("kind", KINDS)
@given(template=st.sampled_from(sorted(TEMPLATES)), data=st.data())
def test_an_error_survives_the_way_from_another_process(
    kind: type[CaptionerError], template: str, data: st.DataObject
) -> None:
    error = kind(template, *values_for(template, data))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert again == error
    assert str(again) == str(error)
    assert translate(again, "zh") == translate(error, "zh")


@given(messages)
def test_a_message_survives_a_file(message: Message) -> None:
    again = Message.from_json(json.loads(json.dumps(message.as_json())))
    assert again == message
    assert hash(again) == hash(message)
    assert pickle.loads(pickle.dumps(message)) == message


@pytest.mark.usefixtures("chinese")
def test_a_process_speaks_the_language_it_was_told() -> None:
    sentences = [Message("stopped."), Message("The captions are in {}.", "a")]
    assert translate("stopped.") == "已停止。"
    assert translate_all(sentences) == "已停止。描述在 a 里。"
    speak("en")
    assert translate_all(sentences) == "stopped. The captions are in a."


@pytest.mark.usefixtures("chinese")
def test_a_log_line_is_told_with_its_values() -> None:
    line = Message("Going on after {} epochs and {} steps of phase {}.", 3, 40, 2)
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, line, None, None)
    assert Formatter().format(record) == "从第 2 阶段的第 3 轮、第 40 步之后继续。"
    other = logging.LogRecord("x", logging.INFO, "x.py", 1, "%d %s", (3, "stopped."), None)
    assert Formatter().format(other) == "3 stopped."
