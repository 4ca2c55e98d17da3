"""Every sentence of the package's source has a Chinese translation, and every translation a use."""

from __future__ import annotations

import argparse
import ast
import itertools
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import captioner
from captioner import cli, errors
from captioner.folder.run import Summary
from captioner.messages import say
from captioner.messages.errors import ERRORS
from captioner.messages.help import ARGPARSE, COMMAND, HELP
from captioner.messages.notes import NOTES, PHRASES
from captioner.text import LANGUAGES

PACKAGE = Path(captioner.__file__).parent
ERROR_CLASSES = {name for name, value in vars(errors).items() if isinstance(value, type)}
ALL = {**ERRORS, **NOTES, **PHRASES, **COMMAND}

Locals = dict[str, list[ast.expr]]  # what a function's names are set to


def templates(node: ast.expr, names: Locals) -> list[str]:
    """What a text can be, `{}` for each value; a local name stands for the texts it is set to."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return templates(node.body, names) + templates(node.orelse, names)
        case ast.JoinedStr():
            parts = [templates(part, names) for part in node.values]
            return ["".join(chosen) for chosen in itertools.product(*parts)]
        case ast.FormattedValue(value=ast.Name(id=name)) if name in names:
            found = [text for value in names[name] for text in templates(value, names)]
            return ["{}"] if "{}" in found else found
    return ["{}"]


def said_by(call: ast.Call) -> ast.expr | None:
    match call:
        case ast.Call(func=ast.Name(id=name), args=[sentence, *_]) if name in ERROR_CLASSES:
            return sentence
        case ast.Call(func=ast.Name(id="_require" | "Refusal"), args=[_, sentence]):
            return sentence
    return None


def told_by(call: ast.Call) -> ast.expr | None:
    match call:
        case ast.Call(func=ast.Name(id="say" | "_line"), args=[sentence, *_]):
            return sentence
        case ast.Call(func=ast.Attribute(ast.Name(id="messages"), "say"), args=[sentence, *_]):
            return sentence
        case ast.Call(func=ast.Attribute(ast.Name(id="log")), args=[sentence, *_]):
            return sentence
    return None


def sentences(sentence_of: Callable[[ast.Call], ast.expr | None]) -> set[str]:
    """The templates in the package's calls, but those that only pass another sentence on."""
    found: set[str] = set()
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    for function in (n for t in trees for n in ast.walk(t) if isinstance(n, functions)):
        names: Locals = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.setdefault(node.targets[0].id, []).append(node.value)
        for node in ast.walk(function):
            sentence = sentence_of(node) if isinstance(node, ast.Call) else None
            if sentence is not None:
                found |= set(templates(sentence, names))
    return {sentence for sentence in found if re.search("[A-Za-z]", sentence.replace("%s", ""))}


@pytest.fixture(scope="module")
def raised() -> set[str]:
    return sentences(said_by)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


def help_texts() -> set[str]:
    texts: set[str | None] = set()
    for parser in parsers(cli._parser()):
        texts |= {parser.description, *(group.title for group in parser._action_groups)}
        for action in parser._actions:
            texts.add(action.help)
            if isinstance(action, argparse._SubParsersAction):
                texts |= {choice.help for choice in action._get_subactions()}
    return {text for text in texts if text}


def test_every_error_has_a_translation(raised: set[str]) -> None:
    assert len(raised) > 200
    assert raised - ERRORS.keys() == set()


def test_no_translation_of_an_error_is_left_over(raised: set[str]) -> None:
    assert ERRORS.keys() - raised == set()


def test_every_line_told_on_the_way_has_a_translation() -> None:
    told = {re.sub(r"%(\.\d)?[sdf]", "{}", sentence) for sentence in sentences(told_by)}
    assert {"Decoding photos", "stopped.", "TensorBoard gets nothing more ({})."} <= told
    put_together = {line for line in told if "{}dev CIDEr" in line or line == "{} {}: {}"}
    assert told - put_together - ALL.keys() == set()


def test_every_word_of_the_help_has_a_translation_and_none_is_left_over() -> None:
    assert help_texts() - ARGPARSE.keys() == HELP.keys()


def test_no_sentence_is_translated_twice() -> None:
    assert len(ALL) == sum(map(len, (ERRORS, NOTES, PHRASES, COMMAND)))


@pytest.mark.parametrize("english", ALL)
def test_a_translation_holds_every_value_of_the_sentence_once(english: str) -> None:
    fields = [name for _, name, _, _ in string.Formatter().parse(ALL[english]) if name is not None]
    numbered = [field for field in fields if field]
    expected = list(map(str, range(english.count("{}"))))
    assert sorted(numbered or expected[: len(fields)]) == expected
    assert not numbered or len(numbered) == len(fields)


@pytest.mark.parametrize("english", ERRORS)
def test_an_error_is_a_chinese_sentence(english: str) -> None:
    chinese = ERRORS[english]
    assert re.search("[\u4e00-\u9fff]", chinese)
    if english.endswith("."):
        assert chinese.endswith("。")
    # Half-width punctuation beside a Chinese character is a slip, but in what is to be typed.
    prose = re.sub("“.*?”", "", chinese)
    assert not re.search("[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", prose)


def test_a_summary_is_said_in_chinese() -> None:
    path = Path("captions.jsonl")
    full = Summary(3, 4, 5, 6, 7000, path, path)
    assert [say(sentence, "zh") for sentence in full.sentences()] == [
        "已描述 3 张，跳过 4 张，失败 5 张；用时 1 小时 57 分钟，每秒 0.0 张。",
        "描述在 captions.jsonl 里。",
        "失败的照片列在 captions.jsonl 里。",
        "另有 6 个问题，见上文。",
    ]
    assert (
        say(next(Summary(0, 4, 0, 0, 1).sentences()), "zh") == "已描述 0 张，跳过 4 张，失败 0 张。"
    )


def test_every_language_has_a_name() -> None:
    assert {f"{name} ({code})" for code, name in LANGUAGES.items()} <= PHRASES.keys()
