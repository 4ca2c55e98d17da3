"""Every message of the package's source has a Chinese translation, and every translation a use."""

from __future__ import annotations

import argparse
import ast
import errno
import itertools
import os
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from translations import CATALOGUE, PO_FILE, TRANSLATIONS

import captioner
from captioner import cli, errors
from captioner.folder.run import Summary
from captioner.messages import translate
from captioner.text import LANGUAGES

PACKAGE = Path(captioner.__file__).parent
ROOMS = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "messages"]
ERROR_CLASSES = {name for name in vars(errors) if name.endswith("Error")}
# Where the template stands among the arguments of what takes one.
RAISED = {**dict.fromkeys(ERROR_CLASSES, 0), "_require": 1, "Refusal": 1}
TOLD = dict.fromkeys(("Message", "translate", "_line", "_listed", "_note"), 0)
PUT_TOGETHER = {
    *(f"{who}, by {unit}" for who in ("a person", "{}") for unit in ("word", "character")),
    *(f"{group} subjects" for group in ("rare", "medium", "common")),
}
OF_LIBRARIES = {
    "Name or service not known",
    "Temporary failure in name resolution",
    "bind(): port must be 0-65535",
}


def constants(path: Path) -> set[str]:
    return texts(ast.parse(path.read_text(encoding="utf-8")))


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


def language_names() -> set[str]:
    """Each language by itself, and all of them in any order."""
    names = [f"{name} ({code})" for code, name in LANGUAGES.items()]
    return {*names, *map(", ".join, itertools.permutations(names))}


def fields(template: str) -> list[tuple[str, str | None, str | None]]:
    """Number, form and conversion of each place for a value."""
    return [
        (name, form, conversion)
        for _, name, form, conversion in string.Formatter().parse(template)
        if name is not None
    ]


def test_every_entry_is_translated_and_none_is_fuzzy_obsolete_or_there_twice() -> None:
    entries = [entry for entry in CATALOGUE if entry.id]
    assert [entry.id for entry in entries if entry.fuzzy or not entry.string] == []
    assert list(CATALOGUE.obsolete.values()) == []
    assert PO_FILE.read_text(encoding="utf-8").count("\nmsgid ") == len(entries) + 1  # the header


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    with PO_FILE.with_suffix(".mo").open("rb") as file:
        compiled = {entry.id: entry.string for entry in read_mo(file) if entry.id}
    assert compiled == TRANSLATIONS, "run `make translations`"


def test_every_error_has_a_translation() -> None:
    raised = templates(RAISED)
    assert len(raised) > 200
    assert raised - TRANSLATIONS.keys() == set()


def test_every_message_told_on_the_way_has_a_translation() -> None:
    told = templates(TOLD)
    assert {"Decoding photos", "stopped.", "No {}, since matplotlib is not installed."} <= told
    assert told - TRANSLATIONS.keys() == set()


def test_every_text_of_the_help_has_a_translation() -> None:
    assert help_texts() - TRANSLATIONS.keys() == set()


def test_every_language_has_a_name() -> None:
    assert language_names() <= TRANSLATIONS.keys()


def test_every_translation_has_a_use() -> None:
    written = set().union(*(constants(path) for path in PACKAGE.rglob("*.py")))
    used = written | help_texts() | language_names() | constants(Path(argparse.__file__))
    used |= PUT_TOGETHER | {os.strerror(number) for number in errno.errorcode} | OF_LIBRARIES
    assert TRANSLATIONS.keys() - used == set()


def test_errors_are_raised_with_a_template_and_never_with_a_finished_sentence() -> None:
    for path in ROOMS:
        for name, arguments in calls(ast.parse(path.read_text(encoding="utf-8"))):
            if name in RAISED:
                given = arguments[RAISED[name] :]
                assert not (given and isinstance(given[0], ast.JoinedStr)), (
                    path,
                    ast.unparse(given[0]),
                )


def test_a_translation_of_argparse_names_only_values_that_there_are() -> None:
    assert [(entry.id, errors) for entry, errors in CATALOGUE.check()] == []


@pytest.mark.parametrize("english", TRANSLATIONS)
def test_a_translation_holds_every_value_of_the_template_once_and_in_the_same_form(
    english: str,
) -> None:
    ours, theirs = fields(english), fields(TRANSLATIONS[english])
    assert all(name == "" for name, *_ in ours)
    if theirs and theirs[0][0]:
        assert sorted(name for name, *_ in theirs) == [str(number) for number in range(len(ours))]
        theirs.sort(key=lambda field: int(field[0]))
    assert [rest for _, *rest in theirs] == [rest for _, *rest in ours]


@pytest.mark.parametrize("english", TRANSLATIONS)
def test_a_sentence_is_a_chinese_sentence(english: str) -> None:
    chinese = TRANSLATIONS[english]
    if re.search(r"[a-z].*\.$", english):
        assert re.search("[\u4e00-\u9fff].*。$", chinese)
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
