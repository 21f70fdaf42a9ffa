"""Private parts of Textual: in ui/terminal alone, and only for the version in which they were read."""

from __future__ import annotations

import ast
import fcntl
import importlib
import inspect
import re
import signal
import struct
import termios
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import RenderableType
from textual.screen import Screen

import poolwatch
from poolwatch.ui import terminal
from poolwatch.ui.app import PoolApp
from poolwatch.ui.state import AppOptions, WallView
from poolwatch.ui.terminal.calm_update import CalmUpdate
from tests.ui.pools import NOW, ZONE, crowd, state_of
from tests.ui.reading import settle
from tests.ui.scripted_feed import ScriptedFeed
from tests.ui.test_terminal import Terminal


def test_this_is_the_version_that_was_read() -> None:
    """Fails with another version: read calm_update, page, terminal, then raise VERSION."""
    assert version("textual") == terminal.VERSION
    assert terminal.IS_KNOWN


@pytest.mark.parametrize("is_known", [True, False])
async def test_another_version_runs_on_what_textual_does_by_itself(
    monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    sent: list[RenderableType | None] = []

    def display(self: object, screen: Screen[object], renderable: RenderableType | None) -> None:
        sent.append(renderable)

    monkeypatch.setattr(terminal, "IS_KNOWN", is_known)
    monkeypatch.setattr("textual.app.App._display", display)
    app = PoolApp(ScriptedFeed(state_of(crowd(12)), NOW, ZONE), AppOptions(view=WallView.CARDS))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "question_mark")
        await settle(pilot)
    assert any(isinstance(each, CalmUpdate) for each in sent) is is_known
    assert sent


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """The app on a real terminal, beside a Textual of another version."""
    given = Terminal(getattr(request, "param", ""), other_textual=True)
    given.start()
    try:
        yield given
    finally:
        given.close()


def test_with_another_version_the_app_runs_on_a_terminal(other: Terminal) -> None:
    assert b"\x1b]2;" not in other.seen  # our own driver sets a title
    other.quiet()
    assert any("carol@example.com" in line for line in other.screen())
    other.press(b"/quinn\r")
    other.read_until(b"filter quinn")
    other.press(b"\x1b")
    other.quiet(1)
    other.press(b"\r")
    other.read_until(b"WINDOWS")
    fcntl.ioctl(other.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    other.process.send_signal(signal.SIGWINCH)
    other.columns, other.lines = 80, 24
    assert other.quiet(1)
    other.press(b"\x1b[O")
    assert not other.quiet(1)
    other.press(b"qq")
    assert other.leave() == 0
    assert list(termios.tcgetattr(other.slave)) == other.before


def test_with_another_version_a_signal_restores_the_terminal(other: Terminal) -> None:
    other.process.send_signal(signal.SIGTERM)
    assert other.leave() == 128 + signal.SIGTERM
    assert b"\x1b[?1049l" in other.seen
    assert list(termios.tcgetattr(other.slave)) == other.before


@pytest.mark.parametrize("other", ["crash"], indirect=True)
def test_with_another_version_a_crash_says_where_and_not_what(other: Terminal) -> None:
    other.press(b"r")
    assert other.leave() == 1
    assert b"ValueError" in other.seen
    assert b"very-secret" not in other.seen


SRC = Path(poolwatch.__file__).parent
TERMINAL = SRC / "ui" / "terminal"
OUTSIDE = sorted(path for path in (SRC / "ui").rglob("*.py") if TERMINAL not in path.parents)


def name_of(path: Path) -> str:
    return str(path.relative_to(SRC))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, and every name out of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.parametrize("path", OUTSIDE, ids=name_of)
def test_no_private_module_of_textual_is_imported_outside_ui_terminal(path: Path) -> None:
    private = [
        name
        for name in imported(ast.parse(path.read_text()))
        if name.startswith("textual.") and any(is_private(part) for part in name.split("."))
    ]
    assert private == []


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def private_names(kind: type) -> set[str]:
    """The private methods and attributes that Textual's part of a class has."""
    bases = [base for base in kind.__mro__ if base.__module__.partition(".")[0] == "textual"]
    return {name for base in bases for name in private_names_of(base)}


@cache
def private_names_of(base: type) -> set[str]:
    used = re.findall(r"\bself\.(_[a-z]\w*)", inspect.getsource(base))
    return {name for name in (*vars(base), *used) if is_private(name)}


@pytest.mark.parametrize("path", OUTSIDE, ids=name_of)
def test_no_private_attribute_of_textual_is_used_outside_ui_terminal(path: Path) -> None:
    """What a class of ours calls `self._x` is its own, and of other objects nothing private is touched."""
    tree = ast.parse(path.read_text())
    module = importlib.import_module(
        ".".join(("poolwatch", *path.relative_to(SRC).with_suffix("").parts)).removesuffix(".__init__")
    )
    wrong: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            kind = getattr(module, node.name, None)
            taken = private_names(kind) if isinstance(kind, type) else set()
            own = {
                each.attr
                for each in ast.walk(node)
                if isinstance(each, ast.Attribute) and is_self(each.value)
            }
            own |= {
                each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            wrong += [f"{node.name}.{name}" for name in sorted(own & taken)]
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and not is_self(node.value):
            wrong.append(ast.unparse(node))
    assert wrong == []


#: What no file of src does, and why. Nobody has an exception.
FORBIDDEN = {
    r"sys\.modules\[": "another module's place is its own",
    r"__bases__": "another class's bases are its own",
    r"\bgc\.": "the garbage collector is Python's",
    r"\bimport h11\b|\bfrom h11\b": "httpx speaks HTTP",
}


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_src_reaches_into_nothing(pattern: str) -> None:
    found = [name_of(path) for path in SRC.rglob("*.py") if re.search(pattern, path.read_text())]
    assert found == [], FORBIDDEN[pattern]
