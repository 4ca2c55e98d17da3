"""Sentences are known again by what is fixed in them, whatever values they hold."""

from __future__ import annotations

import logging
import re
import string
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from captioner.messages import Formatter, say, say_together, speak
from captioner.messages.errors import ERRORS
from captioner.messages.notes import NOTES

TEMPLATES = {**ERRORS, **NOTES}


@pytest.fixture
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


@given(st.text())
def test_english_is_said_as_it_is(sentence: str) -> None:
    assert say(sentence, "en") is sentence
    assert say(sentence) is sentence


@given(st.sampled_from(sorted(TEMPLATES)), st.data())
def test_every_value_survives(english: str, data: st.DataObject) -> None:
    count = english.count("{}")
    values = data.draw(st.lists(st.text(), min_size=count, max_size=count))
    between = english.split("{}")[1:-1]
    assume(not any(part in value for part in between for value in values))
    said = say(english.format(*values), "zh")
    fields = [
        (name, form)
        for _, name, form, _ in string.Formatter().parse(TEMPLATES[english])
        if name is not None
    ]
    plain = [int(name) if name else place for place, (name, form) in enumerate(fields) if not form]
    for number in plain:
        assert values[number] in said


@given(st.sampled_from(sorted(ERRORS)), st.integers(1, 99))
def test_every_sentence_is_known_by_its_own_template(english: str, value: int) -> None:
    count = english.count("{}")
    values = [f"v{value}.{place}" for place in range(count)]
    said = say(english.format(*values), "zh")
    assert said == re.sub(":say", "", ERRORS[english]).format(*values)


@pytest.mark.parametrize(
    "name", ["a.*", "(", "[x]", "\\", "a\nb", "{}", "{0}", "{x}", "", "“”", "猫"]
)
def test_odd_names_are_kept(name: str) -> None:
    assert say(f"{name} does not exist.", "zh") == f"{name} 不存在。"
    assert say(f"{name}, line 3: not valid JSON ({name}).", "zh") == (
        f"{name} 第 3 行：不是有效的 JSON（{name}）。"
    )


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        # "{} must be 1 or more, not {}." and "{} cannot be read: {}." would fit as well.
        ("beam must be 1 or more, not 0.", "束宽（beam）必须至少为 1，不能是 0。"),
        ("batch must be 1 or more, not 0.", "batch 必须至少为 1，不能是 0。"),
        ("a.jpg cannot be read: permission denied.", "a.jpg 无法读取：没有权限。"),
        ("a.jpg is cut short or damaged in its archive.", "a.jpg 在压缩包里不完整或已损坏。"),
        (
            "There is no recipe a.toml, the base of b.toml.",
            "没有配方 a.toml，而它是 b.toml 的 base。",
        ),
    ],
)
def test_the_more_specific_template_wins(english: str, chinese: str) -> None:
    assert say(english, "zh") == chinese


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("a.csv cannot be read (Permission denied).", "a.csv 无法读取（没有权限）。"),
        ("None of the 2 photos can be read: a is empty.", "2 张照片都无法读取：a 是空文件。"),
        ("a.jsonl, line 2: a caption must be text.", "a.jsonl 第 2 行：描述必须是文字。"),
        ("x.json: An encoder needs at least one stage.", "x.json：编码器至少需要一个 stage。"),
        ("a.toml: decoder: There is no cell named 'x'; there is: lstm.",
         "a.toml：decoder：没有名为“x”的循环单元；可选：lstm。"),
        ("There is no model named 'x'; installed: none.", "没有名为“x”的模型；已安装：无。"),
        ("No installed model writes 'fr'; installed: a.", "已安装的模型都不会写“fr”；已安装：a。"),
        ("The model 'a' writes English (en), not Chinese (zh).",
         "模型“a”写的是英文（en），不是中文（zh）。"),
        ("data has no photo in its val split.", "data 的开发集里没有照片。"),
        ("first, epoch 2: loss 3.100, dev CIDEr 40.0, BLEU-4 9.9 (best CIDEr 41.0).",
         "first，第 2 轮：损失 3.100，开发集 CIDEr 40.0，BLEU-4 9.9（最高 CIDEr 41.0）。"),
    ],
)  # fmt: skip
def test_what_stands_inside_is_said_too(english: str, chinese: str) -> None:
    assert say(english, "zh") == chinese


@pytest.mark.parametrize("name", ["none", "train", "40 s", "'x'", "Permission denied"])
def test_a_photo_may_be_called_like_a_phrase(name: str) -> None:
    assert say(f"{name} does not exist.", "zh") == f"{name} 不存在。"
    assert say(name, "zh") == name


@pytest.mark.parametrize("sentence", ["Something else.", "", ": ", "a: b", "data: 3: x"])
def test_what_has_no_translation_is_said_as_it_is(sentence: str) -> None:
    assert say(sentence, "zh") == sentence


@pytest.mark.parametrize(
    "hostile", ["a: " * 5000, "{}" * 5000, "'" * 5000, "(a" * 5000, ", line " * 999]
)
def test_a_name_that_looks_like_many_templates_is_said_all_the_same(hostile: str) -> None:
    assert hostile in say(f"{hostile} does not exist.", "zh")
    assert say(hostile, "zh") == hostile


@pytest.mark.usefixtures("chinese")
def test_a_process_speaks_the_language_it_was_told() -> None:
    assert say("stopped.") == "已停止。"
    assert say_together(["stopped.", "The captions are in a."]) == "已停止。描述在 a 里。"
    speak("en")
    assert say_together(["stopped.", "The captions are in a."]) == "stopped. The captions are in a."


@pytest.mark.usefixtures("chinese")
def test_a_log_line_is_said_with_its_values() -> None:
    line = "Going on after %d epochs and %d steps of phase %d."
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, line, (3, 40, 2), None)
    assert Formatter().format(record) == "从第 2 阶段的第 3 轮、第 40 步之后继续。"
