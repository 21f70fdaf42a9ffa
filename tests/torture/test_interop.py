"""Poolwatch beside a codex that refreshes its login again and again; `make interop` shows the real one.

Without a `codex` on the PATH a stand-in takes its place: a program with the same command, files and messages.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from poolwatch.bootstrap.running import Running
from poolwatch.custody.codex import codexes, working_codex
from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import AnswerKind
from poolwatch.domain.failure import LoginProblem
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome, TokenStep
from poolwatch.domain.status import Section, Status
from tests.torture.apps import Machine, monitor, write_login
from tests.torture.service import LATER_SECONDS, Fault, Seen, Service

pytestmark = pytest.mark.slow

ROUNDS = {"stand-in": 4, "codex": 20}
#: Codex renews at its start what lives for less than five minutes.
SHORT_LIVED_SECONDS = 240

PATIENCE_SECONDS = 30.0
#: A codex that is seen to do nothing so often in a row has started.
STILL_LOOKS = 20
#: Nothing of this may leave the machine, whatever codex wants beside: the port is nobody's.
NOWHERE = "http://127.0.0.1:9"
STAND_IN = """#!{python}
import runpy
runpy.run_path({script!r}, run_name="__main__")
"""


@dataclass(frozen=True)
class Codex:
    """A codex program and the home it works on."""

    program: Path
    home: Path
    service: Service
    rounds: int

    @classmethod
    def make(cls, program: Path, home: Path, service: Service, rounds: int, document: object) -> Codex:
        """A home with a login in it."""
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(
            f'chatgpt_base_url = "{service.base_url}"\ncli_auth_credentials_store = "file"\n'
        )
        write_login(home / "auth.json", document)
        return cls(program, home, service, rounds)

    @property
    def environment(self) -> Mapping[str, str]:
        """As its owner would start it."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home.parent),
            "CODEX_HOME": str(self.home),
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE": self.service.token_url,
            "HTTPS_PROXY": NOWHERE,
        }

    def token(self) -> str:
        """The refresh token in its file."""
        return str(json.loads((self.home / "auth.json").read_text())["tokens"]["refresh_token"])

    def put(self, lives_seconds: int) -> str:
        """Put a new login into its file, under whatever runs, that lives so long; its refresh token."""
        self.service.expires_in(lives_seconds)
        document = self.service.sign_in("cod")
        self.service.expires_in(LATER_SECONDS)
        write_login(self.home / "auth.json", document)
        return self.token()

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Another command of it, alive for a while."""
        process = subprocess.Popen(
            [self.program, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            cwd=self.home,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.program, "app-server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            cwd=self.home,
        )

    async def work(self, meanwhile: object = None) -> Mapping[str, object]:
        """Start it, have it read its limits, and end it; `meanwhile` runs while it is alive."""
        process = await asyncio.to_thread(self._start)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            client = {"name": "interop", "title": "interop", "version": "1"}
            _say(process.stdin, {"id": 0, "method": "initialize", "params": {"clientInfo": client}})
            await asyncio.to_thread(_answer, process.stdout, 0)
            _say(process.stdin, {"method": "initialized"})
            if meanwhile is not None:
                assert callable(meanwhile)
                await meanwhile()
            _say(process.stdin, {"id": 1, "method": "account/rateLimits/read"})
            return await asyncio.to_thread(_answer, process.stdout, 1)
        finally:
            process.stdin.close()
            await asyncio.to_thread(process.wait, 60)
            process.stdout.close()


def _say(to_codex: IO[bytes], message: object) -> None:
    to_codex.write(json.dumps(message).encode() + b"\n")
    to_codex.flush()


def _answer(from_codex: IO[bytes], number: int) -> Mapping[str, object]:
    for line in from_codex:
        said: dict[str, object] = json.loads(line)
        if said.get("id") == number and "method" not in said:
            return said
    raise AssertionError("codex ended without an answer")


async def _listed(running: Running, user: str) -> AccountKey:
    """The account of a user, once the monitor polls."""
    async with asyncio.timeout(30):
        while True:
            keys = [key for key in running.monitor.state.accounts if key.user_id == user]
            if keys and running.monitor.polls:
                return keys[0]
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Watched:
    """A Codex home whose login has been read once, and the monitor that watches it."""

    codex: Codex
    running: Running
    key: AccountKey

    async def press(self) -> TokenStep:
        """`r`, and how its token step ended."""
        answer = await self.running.monitor.refresh(self.key)
        assert answer.kind is AnswerKind.STARTED
        async with asyncio.timeout(60):
            while True:
                progress = self.running.monitor.state.accounts[self.key].refresh
                if progress is not None and progress.done:
                    assert progress.token is not None
                    return progress.token
                await asyncio.sleep(0.01)

    def judged(self) -> PoolOverview:
        return overview(self.running.monitor.state, datetime.now(UTC), self.running.around.rules)

    def status(self) -> Status:
        return self.judged().by_key[self.key].status.kind

    @property
    def seen(self) -> Seen:
        return self.codex.service.seen("cod")


@asynccontextmanager
async def watched(program: Path, service: Service, folder: Path) -> AsyncIterator[Watched]:
    """Codex and poolwatch on one home; its token is good, and its figures are known."""
    home = folder / "codex-home"
    codex = Codex.make(program, home, service, 1, service.sign_in("cod"))
    machine = folder / "machine"
    machine.mkdir(mode=0o700)
    (machine / "config.toml").write_text(
        f'[[sources]]\nkind = "codex-home"\npath = "{home}"\n'
        f'base_url = "{service.base_url}"\ntoken_url = "{service.token_url}"\n'
    )
    async with monitor(machine) as running:
        one = Watched(codex, running, await _listed(running, "user-cod"))
        progress = await running.monitor.chain.run(one.key)
        assert not progress.failed
        assert one.status() is Status.ACTIVE
        yield one


def _settle(home: Path) -> None:
    """Wait until what was started does nothing any more: while it starts, codex asks for this and that."""
    end, still = time.monotonic() + PATIENCE_SECONDS, 0
    while still < STILL_LOOKS:
        still = still + 1 if list(codexes(home).values()) == [False] else 0
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(params=["stand-in", "codex"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def program(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if kind == "codex":
        found = shutil.which("codex")
        if found is None:
            pytest.skip("no codex program on the PATH")
        return Path(found)
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in = folder / "codex"
    stand_in.write_text(
        STAND_IN.format(python=sys.executable, script=str(Path(__file__).with_name("codex_stand_in.py")))
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return stand_in


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with Service() as running:
        monkeypatch.setenv("CODEX_REFRESH_TOKEN_URL_OVERRIDE", running.token_url)
        monkeypatch.setenv("HTTPS_PROXY", NOWHERE)
        yield running


async def test_codex_keeps_its_login_beside_poolwatch(
    kind: str, program: Path, service: Service, tmp_path: Path
) -> None:
    service.expires_in(SHORT_LIVED_SECONDS)
    home = tmp_path / "codex-home"
    codex = Codex.make(program, home, service, ROUNDS[kind], service.sign_in("cod"))
    more = (
        f'[[sources]]\nkind = "codex-home"\npath = "{home}"\n'
        f'base_url = "{service.base_url}"\ntoken_url = "{service.token_url}"\n'
    )
    machine = Machine.make(tmp_path / "machine", service, "ann", more)
    async with monitor(machine.folder) as running:
        key = await _listed(running, "user-cod")
        pressed: list[RefreshProgress] = []

        async def press() -> None:
            pressed.append(await running.monitor.chain.run(key))

        for _ in range(codex.rounds):
            limits = await codex.work(press)
            assert "error" not in limits
            await running.monitor.chain.run(key, usage_only=True)
            seen = service.seen("cod")
            assert codex.token() == seen.valid
            assert (seen.own_posts, seen.reused) == (0, 0)
    assert seen.posts >= codex.rounds - 1
    steps = [progress.token for progress in pressed]
    # while codex is alive its login is read, and never renewed by way of a second codex
    assert all(step is not None and step.block in (None, BlockReason.CODEX_RUNNING) for step in steps)
    assert service.seen("cod").unknown == 0


async def test_codex_accepts_a_file_that_poolwatch_wrote(
    program: Path, service: Service, tmp_path: Path
) -> None:
    machine = Machine.make(tmp_path / "machine", service, "ann")
    async with monitor(machine.folder) as running:
        key = await _listed(running, "user-ann")
        progress = await running.monitor.chain.run(key)
    assert progress.token is not None
    assert progress.token.failure is None
    seen = service.seen("ann")
    assert machine.holds(seen.valid)
    written = json.loads(machine.file.read_text())
    codex = Codex.make(program, tmp_path / "codex-home", service, 1, written)
    limits = await codex.work()
    assert "error" not in limits
    assert service.readers()[-1] == seen.access
    assert codex.token() == seen.valid
    assert service.seen("ann").posts == seen.posts


DAEMON = ("app-server", "--listen", "unix://", "--managed-daemon")
UPDATER = ("app-server", "daemon", "pid-update-loop")


@pytest.mark.parametrize("words", [DAEMON, UPDATER], ids=["idle daemon", "updater"])
async def test_a_login_that_expires_beside_what_renews_nothing_is_renewed_on_r(
    program: Path, service: Service, tmp_path: Path, words: tuple[str, ...]
) -> None:
    async with watched(program, service, tmp_path) as one:
        with one.codex.running(*words) as beside:
            await asyncio.to_thread(_settle, one.codex.home)
            before = one.codex.put(-300)
            posts = one.seen.posts
            step = await one.press()
            assert step.outcome is TokenOutcome.DELEGATED
            assert beside.poll() is None
            seen = one.seen
            assert (seen.posts - posts, seen.own_posts, seen.reused) == (1, 0, 0)
            assert one.codex.token() == seen.valid != before
            assert one.status() is Status.ACTIVE


async def test_a_dead_login_of_codex_needs_a_person(program: Path, service: Service, tmp_path: Path) -> None:
    async with watched(program, service, tmp_path) as one:
        one.codex.put(-300)
        service.sign_in("cod")  # elsewhere: what is in the file is used up
        before = (one.codex.home / "auth.json").read_bytes()
        step = await one.press()
        assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.CODEX_LOGIN_DEAD)
        judged = one.judged()
        assert one.status() is Status.NEEDS_LOGIN
        assert judged.by_key[one.key].status.login_problem is LoginProblem.REJECTED
        assert judged.by_key[one.key].section is Section.NEEDS_YOU
        assert judged.next_up is None
        assert (one.codex.home / "auth.json").read_bytes() == before
        assert (one.seen.own_posts, one.seen.own_reused) == (0, 0)
        # a new login in the file ends that
        one.codex.put(LATER_SECONDS)
        assert (await one.press()).outcome is TokenOutcome.ADOPTED
        assert one.status() is Status.ACTIVE


async def test_a_login_service_that_is_down_ends_no_login(
    program: Path, service: Service, tmp_path: Path
) -> None:
    async with watched(program, service, tmp_path) as one:
        before = one.codex.put(-300)
        for _ in range(100):
            service.fault(Fault(exchange=False, status=500))
        step = await one.press()
        assert (step.outcome, step.block) == (TokenOutcome.FAILED, None)
        assert (one.codex.token(), one.seen.own_posts) == (before, 0)
        # nobody has renewed it, so nothing says that it is of use
        assert one.status() is Status.NEEDS_LOGIN
        assert one.judged().by_key[one.key].status.login_problem is LoginProblem.EXPIRED
        service.no_faults()
        assert (await one.press()).outcome is TokenOutcome.DELEGATED
        assert one.codex.token() == one.seen.valid
        assert one.status() is Status.ACTIVE


async def test_a_codex_that_works_is_left_its_time_and_asked_beside_only_after_a_warning(
    program: Path, service: Service, tmp_path: Path
) -> None:
    async with watched(program, service, tmp_path) as one:

        async def meanwhile() -> None:
            one.codex.put(-1)
            posts = one.seen.posts
            step = await one.press()
            assert step.block is BlockReason.CODEX_RUNNING
            working = step.pid
            assert working == working_codex(one.codex.home)
            assert one.status() is Status.ACTIVE
            one.codex.put(-121)
            step = await one.press()
            assert (step.block, step.pid) == (BlockReason.CODEX_LATE, working)
            assert one.status() is Status.NEEDS_LOGIN
            assert one.seen.posts == posts
            assert (await one.press()).outcome is TokenOutcome.DELEGATED
            assert (one.seen.posts - posts, one.seen.reused) == (1, 0)
            assert one.codex.token() == one.seen.valid
            assert one.status() is Status.ACTIVE

        await one.codex.work(meanwhile)
