"""Renewal by the installed codex, with a program on the PATH that behaves like it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poolwatch.custody.codex_processes import codex_is_running
from poolwatch.custody.delegated import CodexAnswer, ask_codex
from poolwatch.custody.lock import held
from poolwatch.custody.token_step import token_step
from poolwatch.domain.account import Custody
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.remake import replace
from tests.custody.rooms import LATER, Room, codex_document, write_json
from tests.support.token_server import CANARY

FAKE = """#!{python}
import json, os, sys
home = os.environ["CODEX_HOME"]
log = open(os.path.join(home, "log"), "a")
own = sorted(k for k in os.environ if k.startswith("POOLWATCH_"))
print(sys.argv[1:], os.environ.get("HTTPS_PROXY"), own, file=log)
for line in sys.stdin:
    said = json.loads(line)
    print(said.get("method"), file=log, flush=True)
    if said.get("method") == "initialize":
        print(json.dumps({{"id": said["id"], "result": {{}}}}), flush=True)
        print(json.dumps({{"method": "account/updated", "params": {{}}}}), flush=True)
    elif said.get("method") == "account/rateLimits/read":
        {act}
"""
RENEW = """
        os.replace(os.path.join(home, "next.json"), os.path.join(home, "auth.json"))
        print(json.dumps({"id": said["id"], "result": {}}), flush=True)
"""
ANSWER = 'print(json.dumps({"id": said["id"], "result": {}}), flush=True)'
FAIL = 'print(json.dumps({"id": said["id"], "error": {"code": 1, "message": "%s"}}), flush=True)'
DEAD = FAIL % "Please log out and sign in again."
ERROR = FAIL % "stream broke"
CRASH = "sys.exit(3)"
SILENCE = "pass"

Install = Callable[[str], Path]


@pytest.fixture
def home(room: Room) -> Room:
    file = write_json(room.file.parent.parent / "home" / "auth.json", codex_document(room.server.valid))
    write_json(file.with_name("next.json"), codex_document(f"rt_{CANARY}_8", expires=LATER))
    return replace(room, file=file)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    def put(act: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "codex"
        program.write_text(FAKE.format(python=sys.executable, act=act.strip()))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return program

    return put


async def step(room: Room, *, delegate: bool = True, read_only: bool = False) -> tuple[TokenStep, list[str]]:
    told: list[str] = []
    rules = room.rules(delegate=delegate, read_only=read_only)
    listing = room.listing(Custody.CODEX)
    found = await token_step(listing, room.file, rules, room.ask(), lambda: told.append("codex"))
    return found, told


async def test_codex_renews_its_own_login(
    home: Room, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(RENEW)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    monkeypatch.setenv("POOLWATCH_SOURCES__KEY", CANARY)
    monkeypatch.delenv("POOLWATCH_TEST")
    found, told = await step(home)
    assert found.outcome is TokenOutcome.DELEGATED
    assert found.took_seconds is not None
    assert found.refresh_fingerprint == home.login.refresh_fingerprint
    assert told == ["codex"]
    log = (home.file.parent / "log").read_text().splitlines()
    assert log == [
        "['app-server'] http://proxy.example.com []",
        "initialize",
        "initialized",
        "account/rateLimits/read",
    ]
    assert home.server.connections == 0


@pytest.mark.parametrize(
    ("act", "outcome", "block"),
    [
        (DEAD, TokenOutcome.BLOCKED, BlockReason.CODEX_LOGIN_DEAD),
        (ERROR, TokenOutcome.FAILED, None),
        (ANSWER, TokenOutcome.FAILED, None),
        (CRASH, TokenOutcome.FAILED, None),
    ],
)
async def test_a_codex_that_does_not_renew(
    home: Room, install: Install, act: str, outcome: TokenOutcome, block: BlockReason | None
) -> None:
    install(act)
    before = home.file.read_bytes()
    found, _ = await step(home)
    assert (found.outcome, found.block) == (outcome, block)
    assert found.detail == str(home.file.parent)
    assert home.file.read_bytes() == before


async def test_a_live_login_starts_no_codex(home: Room, install: Install) -> None:
    install(RENEW)
    write_json(home.file, codex_document(home.server.valid, expires=LATER))
    found, told = await step(home)
    assert (found.outcome, told) == (TokenOutcome.CURRENT, [])
    assert not (home.file.parent / "log").exists()


async def test_without_codex_or_leave_it_is_said(
    home: Room, install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(RENEW)
    assert (await step(home, delegate=False))[0].block is BlockReason.DELEGATION_OFF
    assert (await step(home, read_only=True))[0].block is BlockReason.READ_ONLY
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert (await step(home))[0].block is BlockReason.CODEX_MISSING
    assert not (home.file.parent / "log").exists()


def test_codex_that_is_open_on_the_home_renews_by_itself(
    home: Room, install: Install, tmp_path: Path
) -> None:
    program = install(RENEW)
    place = home.file.parent
    link = tmp_path / "link"
    link.symlink_to(place)
    other = tmp_path / "other"
    other.mkdir()
    environment = {**os.environ, "CODEX_HOME": str(link)}
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b'{"id": 1, "method": "initialize"}\n')
        running.stdin.flush()
        running.stdout.readline()
        assert asyncio.run(step(home))[0].block is BlockReason.CODEX_RUNNING
        assert codex_is_running(place)
        assert not codex_is_running(other)
    assert not codex_is_running(place)


def test_the_process_table_is_read_leniently(tmp_path: Path) -> None:
    home = tmp_path / "me" / ".codex"
    home.mkdir(parents=True)

    def process(number: int, command: str, environ: str | None, cwd: Path = tmp_path) -> None:
        folder = tmp_path / "proc" / str(number)
        folder.mkdir(parents=True)
        (folder / "cmdline").write_text(command.replace(" ", "\0") + "\0")
        if environ is not None:
            (folder / "environ").write_text(environ.replace(" ", "\0"))
        (folder / "cwd").symlink_to(cwd)

    table = tmp_path / "proc"
    assert not codex_is_running(home, table)
    process(1, "vim codex-notes.md", f"HOME={home.parent}")
    process(2, "/usr/bin/codex-proxy", f"HOME={home.parent}")
    process(3, "codex", None)
    process(4, "codex", f"HOME={home.parent} CODEX_HOME={tmp_path}")
    (table / "self").mkdir()
    (table / "5").mkdir()
    assert not codex_is_running(home, table)
    process(6, "node /usr/lib/bin/codex", f"HOME={home.parent}")
    assert codex_is_running(home, table)
    (table / "6" / "cmdline").write_text("bash\0")
    process(7, "/opt/codex-x86_64-unknown-linux-musl", "CODEX_HOME=me/.codex")
    assert codex_is_running(home, table)


def test_one_home_at_a_time(home: Room, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    program = install(RENEW)
    monkeypatch.setattr("poolwatch.custody.delegated.LOCK_PATIENCE_SECONDS", 0.1)
    with held(home.state.lock("codex")):
        assert ask_codex(program, home.file.parent, home.state) is CodexAnswer.BUSY
    assert ask_codex(program, home.file.parent, home.state) is CodexAnswer.ANSWERED


def test_a_silent_codex_is_not_killed(home: Room, install: Install, tmp_path: Path) -> None:
    marker = home.file.parent / "ended"
    program = install(f'import time; time.sleep(0.6); open({str(marker)!r}, "w").close(); {ANSWER}')
    found = ask_codex(program, home.file.parent, home.state, patience_seconds=0.4)
    # it was left to finish what it was doing
    assert found is CodexAnswer.SILENT
    assert marker.exists()


def test_a_program_that_cannot_start(home: Room, tmp_path: Path) -> None:
    broken = tmp_path / "codex"
    broken.write_text("no program")
    broken.chmod(0o755)
    assert ask_codex(broken, home.file.parent, home.state) is CodexAnswer.NOT_STARTED
    assert json.loads(home.file.read_text())
