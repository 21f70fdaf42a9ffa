"""What must answer at once loads next to nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import cache
from importlib.util import find_spec

import pytest

from tests.cli.desk import Desk

HEAVY = {"textual", "rich", "httpx", "h11", "httpcore", "pydantic", "pydantic_core", "anyio"}
#: Further weight that a status bar asking every few seconds must not carry.
SLOW = {
    "asyncio",
    "ssl",
    "socket",
    "typer",
    "click",
    "tomlkit",
    "tomli_w",
    "subprocess",
    "logging",
}


def imported(desk: Desk, *arguments: str) -> set[str]:
    """The top-level modules that a command loads."""
    return {name.partition(".")[0] for name in loaded_modules(desk, *arguments)}


def loaded_modules(desk: Desk, *arguments: str) -> set[str]:
    """All modules that a command loads, measured without those of a coverage run.

    What is asked for by `import_module` is not told itself; what it imports in turn is.
    """
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "poolwatch", *arguments],
        env={name: value for name, value in desk.env.items() if not name.startswith("COVERAGE_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    names = [line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if "|" in line]
    assert "poolwatch" in names
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["-V"],
        ["--help"],
        ["status", "--help"],
        ["config", "path"],
        ["config", "show"],
        ["frobnicate"],
        ["status", "--line"],
    ],
)
def test_light_commands_load_nothing_heavy(desk: Desk, arguments: list[str]) -> None:
    assert not imported(desk, *arguments) & HEAVY


def test_version_loads_no_parser(desk: Desk) -> None:
    found = imported(desk, "--version")
    assert not found & (SLOW | {"json", "sqlite3", "dataclasses", "argparse", "tomllib", "typing"})


def test_the_status_line_loads_next_to_nothing(pool_desk: Desk) -> None:
    assert pool_desk.run("status", "dan").code == 0
    for extra in ([], ["--tmux"]):
        assert not imported(pool_desk, "status", "--line", *extra) & (HEAVY | SLOW)


def ours_called(*names: str) -> set[str]:
    """Modules of ours by their names; each must exist, or that it is not loaded says nothing."""
    found = {f"poolwatch.{name}" for name in names}
    assert not [name for name in found if find_spec(name) is None]
    return found


@cache
def loaded_for_the_first_screen() -> set[str]:
    """All modules that are loaded before the app is made, in the order of the console script."""
    program = """
import sys, poolwatch.bootstrap.screen
assert "textual" not in sys.modules
import poolwatch.ui.app
print(*sys.modules)
"""
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return set(said.stdout.split())


def test_the_first_screen_waits_for_no_network_and_no_monitor() -> None:
    loaded = loaded_for_the_first_screen()
    ours = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("poolwatch.")}
    assert not ours & {"poolwatch.monitor", "poolwatch.custody", "poolwatch.sources"}
    assert not loaded & ours_called("store.history", "store.spans", "store.database")
    heavy = {"httpx", "h11", "httpcore", "anyio", "pydantic", "typer", "tomlkit", "tomli_w"}
    assert not {name.partition(".")[0] for name in loaded} & heavy


def test_the_first_screen_waits_for_nothing_that_only_few_screens_say() -> None:
    later = ours_called(
        *("domain.alert_rules", "domain.alerts", "domain.budgets", "domain.event_log", "domain.series"),
        *("presentation.detail", "presentation.filter", "presentation.refresh_line"),
        *("words.alerts", "words.failures", "words.topups", "ui.widgets.filter_line"),
    )
    assert not loaded_for_the_first_screen() & later


def test_status_that_asks_loads_what_it_asks_with_and_no_more(pool_desk: Desk) -> None:
    found = loaded_modules(pool_desk, "status", "--json", "--max-age", "0", "dan")
    assert {"httpx", "poolwatch.sources.usage_payload"} <= found
    assert not {name.partition(".")[0] for name in found} & {"textual"}


def test_headless_commands_do_not_load_the_screen(pool_desk: Desk) -> None:
    assert not imported(pool_desk, "status", "dan") & {"textual"}


def test_the_status_line_answers_within_a_second(pool_desk: Desk) -> None:
    assert pool_desk.run("status").code == 0
    took = []
    for _ in range(3):
        begun = time.monotonic()
        assert pool_desk.run("status", "--line").code == 0
        took.append(time.monotonic() - begun)
    assert min(took) < 1
