"""`refresh` of a Codex home on which a codex is open: named, warned about, and overridden with --force."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.desk import Desk, rows, source_toml
from tests.cli.test_refresh_beside_an_app import polling
from tests.support.upstream import Upstream

#: It is there until its stdin closes, and renews nothing; asked for anything it answers.
CODEX = """#!{python}
import json, sys
print("open", flush=True)
for line in sys.stdin:
    said = json.loads(line)
    if "id" in said:
        print(json.dumps({{"id": said["id"], "result": {{}}}}), flush=True)
"""
WARNED = "refresh ACCOUNT --force renews beside it: both at once can end the login"
ASKED = "codex answered, but did not renew its login"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """A pool with a Codex home whose token has expired."""
    with Upstream(tmp_path_factory.mktemp("beside") / "demo", accounts=28) as upstream:
        yield upstream


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    found = folder / "codex"
    found.write_text(CODEX.format(python=sys.executable))
    found.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return found


@pytest.fixture
def config(tmp_path: Path, served: Upstream, program: Path) -> Path:
    """Where a Codex home is monitored whose token has expired."""
    [login] = served.account("kent").files
    home = tmp_path / "codex-home"
    home.mkdir()
    shutil.copy(login, home / "auth.json")
    config = tmp_path / "own.toml"
    config.write_text(source_toml(served, "codex-home", "homes", home))
    return config


@contextmanager
def open_codex(program: Path, home: Path) -> Iterator[int]:
    """A codex at work on a home, by its process id."""
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "CODEX_HOME": str(home)}
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"open\n"
        yield running.pid


def test_a_codex_that_is_open_is_named_and_only_force_renews_beside_it(
    tmp_path: Path, config: Path, program: Path
) -> None:
    desk = Desk(tmp_path / "desk", config)
    with open_codex(program, tmp_path / "codex-home") as pid:
        for _ in range(2):
            # a command that is run again is no second `r`
            ran = desk.run("refresh", "kent@example.com")
            assert ran.code == 1
            assert f"Codex is open on this home (pid {pid})" in ran.out
            assert WARNED in ran.out
        # for all, it forces the token step alone
        assert WARNED in desk.run("refresh", "--all", "--force").out
        ran = desk.run("refresh", "kent@example.com", "--force")
        assert ran.code == 1
        assert ASKED in ran.out
    # without one there is nothing to be forced
    assert ASKED in desk.run("refresh", "kent@example.com").out


async def test_the_one_that_polls_is_told_of_force(tmp_path: Path, config: Path, program: Path) -> None:
    desk = Desk(tmp_path / "desk", config)
    with open_codex(program, tmp_path / "codex-home"):
        async with polling(desk, config) as running:
            found = []
            for more in ((), ("--force",)):
                ran = await asyncio.to_thread(desk.run, "refresh", "kent@example.com", "--json", *more)
                assert (ran.code, ran.err) == (1, "")
                [row] = rows(ran.json(), "accounts")
                found.append(str(row["message"]))
            assert WARNED in found[0]
            assert ASKED in found[1]
            # it ran there
            [account] = running.monitor.state.accounts.values()
            assert account.refresh is not None
            assert account.refresh.token is not None
            assert account.refresh.token.block is None
