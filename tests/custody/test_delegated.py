"""Renewal by the installed codex, with a program on the PATH that behaves like it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.custody.codex import CodexAnswer, ask_codex, codexes, working_codex
from poolwatch.custody.token_step import token_step
from poolwatch.domain.account import Custody
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from tests.custody.rooms import LATER, NOW, Room, codex_document, write_json
from tests.support.token_server import CANARY

FAKE = """#!{python}
import json, os, sys
ACCOUNT = '{{"account": {{"type": "chatgpt"}}, "requiresOpenaiAuth": true}}'
GONE = '{{"account": null, "requiresOpenaiAuth": true}}'
def say(document):
    print(document, flush=True)
home = os.environ["CODEX_HOME"]
log = open(os.path.join(home, "log"), "a")
own = sorted(k for k in os.environ if k.startswith("POOLWATCH_"))
print(sys.argv[1:], os.environ.get("HTTPS_PROXY"), own, file=log)
for line in sys.stdin:
    said = json.loads(line)
    print(said.get("method"), file=log, flush=True)
    if said.get("method") == "initialize":
        name = said["params"]["clientInfo"]["name"]
        print(os.environ["CODEX_INTERNAL_ORIGINATOR_OVERRIDE"], name, file=log)
        print(json.dumps({{"id": said["id"], "result": {{}}}}), flush=True)
        print(json.dumps({{"method": "account/updated", "params": {{}}}}), flush=True)
    elif said.get("method") == "account/rateLimits/read":
        {act}
    elif said.get("method") == "account/read":
        {account}
"""
#: What codex answers when it is asked for its account.
SIGNED_IN = """say('{"id": 2, "result": %s}' % ACCOUNT)"""
SIGNED_OUT = """say('{"id": 2, "result": %s}' % GONE)"""
NOT_TOLD = """say('{"id": 2, "error": {"code": -32603, "message": "workspace routing discovery failed"}}')"""
RENEW = """
        os.replace(os.path.join(home, "next.json"), os.path.join(home, "auth.json"))
        print(json.dumps({"id": said["id"], "result": {}}), flush=True)
"""
ANSWER = 'print(json.dumps({"id": said["id"], "result": {}}), flush=True)'
FAIL = 'print(json.dumps({"id": said["id"], "error": {"code": 1, "message": "%s"}}), flush=True)'
#: the same words for a dead login and for a login service that is down
REFUSED = FAIL % "401 Unauthorized: Please try signing in again."
CRASH = "sys.exit(3)"
SILENCE = "pass"

Install = Callable[..., Path]


@pytest.fixture
def home(room: Room) -> Room:
    file = write_json(room.file.parent.parent / "home" / "auth.json", codex_document(room.server.valid))
    write_json(file.with_name("next.json"), codex_document(f"rt_{CANARY}_8", expires=LATER))
    return replace(room, file=file)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    def put(act: str, account: str = SIGNED_IN) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "codex"
        program.write_text(FAKE.format(python=sys.executable, act=act.strip(), account=account))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return program

    return put


async def step(
    room: Room,
    *,
    delegate: bool = True,
    read_only: bool = False,
    beside: bool = False,
    since: timedelta = timedelta(0),
    rejected: bool = False,
) -> tuple[TokenStep, list[str]]:
    """`r` so long after the token has expired."""
    told: list[str] = []
    mark = room.login.fingerprint
    refused = frozenset({mark} if rejected and mark is not None else ())
    ask = replace(room.ask(), now=NOW + since, beside_codex=beside, rejected=refused)
    rules = room.rules(delegate=delegate, read_only=read_only)
    listing = room.listing(Custody.CODEX)
    found = await token_step(listing, room.file, rules, ask, lambda: told.append("codex"))
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
        # poolwatch's name does not stand before codex's version; that it asks is told all the same
        "codex_cli_rs poolwatch",
        "initialized",
        "account/rateLimits/read",
        "account/read",
    ]
    assert home.server.connections == 0


@pytest.mark.parametrize(
    ("act", "account", "outcome", "block"),
    [
        (REFUSED, SIGNED_OUT, TokenOutcome.BLOCKED, BlockReason.CODEX_LOGIN_DEAD),
        (ANSWER, SIGNED_OUT, TokenOutcome.BLOCKED, BlockReason.CODEX_LOGIN_DEAD),
        (REFUSED, NOT_TOLD, TokenOutcome.FAILED, None),
        (REFUSED, SIGNED_IN, TokenOutcome.FAILED, None),
        (REFUSED, """say('{"id": 2, "result": {"account": null}}')""", TokenOutcome.FAILED, None),
        (REFUSED, CRASH, TokenOutcome.FAILED, None),
        (ANSWER, SIGNED_IN, TokenOutcome.FAILED, None),
        (CRASH, SIGNED_OUT, TokenOutcome.FAILED, None),
    ],
)
async def test_a_codex_that_does_not_renew(
    home: Room, install: Install, act: str, account: str, outcome: TokenOutcome, block: BlockReason | None
) -> None:
    """Its account tells a login that is over from one that could not be renewed just now."""
    install(act, account)
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


@contextmanager
def working(program: Path, home: Path) -> Iterator[int]:
    """A codex that is open on a home, by its process id."""
    environment = {**os.environ, "CODEX_HOME": str(home), "CODEX_INTERNAL_ORIGINATOR_OVERRIDE": "x"}
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b'{"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "x"}}}\n')
        running.stdin.flush()
        running.stdout.readline()
        yield running.pid


def test_codex_that_is_open_on_the_home_renews_by_itself(
    home: Room, install: Install, tmp_path: Path
) -> None:
    program = install(RENEW)
    place = home.file.parent
    link = tmp_path / "link"
    link.symlink_to(place)
    other = tmp_path / "other"
    other.mkdir()
    with working(program, link) as pid:
        found = asyncio.run(step(home))[0]
        assert (found.block, found.pid) == (BlockReason.CODEX_RUNNING, pid)
        assert working_codex(place) == pid
        assert working_codex(other) is None
    assert working_codex(place) is None


@pytest.mark.parametrize(
    ("since", "rejected", "beside", "block"),
    [
        (0, False, False, BlockReason.CODEX_RUNNING),
        (119, False, False, BlockReason.CODEX_RUNNING),
        # nobody is in need of that: it has its time
        (119, False, True, BlockReason.CODEX_RUNNING),
        (120, False, False, BlockReason.CODEX_LATE),
        # what the service refuses codex does not take for expired
        (-60, True, False, BlockReason.CODEX_LATE),
        (120, False, True, None),
        (-60, True, True, None),
    ],
)
def test_beside_a_codex_that_works_a_login_is_renewed_late_and_only_when_told(
    home: Room, install: Install, since: float, rejected: bool, beside: bool, block: BlockReason | None
) -> None:
    program = install(RENEW)
    with working(program, home.file.parent) as pid:
        found, told = asyncio.run(
            step(home, since=timedelta(seconds=since), rejected=rejected, beside=beside)
        )
        assert (found.block, found.pid) == (block, pid if block is not None else None)
        assert found.outcome is (TokenOutcome.BLOCKED if block is not None else TokenOutcome.DELEGATED)
        assert told == ([] if block is not None else ["codex"])


@dataclass(frozen=True)
class Table:
    """A process table on disk."""

    root: Path

    def put(
        self,
        number: int,
        command: str,
        environ: str | None,
        *,
        parent: int = 1,
        sockets: tuple[int, ...] = (),
        unix: str = "",
        tcp: str = "",
    ) -> None:
        folder = self.root / str(number)
        (folder / "net").mkdir(parents=True)
        (folder / "fd").mkdir()
        (folder / "cmdline").write_text(command.replace(" ", "\0") + "\0")
        (folder / "stat").write_text(f"{number} (co) dex) S {parent} 1 1")
        if environ is not None:
            (folder / "environ").write_text(environ.replace(" ", "\0"))
        (folder / "cwd").symlink_to(self.root.parent)
        (folder / "net" / "unix").write_text(f"Num RefCount Protocol Flags Type St Inode Path\n{unix}")
        (folder / "net" / "tcp").write_text(f"sl local_address rem_address st\n{tcp}")
        (folder / "fd" / "0").symlink_to("/dev/null")
        for handle, inode in enumerate(sockets, 3):
            (folder / "fd" / str(handle)).symlink_to(f"socket:[{inode}]")


@pytest.fixture
def table(tmp_path: Path) -> Table:
    (tmp_path / "proc").mkdir()
    return Table(tmp_path / "proc")


@pytest.fixture
def codex_home(tmp_path: Path) -> Path:
    home = tmp_path / "me" / ".codex"
    home.mkdir(parents=True)
    return home


def test_the_process_table_is_read_leniently(table: Table, codex_home: Path, tmp_path: Path) -> None:
    def works() -> int | None:
        return working_codex(codex_home, table.root)

    assert works() is None
    assert codexes(codex_home, table.root / "none") == {}
    here = f"HOME={codex_home.parent}"
    table.put(1, "vim codex-notes.md", here)
    table.put(2, "/usr/bin/codex-proxy", here)
    table.put(3, "codex", None)
    table.put(4, "codex", f"{here} CODEX_HOME={tmp_path}")
    (table.root / "self").mkdir()
    (table.root / "5").mkdir()
    assert works() is None
    table.put(6, "node /usr/lib/bin/codex", here)
    assert works() == 6
    # the one that counts is the one that it started
    table.put(7, "/usr/lib/codex/bin/codex", here, parent=6)
    assert works() == 7
    # a codex that runs another one works all the same
    table.put(8, "codex exec", here, parent=7)
    assert works() == 7
    for number in (6, 7, 8):
        (table.root / str(number) / "cmdline").write_text("bash\0")
    table.put(9, "/opt/codex-x86_64-unknown-linux-musl", "CODEX_HOME=me/.codex")
    assert works() == 9


DAEMON = "codex app-server --listen unix:// --managed-daemon"
DOOR = "0: 00000002 00000000 00010000 0001 01 11 /tmp/door\n"
PAIR = "0: 00000003 00000000 00000000 0001 03 12\n"
CLIENT = "0: 00000003 00000000 00000000 0001 03 13 /tmp/door\n"
WAITS = "0: 00000002 00000000 00000000 0001 02 0 /tmp/door\n"
ANOTHERS = "0: 00000003 00000000 00000000 0001 03 14 /tmp/other-door\n"
LINE = "0: 0100007F:9C40 0100007F:01BB {} 0:0 0:0 0 0 0 {} 1\n"


@pytest.mark.parametrize(
    ("command", "unix", "tcp", "works"),
    [
        ("codex app-server daemon pid-update-loop", "", "", False),
        ("/home/x/bin/codex app-server daemon pid-update-loop", DOOR + CLIENT, "", False),
        ("codex pid-update-loop", "", "", True),
        (DAEMON, DOOR + PAIR + ANOTHERS, "", False),
        ("codex app-server --listen=unix:///tmp/x.sock", DOOR, "", False),
        (DAEMON, DOOR + CLIENT, "", True),
        # not let in yet
        (DAEMON, DOOR + WAITS, "", True),
        # a turn goes on without its client
        (DAEMON, DOOR, LINE.format("01", 12), True),
        (DAEMON, DOOR, LINE.format("06", 12) + LINE.format("01", 99), False),
        # what cannot be told works
        (DAEMON, "", "", True),
        (DAEMON, ANOTHERS, "", True),
        (DAEMON, DOOR.replace("00010000", "?"), "", True),
        ("codex app-server --remote-control --listen unix:// --managed-daemon", DOOR, "", True),
        ("codex app-server --listen ws://127.0.0.1:1", DOOR, "", True),
        ("codex app-server --listen", DOOR, "", True),
        ("codex app-server", DOOR, "", True),
        ("codex exec --listen unix://", DOOR, "", True),
        ("codex", "", "", True),
    ],
)
def test_an_updater_and_a_daemon_without_a_client_do_not_work(
    table: Table, codex_home: Path, command: str, unix: str, tcp: str, works: bool
) -> None:
    table.put(70, command, f"CODEX_HOME={codex_home}", sockets=(11, 12, 13), unix=unix, tcp=tcp)
    assert codexes(codex_home, table.root) == {70: works}
    assert working_codex(codex_home, table.root) == (70 if works else None)


def test_one_home_at_a_time(home: Room, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    program = install(RENEW)
    monkeypatch.setattr("poolwatch.custody.codex.LOCK_PATIENCE_SECONDS", 0.1)
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


def test_a_codex_that_does_not_tell_its_account_is_left_running(home: Room, install: Install) -> None:
    program = install(REFUSED, SILENCE)
    found = ask_codex(program, home.file.parent, home.state, patience_seconds=0.4)
    assert found is CodexAnswer.SILENT


def test_a_name_that_its_owner_gave_codex_stays(
    home: Room, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = install(ANSWER)
    monkeypatch.setenv("CODEX_INTERNAL_ORIGINATOR_OVERRIDE", "theirs")
    assert ask_codex(program, home.file.parent, home.state) is CodexAnswer.ANSWERED
    assert "theirs poolwatch" in (home.file.parent / "log").read_text()


def test_a_program_that_cannot_start(home: Room, tmp_path: Path) -> None:
    broken = tmp_path / "codex"
    broken.write_text("no program")
    broken.chmod(0o755)
    assert ask_codex(broken, home.file.parent, home.state) is CodexAnswer.NOT_STARTED
    assert json.loads(home.file.read_text())
