"""What a person reads stands in words/, and every text there goes through the catalogue."""

from __future__ import annotations

import ast
import re

import pytest

from poolwatch.words.command_examples import EXAMPLES
from tests.words.sentences import SRC, WORDS, calls, literals, reads_like_a_sentence

#: What reads like a sentence and is none, by how it begins, and why.
_NONE = {
    "SELECT ": "SQL", "INSERT ": "SQL", "UPDATE ": "SQL", "DELETE ": "SQL", "CREATE ": "SQL", "ALTER ": "SQL",
    "DROP ": "SQL", "FROM ": "SQL", "WITH used AS": "SQL",
    "quarter, thread, model, ": "SQL", "id, channel, doc, ": "SQL", ", model, tier, ": "SQL",
    ",\n        PRIMARY KEY": "SQL", ",\n        cost_whole INTEGER": "SQL",
    "Panel {": "a style sheet", "Sheet {": "a style sheet",
    "ChoiceScreen {": "a style sheet",
    "BudgetFormScreen {": "a style sheet", "ValueLine,": "a style sheet",
    "FilterLine,": "a style sheet", "Lines {": "a style sheet",
    "try again in (": "a pattern for what CLIProxyAPI says",
    "A number in 0..1": "describes a type",
    "exchange the refresh token of": "the usage of a process that nobody calls by hand",
    "ask the installed codex to": "likewise",
    "can't start new thread": "what Python says",
    "not a regular file": "the text of an OSError that is never shown",
    "the monitor ended before": "an error that only a programmer sees",
    "is no route that": "likewise", "may be asked for": "likewise",
}  # fmt: skip
_ROOMS = sorted(
    each.name
    for each in SRC.iterdir()
    if (each.is_dir() or each.suffix == ".py") and each.name not in ("words", "demo", "__pycache__")
)


def sentences(room: str) -> list[str]:
    found = []
    place = SRC / room
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        for each in literals(path):
            text = str(each.value)
            if (
                reads_like_a_sentence(text)
                and not text.lstrip().startswith(tuple(_NONE))
                and not text.startswith(tuple(_NONE))
            ):
                found.append(f"{path.relative_to(SRC)}:{each.lineno}: {text!r}")
    return found


@pytest.mark.parametrize("room", _ROOMS)
def test_no_sentence_stands_outside_words(room: str) -> None:
    found = sentences(room)
    assert found == []


def test_every_text_of_words_goes_through_the_catalogue() -> None:
    missed = []
    typed = {line for rows in EXAMPLES.values() for line, _ in rows}
    for path in sorted(WORDS.glob("*.py")):
        within = {
            (each.lineno, each.col_offset)
            for call in calls(path)
            for each in ast.walk(call)
            if isinstance(each, ast.Constant)
        }
        missed += [
            f"{path.name}:{each.lineno}: {each.value!r}"
            for each in literals(path)
            if (each.lineno, each.col_offset) not in within
            if each.value not in typed and reads_like_a_sentence(str(each.value))
        ]
    assert missed == []


def test_every_text_gets_as_many_blanks_as_it_has() -> None:
    texts = {
        (path.stem, name): str(node.value.args[0].value)
        for path in WORDS.glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.AnnAssign)
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "Text"
        if (name := ast.unparse(node.target)) and isinstance(node.value.args[0], ast.Constant)
    }
    wrong = []
    for path in SRC.rglob("*.py"):
        source = path.read_text()
        if "poolwatch.words import" not in source:
            continue
        tree = ast.parse(source)
        rooms = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "poolwatch.words"
            for alias in node.names
        }
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if not isinstance(call.func.value, ast.Name):
                continue
            text = texts.get((rooms.get(call.func.value.id, ""), call.func.attr))
            starred = any(isinstance(each, ast.Starred) for each in call.args)
            if text is not None and not starred and len(call.args) != len(re.findall(r"{\w+}", text)):
                wrong.append(f"{path.relative_to(SRC)}:{call.lineno}: {text!r}")
    assert wrong == []
