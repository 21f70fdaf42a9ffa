"""The texts that the code holds, read from its syntax tree."""

from __future__ import annotations

import ast
import builtins
import re
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

SRC: Final = Path(__file__).parents[2] / "src" / "poolwatch"
WORDS: Final = SRC / "words"
_LOOKED_UP: Final = ("_", "n_", "mark", "Text")


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call that looks a text up, or marks it for that."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _LOOKED_UP:
            yield node


@cache
def marked() -> set[str | tuple[str, str]]:
    """All texts for a catalogue; those that go by number as a pair."""
    found: set[str | tuple[str, str]] = set()
    for path in SRC.rglob("*.py"):
        for call in calls(path):
            texts = [str(each.value) for each in call.args if isinstance(each, ast.Constant)]
            assert isinstance(call.func, ast.Name)
            if call.func.id == "n_":
                found.add((texts[0], texts[1]))
            elif texts:
                found |= set(texts)
    return found


_ACCENTS: Final = str.maketrans("aeiouAEIOU", "àèìòùÀÈÌÒÙ")
_BLANK: Final = re.compile(r"(\{[^}]*\})")


def pseudo(text: str) -> str:
    """The text in a language that nobody speaks: its vowels have accents, its blanks stay."""
    return "".join(part if part.startswith("{") else part.translate(_ACCENTS) for part in _BLANK.split(text))


def write_catalogue(path: Path) -> None:
    """A compiled catalogue (.mo) of all texts in the pseudo language."""
    entries: dict[str, str] = {
        "": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n"
    }
    for text in marked():
        if isinstance(text, str):
            entries[text] = pseudo(text)
        else:
            entries["\0".join(text)] = "\0".join(map(pseudo, text))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_compiled(entries))


def _compiled(entries: Mapping[str, str]) -> bytes:
    pairs = sorted((one.encode(), other.encode()) for one, other in entries.items())
    start = 7 * 4 + len(pairs) * 16
    ids = b"".join(one + b"\0" for one, _ in pairs)
    texts = b"".join(other + b"\0" for _, other in pairs)
    tables: list[int] = []
    for base, column in ((start, 0), (start + len(ids), 1)):
        at = base
        for pair in pairs:
            tables += [len(pair[column]), at]
            at += len(pair[column]) + 1
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + len(pairs) * 8, 0, start)
    return head + struct.pack(f"<{len(tables)}I", *tables) + ids + texts


def literals(path: Path) -> Iterator[ast.Constant]:
    """The texts of a file that are neither docstrings nor names of types, in the order of their lines."""
    tree = ast.parse(path.read_text())
    apart: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                apart.add(id(first.value))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _is_builtin(node.exc.func):
            apart |= {id(each) for each in ast.walk(node.exc)}  # only a programmer sees it
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.AST):
            apart |= {id(each) for each in ast.walk(annotation)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            yield node


def _is_builtin(error: ast.expr) -> bool:
    return isinstance(error, ast.Name) and hasattr(builtins, error.id)


_WORD: Final = re.compile(r"(?<![\w./$-])[A-Za-z][a-z']*(?![\w/=(-]|\.\w)")


def reads_like_a_sentence(text: str) -> bool:
    """Three or more plain words in a row."""
    return bool(re.search(rf"(?:{_WORD.pattern}[,;:]? ){{2}}{_WORD.pattern}", text))
