"""Every template of the package's source has a Chinese translation, and every translation a use."""

from __future__ import annotations

import argparse
import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import captioner
from captioner import cli, errors
from captioner.folder.run import Summary
from captioner.messages import translate
from captioner.messages.errors import ERRORS
from captioner.messages.help import ARGPARSE, ARGPARSE_ERRORS, COMMAND, HELP
from captioner.messages.notes import NOTES, PHRASES
from captioner.text import LANGUAGES

PACKAGE = Path(captioner.__file__).parent
ROOMS = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "messages"]
ERROR_CLASSES = {name for name in vars(errors) if name.endswith("Error")}
ALL = {**ERRORS, **NOTES, **PHRASES, **COMMAND}
# Where the template stands among the arguments of what takes one.
TEMPLATE = {**dict.fromkeys(ERROR_CLASSES, 0), "_require": 1, "Refusal": 1}
TOLD = dict.fromkeys(("Message", "translate", "_line", "_listed", "_note"), 0)


def texts(node: ast.AST) -> set[str]:
    """All texts in a piece of source."""
    found = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {text for text in found if isinstance(text, str)}


def calls(function: ast.AST) -> Iterator[tuple[str, list[ast.expr]]]:
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                yield name, args


def templates(takers: dict[str, int]) -> set[str]:
    """The templates that calls in the package are given, by themselves or by a local name."""
    found: set[str] = set()
    functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in ROOMS]
    for function in (n for tree in trees for n in ast.walk(tree) if isinstance(n, functions)):
        names: dict[str, set[str]] = {}
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                    names.setdefault(name, set()).add(text)
        for name, arguments in calls(function):
            match arguments[takers[name] :] if name in takers else []:
                case [ast.Constant(value=str(text)), *_]:
                    found.add(text)
                case [ast.IfExp(body=body, orelse=other), *_]:
                    found |= texts(body) | texts(other)
                case [ast.Name(id=local), *_]:
                    found |= names.get(local, set())
    return found


@pytest.fixture(scope="module")
def raised() -> set[str]:
    return templates(TEMPLATE)


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


def fields(template: str) -> list[tuple[str, str | None, str | None]]:
    """Number, form and conversion of each place for a value."""
    return [
        (name, form, conversion)
        for _, name, form, conversion in string.Formatter().parse(template)
        if name is not None
    ]


def test_every_error_has_a_translation(raised: set[str]) -> None:
    assert len(raised) > 200
    assert raised - ERRORS.keys() == set()


def test_no_translation_of_an_error_is_left_over(raised: set[str]) -> None:
    assert ERRORS.keys() - raised - templates(TOLD) == set()


def test_every_message_told_on_the_way_has_a_translation() -> None:
    told = templates(TOLD)
    assert {"Decoding photos", "stopped.", "TensorBoard gets nothing more ({})."} <= told
    assert told - ALL.keys() == set()


def test_no_translation_of_what_is_told_on_the_way_is_left_over() -> None:
    known = set().union(*(texts(ast.parse(path.read_text(encoding="utf-8"))) for path in ROOMS))
    put_together = {
        f"{first}, by {unit}" for first in ("a person", "{}") for unit in ("word", "character")
    }
    put_together |= {f"{group} subjects" for group in ("rare", "medium", "common")}
    assert NOTES.keys() - known - put_together == set()


def test_errors_are_raised_with_a_template_and_never_with_a_finished_sentence() -> None:
    for path in ROOMS:
        for name, arguments in calls(ast.parse(path.read_text(encoding="utf-8"))):
            if name in TEMPLATE:
                given = arguments[TEMPLATE[name] :]
                assert not (given and isinstance(given[0], ast.JoinedStr)), (
                    path,
                    ast.unparse(given[0]),
                )


def test_every_word_of_the_help_has_a_translation_and_none_is_left_over() -> None:
    assert help_texts() - ARGPARSE.keys() == HELP.keys()


def test_argparse_has_these_templates() -> None:
    known = texts(ast.parse(Path(argparse.__file__).read_text(encoding="utf-8")))
    assert ARGPARSE_ERRORS.keys() <= known


@pytest.mark.parametrize("english", ARGPARSE_ERRORS)
def test_a_translation_of_argparse_names_only_values_that_there_are(english: str) -> None:
    places = r"%(?:\(\w+\))?[srd]"
    assert set(re.findall(places, ARGPARSE_ERRORS[english])) <= set(re.findall(places, english))


def test_no_template_is_translated_twice() -> None:
    assert len(ALL) == sum(map(len, (ERRORS, NOTES, PHRASES, COMMAND)))


@pytest.mark.parametrize("english", ALL)
def test_a_translation_holds_every_value_of_the_template_once_and_in_the_same_form(
    english: str,
) -> None:
    ours, theirs = fields(english), fields(ALL[english])
    assert all(name == "" for name, *_ in ours)
    if theirs and theirs[0][0]:
        assert sorted(name for name, *_ in theirs) == [str(number) for number in range(len(ours))]
        theirs.sort(key=lambda field: int(field[0]))
    assert [rest for _, *rest in theirs] == [rest for _, *rest in ours]


@pytest.mark.parametrize("english", ERRORS)
def test_an_error_is_a_chinese_sentence(english: str) -> None:
    chinese = ERRORS[english]
    if english.endswith("."):
        assert chinese.endswith("。")
        assert english == "{}." or re.search("[\u4e00-\u9fff]", chinese)
    # Half-width punctuation beside a Chinese character is a slip, but in what is to be typed.
    prose = re.sub("“.*?”", "", chinese)
    assert not re.search("[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", prose)


def test_a_summary_is_told_in_chinese() -> None:
    path = Path("captions.jsonl")
    full = Summary(3, 4, 5, 6, 7000, path, path)
    assert [translate(sentence, "zh") for sentence in full.sentences()] == [
        "已描述 3 张，跳过 4 张，失败 5 张；用时 1 小时 57 分钟，每秒 0.0 张。",
        "描述在 captions.jsonl 里。",
        "失败的照片列在 captions.jsonl 里。",
        "另有 6 个问题，见上文。",
    ]
    assert translate(next(Summary(0, 4, 0, 0, 1).sentences()), "zh") == (
        "已描述 0 张，跳过 4 张，失败 0 张。"
    )


def test_every_language_has_a_name() -> None:
    assert {f"{name} ({code})" for code, name in LANGUAGES.items()} <= PHRASES.keys()
