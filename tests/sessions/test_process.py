"""The process that reads session files: once, tied to who started it, and looking again and again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from poolwatch.bootstrap.running import Running
from poolwatch.bootstrap.scanning import book_of_home, keep_reading, read_sessions, session_homes
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.config.problems import ConfigProblems
from poolwatch.domain.tokens import ScanState, Tokens, UseAsked
from poolwatch.host.locks import held
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.progress import WATCH_LOCK_NAME
from poolwatch.sessions.tables import FILE_NAME, BookProblem
from poolwatch.sessions.watch import Clocks, Watch
from tests.sessions.builder import Thread, U

_A, _B = U(10, 1, 5), U(20, 2, 7)


def _used(state: Path) -> Tokens:
    tokens = Tokens()
    for cell in UseBook(state).cells(UseAsked(0, 10**9)):
        tokens += cell.tokens
    return tokens


def test_what_comes_while_it_watches_is_counted(tmp_path: Path) -> None:
    state, home = tmp_path / "state", tmp_path / "home"
    path = Thread("one").head().turn().counter(_A).write(home)
    clock = [Thread("one").created.timestamp()]

    def append() -> None:
        with path.open("ab") as file:
            file.write(Thread("one").counter(U(30, 3, 12), _B).content())

    def compress() -> None:
        old = Thread("two").head().turn().counter(_A)
        old.write(home).unlink()
        old.write(home, cold=True)

    def begin_anew() -> None:
        (state / FILE_NAME).unlink()

    def wait_long() -> None:
        clock[0] += 100

    steps: list[tuple[Callable[[], object], Tokens]] = [
        (lambda: None, Tokens(10, 1, 0, 5, 0)),
        (append, Tokens(30, 3, 0, 12, 0)),
        (lambda: Thread("two").head().turn().counter(_A).write(home), Tokens(40, 4, 0, 17, 0)),
        (compress, Tokens(40, 4, 0, 17, 0)),
        (path.unlink, Tokens(40, 4, 0, 17, 0)),
        (wait_long, Tokens(40, 4, 0, 17, 0)),
        # its facts are gone with the file
        (begin_anew, Tokens(10, 1, 0, 5, 0)),
    ]
    seen: list[Tokens] = []

    def is_wanted(seconds: float) -> bool:
        if seconds:
            if seen or _used(state) == steps[0][1]:
                seen.append(_used(state))
            if len(seen) == len(steps):
                return False
            steps[len(seen)][0]()
        return True

    # a processor that is slow: all files are looked at once in a minute
    clocks = Clocks(lambda: clock[0], lambda: clock[0], iter(range(10**6)).__next__)
    Watch(state, [str(home)], clocks, is_wanted).run()
    assert seen == [tokens for _, tokens in steps]


def test_it_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "home" / "sessions").mkdir(parents=True)
    order = [sys.executable, "-m", "poolwatch.sessions", "--watch", "--state", str(tmp_path / "state")]
    with subprocess.Popen([*order, "--home", str(tmp_path / "home")], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_command_is_told_how_far_it_is_and_why_nothing_can_be_kept(tmp_path: Path) -> None:
    Thread("one").head().turn().counter(_A).write(tmp_path / "home")
    told: list[ScanState] = []

    def read(state: Path) -> BookProblem | None:
        return asyncio.run(read_sessions(state, [str(tmp_path / "home")], os.environ, told.append))

    assert read(tmp_path / "state") is None
    assert _used(tmp_path / "state") == Tokens(10, 1, 0, 5, 0)
    found = UseBook(tmp_path / "state").scan_state()
    assert (found.files, found.running) == (1, False)
    assert found.complete_at is not None
    (tmp_path / "odd" / FILE_NAME).mkdir(parents=True)
    assert read(tmp_path / "odd") is BookProblem.DENIED


def test_a_process_that_was_ended_has_not_read_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        process.kill()
        return process

    monkeypatch.setattr("poolwatch.bootstrap.scanning.start_module", start)
    ended = asyncio.run(read_sessions(tmp_path, [], os.environ, lambda _: None))
    assert ended is BookProblem.ENDED


def test_homes_are_those_configured_and_the_usual_ones(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[sources]]\nkind = "codex-home"\npath = "{tmp_path}/homes/*"\n'
        f'[[sources]]\nname = "b"\nkind = "codex-home"\npath = "{tmp_path}/x/auth.json"\n'
    )
    for name in ("a", "b"):
        (tmp_path / "homes" / name).mkdir(parents=True)
    env = {"HOME": str(tmp_path), "CODEX_HOME": f"{tmp_path}/given"}
    around = look_around(Options(config), env)
    assert not isinstance(around, ConfigProblems)
    homes = session_homes(around)
    assert homes == [f"{tmp_path}/{name}" for name in ("homes/a", "homes/b", "x", "given", ".codex")]
    own = {book_of_home(around, Path(home)) for home in homes}
    assert len(own) == 5
    assert all(folder.is_relative_to(around.state_dir) for folder in own)


async def test_while_poolwatch_runs_it_is_read_and_then_no_more(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    around = look_around(Options(), env)
    assert isinstance(around, Surroundings)
    turns = asyncio.Semaphore(0)

    class Time:
        async def sleep(self, seconds: float) -> None:
            turns.release()
            await asyncio.sleep(0.05)

    running = cast("Running", SimpleNamespace(around=around, services=SimpleNamespace(clock=Time())))
    reading = asyncio.create_task(keep_reading(running))
    # without session files no process is started
    await turns.acquire()
    await turns.acquire()
    assert not (tmp_path / "state" / WATCH_LOCK_NAME).exists()
    Thread("one").head().turn().counter(_A).write(tmp_path / ".codex")
    async with asyncio.timeout(10):
        while _used(tmp_path / "state") != Tokens(10, 1, 0, 5, 0):
            await turns.acquire()
    # another poolwatch leaves it to this one
    other = asyncio.create_task(keep_reading(running))
    await asyncio.sleep(0.1)
    for task in (other, reading):
        with held(tmp_path / "state" / WATCH_LOCK_NAME) as is_free:
            assert not is_free
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    with held(tmp_path / "state" / WATCH_LOCK_NAME, 5) as is_free:
        assert is_free
